"""CSV with one object a line: path,x1,y1,x2,y2,class, or the columns that a header names."""

import dataclasses
import functools
import os
from collections.abc import Sequence
from pathlib import Path

from frcnn_keras.data.example import Dataset
from frcnn_keras.data.image_files import read_file
from frcnn_keras.data.image_paths import ImageFolder, shown
from frcnn_keras.errors import InputError
from frcnn_keras.readers.csv_table import Broken, Row, rows
from frcnn_keras.readers.split_names import SPLITS, canonical
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


def csv_splits(path: Path) -> list[str]:
    """train, val and test as a column `split` (subset, partition) has them, in that order; empty where there is none,
    or not every line has one of these. InputError for a file that is no CSV of objects."""
    found: set[str] = set()
    for row in rows(path):
        if isinstance(row, Row):
            found.add(canonical(row.split))
            if not found <= SPLITS.keys():
                return []
    return [name for name in SPLITS if name in found]


def read_csv(path, class_names: Sequence[str] | None = None, *, split: str | None = None,
             scale_boxes: bool = False) -> Dataset:
    """Reads lines path,x1,y1,x2,y2,class; a line `path,,,,,` is an image without objects.

    A header may name columns in any order, among them the image's width and height and `difficult`, as the TensorFlow
    tutorials' filename,width,height,class,xmin,ymin,xmax,ymax does; other columns are passed over. split: only lines
    that a column `split` says that of (see `csv_splits`); all where it is None. Cells are parted by
    commas, semicolons (numbers may have decimal commas then) or tabs; UTF-8, or UTF-16 with its mark.

    Boxes are pixels from 0 with continuous edges (width = x2 - x1) and stay as they are; scale_boxes: see `Assembly`.
    Paths are relative to the CSV's folder; an image's id is its path from there, with suffix. Classes: class_names,
    else those found, by alphabet. Raises InputError for a file that is no CSV; one bad line among many becomes a fatal
    Problem that names it.
    """
    path = Path(path)
    splits = csv_splits(path)
    if split is not None and canonical(split) not in splits:
        told = f"there are: {', '.join(splits)}" if splits else "it has no column split with train, val or test in " \
                                                                "every line; leave --split out"
        raise InputError(f"{path}: there is no split {shown(split)}; {told}")
    folder = ImageFolder(path.parent)
    images: dict[str, _Image] = {}  # by where they are
    spelled: dict[str, _Image] = {}  # as the lines name them: one image may have several spellings
    broken: list[Broken] = []
    told = False  # whether a column of splits says anything
    for row in rows(path):
        if isinstance(row, Broken):
            broken.append(row)
            continue
        told = told or bool(row.split)
        if split is not None and canonical(row.split) != canonical(split):
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
    assembly = Assembly(f"{path} {split}" if split else str(path), resolve_classes(names, class_names), scale_boxes)
    for line, message in broken:
        assembly.report(path, message, f"line {line}")
    if splits and split is None:
        assembly.report(path, f"lines of all its splits are read ({', '.join(splits)}); name one with --split",
                        fatal=False)
    if told and not splits:
        assembly.report(path, "its column of splits is passed over: not every line says train, val or test there",
                        fatal=False)
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
