"""CSV with one object a line, as keras-frcnn and keras-retinanet users have it: path,x1,y1,x2,y2,class."""

import csv
import functools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from frcnn_keras.data.example import Dataset
from frcnn_keras.data.image_files import find_image, read_file
from frcnn_keras.data.validation import Assembly, RawObject, resolve_classes
from frcnn_keras.errors import InputError

_HEADERS = (["x1", "y1", "x2", "y2"], ["xmin", "ymin", "xmax", "ymax"])


def read_csv(path, class_names: Sequence[str] | None = None, *, scale_boxes: bool = False) -> Dataset:
    """Reads lines path,x1,y1,x2,y2,class; a line `path,,,,,` is an image without objects; a header line may lead.

    Boxes are pixels from 0 with continuous edges (width = x2 - x1) and stay as they are. Paths are relative to the
    CSV's folder. Classes: class_names, else those found, by alphabet. Raises InputError for a file that is no CSV; one
    bad line among many becomes a fatal Problem that names it.
    """
    path = Path(path)
    objects: dict[str, list[RawObject]] = {}  # by image, as the lines name it
    lines: dict[str, int] = {}  # where each image is met first
    broken: list[tuple[str, str]] = []
    for line, cells in _rows(path):
        try:
            raw = _object(line, cells)
        except InputError as error:
            broken.append((f"line {line}", str(error)))
            continue
        lines.setdefault(cells[0], line)
        objects.setdefault(cells[0], []).extend([raw] if raw else [])
    names = sorted({raw.name for image_objects in objects.values() for raw in image_objects})
    assembly = Assembly(str(path), resolve_classes(names, class_names), scale_boxes=scale_boxes)
    for item, message in broken:
        assembly.report(path, message, item)
    for (name, image_objects), id in zip(objects.items(), _ids(list(objects)), strict=True):
        _add(assembly, path, name, id, f"line {lines[name]}", image_objects)
    return assembly.finish()


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """(line number, cells) of each line that is not empty, without the header."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            try:
                rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(map(str.strip, row))]
            except csv.Error as error:
                raise InputError(f"{path}: line {reader.line_num}: malformed CSV ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file in UTF-8 ({error.reason} at byte {error.start})") from error
    if rows and _is_header(path, *rows[0]):
        rows = rows[1:]
    return rows


def _is_header(path: Path, line: int, cells: list[str]) -> bool:
    """A first line whose coordinates are words is a header, which must name the columns in the order that is read."""
    words = [cell.lower() for cell in cells[1:5]]
    if len(words) < 4 or any(not word or _is_number(word) for word in words):
        return False
    if words not in _HEADERS or len(cells) != 6:
        received = ",".join(cells)
        raise InputError(f"{path}: line {line}: the columns must be path,x1,y1,x2,y2,class; received: {received:.100}")
    return True


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _object(line: int, cells: list[str]) -> RawObject | None:
    """The object of a line, None where the line stands for an image without objects."""
    if len(cells) != 6 or not cells[0]:
        raise InputError(f"six columns path,x1,y1,x2,y2,class are needed; received: {','.join(cells):.100}")
    if not any(cells[1:]):
        return None
    if not all(map(_is_number, cells[1:5])):
        raise InputError(f"x1,y1,x2,y2 must be numbers; received: {','.join(cells[1:5]):.100}")
    return RawObject(cells[5], tuple(map(float, cells[1:5])), f"line {line}" + (f" ({cells[5]})" if cells[5] else ""))


def _ids(names: list[str]) -> list[str]:
    """The stem of each path; where several share it, the whole path, its parts joined by underscores."""
    paths = [Path(name.replace("\\", "/")) for name in names]
    stems = Counter(path.stem for path in paths)
    return [path.stem if stems[path.stem] == 1 else "_".join(path.with_suffix("").parts).replace("/", "")
            for path in paths]


def _add(assembly: Assembly, path: Path, name: str, id: str, item: str, objects: list[RawObject]) -> None:
    """Adds the image of a path with its objects, or reports what is wrong with it."""
    try:
        image = find_image(path.parent, name if (path.parent / name).is_file() else name.replace("\\", "/"))
    except InputError as error:
        assembly.report(path, str(error), item)
        return
    header = assembly.header_of(image)
    if header is None:
        return
    assembly.add(id, image, functools.partial(read_file, str(image)), header, objects, path=image, annotated_in=path)
