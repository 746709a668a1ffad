"""CSV with one object a line: path,x1,y1,x2,y2,class, or the columns that a header names."""

import dataclasses
import functools
import os
from collections.abc import Sequence
from pathlib import Path

from frcnn_keras.data.example import Dataset
from frcnn_keras.data.image_files import read_file
from frcnn_keras.data.image_paths import ImageFolder
from frcnn_keras.errors import InputError
from frcnn_keras.readers.csv_table import Broken, Row, rows
from frcnn_keras.readers.validation import Assembly, RawObject, resolve_classes


@dataclasses.dataclass
class _Image:
    """What the lines say of one image."""

    file: Path
    stated: tuple[int, int] = (0, 0)  # by the first line that says it, which is `stated_in`
    stated_in: int = 0
    objects: list[RawObject] = dataclasses.field(default_factory=list)
    others: list[int] = dataclasses.field(default_factory=list)  # lines that state another size

    def add(self, row: Row) -> None:
        """One line more."""
        if 0 not in row.stated and not self.stated_in:
            self.stated, self.stated_in = row.stated, row.line
        if 0 not in row.stated and row.stated != self.stated:
            self.others.append(row.line)
        elif row.raw:
            self.objects.append(row.raw)


def read_csv(path, class_names: Sequence[str] | None = None, *, scale_boxes: bool = False) -> Dataset:
    """Reads lines path,x1,y1,x2,y2,class; a line `path,,,,,` is an image without objects.

    A header may name columns in any order, among them the image's width and height and `difficult`, as the TensorFlow
    tutorials' filename,width,height,class,xmin,ymin,xmax,ymax does; other columns are passed over. Cells are parted by
    commas, semicolons (numbers may have decimal commas then) or tabs; UTF-8, or UTF-16 with its mark.

    Boxes are pixels from 0 with continuous edges (width = x2 - x1) and stay as they are; scale_boxes: see `Assembly`.
    Paths are relative to the CSV's folder; an image's id is its path from there, with suffix. Classes: class_names,
    else those found, by alphabet. Raises InputError for a file that is no CSV; one bad line among many becomes a fatal
    Problem that names it.
    """
    path = Path(path)
    folder = ImageFolder(path.parent)
    images: dict[str, _Image] = {}  # by where they are
    spelled: dict[str, _Image] = {}  # as the lines name them: one image may have several spellings
    broken: list[Broken] = []
    for row in rows(path):
        if isinstance(row, Broken):
            broken.append(row)
            continue
        if row.path not in spelled:
            try:
                file = folder.find(row.path)
                spelled[row.path] = images.setdefault(os.path.abspath(file), _Image(file))
            except InputError as error:
                spelled[row.path] = _Image(path)  # its objects count for the classes alone
                broken.append(Broken(row.line, str(error)))
        spelled[row.path].add(row)
    names = sorted({raw.name for image in spelled.values() for raw in image.objects})
    assembly = Assembly(str(path), resolve_classes(names, class_names), scale_boxes=scale_boxes)
    for line, message in broken:
        assembly.report(path, message, f"line {line}")
    for image in images.values():
        _add(assembly, path, folder, image)
    return assembly.finish()


def _add(assembly: Assembly, path: Path, folder: ImageFolder, image: _Image) -> None:
    """Adds an image with its objects, or reports what is wrong with it."""
    for line in image.others:
        assembly.report(path, f"its width and height are not those of line {image.stated_in}, which names the same "
                              "image", f"line {line}")
    header = assembly.header_of(image.file)
    if header is not None:
        read = functools.partial(read_file, str(image.file))
        assembly.add(folder.id_of(image.file), image.file, read, header, image.objects, path=image.file,
                     stated=image.stated, annotated_in=path)
