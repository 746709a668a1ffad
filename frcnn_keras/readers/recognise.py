"""What form a data set has, found out by what lies in its folder."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from frcnn_keras.data.image_paths import IMAGE_SUFFIXES, shown
from frcnn_keras.errors import InputError, printable
from frcnn_keras.readers.file_tree import Tree, kind_of_json, split_by_path
from frcnn_keras.readers.fits import FITS, Fit, described_yolo, images_of, is_table
from frcnn_keras.readers.sources import FORMS, Source
from frcnn_keras.readers.split_names import canonical
from frcnn_keras.readers.yolo_sets import find_set

_LOOKED_FOR = ("VOC's XML, COCO's JSON, YOLO's data.yaml or label files, labelme's JSON, TFRecords with a label map "
               "(.pbtxt), CSV of objects")


@dataclasses.dataclass(frozen=True)
class Recognised:
    """A data set, nothing of it read."""

    path: Path  # what was asked for
    form: str  # of sources.FORMS
    sources: dict[str, Source]  # by split: train, val, test, VOC's trainval; by "" where it has none
    reason: str  # what shows the form
    others: tuple[str, ...] = ()  # what else would fit, in words
    unclear: Mapping[str, str] = dataclasses.field(default_factory=dict)  # why a form that goes before it was not taken

    @property
    def line(self) -> str:
        """What was recognised, where two fit also why."""
        splits = ", ".join(filter(None, self.sources)) or "no splits"
        also = f"; {' and '.join(self.others)} would fit too, but {FORMS[self.form]} goes first" if self.others else ""
        unclear = "".join(f"; {FORMS[form]} is passed over: {fault}" for form, fault in self.unclear.items())
        return printable(f"{self.path}: {FORMS[self.form]} ({self.reason}; {splits}){also}{unclear}")

    def source(self, split: str | None) -> Source:
        """The source of a split, or the only one; InputError where there is none, or one must be named."""
        names = ", ".join(filter(None, self.sources))
        if split is None and len(self.sources) == 1:
            return next(iter(self.sources.values()))
        if split is None:
            raise InputError(f"{self.path}: name a split (--split); there are: {names}")
        found = self.sources.get(split) or self.sources.get(canonical(split))
        if found is None:
            told = f"there are: {names}" if names else "it has none; leave --split out, or split it with --holdout 20%"
            raise InputError(f"{self.path}: there is no split {shown(split)}; {told}")
        return found


def recognise(path: str | os.PathLike) -> Recognised:
    """What a folder is, or a file that describes a data set (data.yaml, a COCO JSON, a CSV, a TFRecord).

    Where several forms fit, the first of sources.FORMS is taken. Raises InputError where none does; it says what there
    is instead.
    """
    path = Path(path)
    if path.is_file():
        return _of_file(path)
    if not path.is_dir():
        raise InputError(f"{printable(str(path))}: there is no such file or folder")
    tree = Tree(_inner(path))
    fits: dict[str, Fit] = {}
    faults: dict[str, str] = {}
    for form, fit_of in FITS.items():
        try:
            fit = fit_of(tree)
        except InputError as error:  # it is of the form, but not clear which part
            faults |= {} if fits else {form: str(error)}
            continue
        if fit is not None and fit.sources:
            fits[form] = fit
    if not fits:
        raise InputError(next(iter(faults.values())) if faults else _nothing(path, tree))
    form = next(iter(fits))
    others = tuple(f"{FORMS[other]} ({fit.seen})" for other, fit in fits.items() if other != form)
    return Recognised(path, form, fits[form].sources, fits[form].seen, others, faults)


def _of_file(path: Path) -> Recognised:
    """A file that describes a data set."""
    suffix = path.suffix.lower()
    if suffix in (".yaml", ".yml", ".data"):
        fit = described_yolo(find_set(path), path.name)
        return Recognised(path, "yolo", fit.sources, fit.seen)
    if suffix == ".json" and kind_of_json(path) == "coco":
        split = split_by_path("/".join(path.absolute().parts[-2:]))
        source = Source("coco", (str(images_of(path, split)), str(path)))
        return Recognised(path, "coco", {"": source}, path.name)
    if suffix in (".csv", ".tsv", ".txt") and is_table(path):
        return Recognised(path, "csv", {"": Source("csv", (str(path),))}, path.name)
    if "tfrecord" in path.name.lower() or suffix == ".record":
        maps = sorted(path.parent.glob("*.pbtxt")) or sorted(path.parent.parent.glob("*.pbtxt"))
        if not maps:
            raise InputError(f"{path}: TFRecords need a label map (.pbtxt), and none lies beside this one")
        return Recognised(path, "tfrecord", {"": Source("tfrecord", (str(path), str(maps[0])))},
                          f"{path.name} with {maps[0].name}")
    advice = "name its folder" if suffix in (".xml", ".json", ".txt", *IMAGE_SUFFIXES) else f"looked for: {_LOOKED_FOR}"
    raise InputError(f"{path}: this file alone is no data set; {advice}")


def _inner(folder: Path) -> Path:
    """The folder in which a data set begins: one that holds a single folder alone is only its wrapping."""
    for _ in range(4):
        inside = [path for path in folder.iterdir() if not path.name.startswith(".") and path.name != "__MACOSX"]
        if len(inside) != 1 or not inside[0].is_dir():
            return folder
        folder = inside[0]
    return folder


def _nothing(path: Path, tree: Tree) -> str:
    records = [name for name in tree.files if "tfrecord" in name.lower()]
    lacking = "; TFRecords need a label map (.pbtxt)" if records and not tree.ending(".pbtxt") else ""
    return f"{path}: no data set is recognised: found {tree.content()}{lacking}; looked for: {_LOOKED_FOR}"
