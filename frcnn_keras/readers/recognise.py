"""What form a data set has, found out by what lies in its folder."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from frcnn_keras.data.image_paths import IMAGE_SUFFIXES, shown
from frcnn_keras.errors import InputError, printable
from frcnn_keras.readers.file_tree import Tree, kind_of_json, split_by_path
from frcnn_keras.readers.fits import FITS, Fit, described_yolo, images_of, is_table, table_fault, table_sources
from frcnn_keras.readers.inner_sets import reads, sets_below, unwrapped
from frcnn_keras.readers.sources import FORMS, Source
from frcnn_keras.readers.split_names import canonical
from frcnn_keras.readers.yolo_sets import find_set

_LOOKED_FOR = ("VOC's XML, COCO's JSON, YOLO's data.yaml or label files, labelme's JSON, TFRecords with a label map "
               "(.pbtxt), CSV of objects")


_MOST_TABLES = 20  # that are asked what is wrong with them where nothing is recognised


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
    tree = Tree(unwrapped(path))
    fits, faults = _fits(tree)
    where = _of_its_own(path, tree, next(iter(fits), "")) if _is_whole(fits) and not faults else ""
    if where:
        fits, faults = _fits(Tree(tree.root / where))
    if not fits:
        raise InputError(next(iter(faults.values())) if faults else _nothing(path, tree))
    form = next(iter(fits))
    others = tuple(f"{FORMS[other]} ({fit.seen})" for other, fit in fits.items() if other != form)
    seen = f"in {where}: {fits[form].seen}" if where else fits[form].seen
    return Recognised(path, form, fits[form].sources, seen, others, faults)


def _fits(tree: Tree) -> tuple[dict[str, Fit], dict[str, str]]:
    """What a folder fits, what is likelier first; and why a form that goes before all that is not taken."""
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
    return fits, faults


def _is_whole(fits: dict[str, Fit]) -> bool:
    """Whether nothing fits, or what does has no splits."""
    return not fits or list(next(iter(fits.values())).sources) == [""]


def _of_its_own(path: Path, tree: Tree, form: str) -> str:
    """The folder below that has splits, which would be taken together as one data set of the form; empty where there is
    none. InputError where there are several."""
    found: list[str] = []
    for folder in sets_below(tree):
        if form and not reads(form, tree.root, folder):
            continue
        fits, _ = _fits(Tree(tree.root / folder))
        if not _is_whole(fits) and form in ("", next(iter(fits))):
            found.append(folder)
        if len(found) > 1:
            raise InputError(f"{path}: {found[0]} and {found[1]} are data sets with splits of their own; name one of "
                             "these folders")
    return found[0] if found else ""


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
        return Recognised(path, "csv", table_sources(path), path.name)
    if suffix in (".csv", ".tsv") and table_fault(path):
        raise InputError(table_fault(path))
    if "tfrecord" in path.name.lower() or suffix == ".record":
        maps = sorted(path.parent.glob("*.pbtxt")) or sorted(path.parent.parent.glob("*.pbtxt"))
        if not maps:
            raise InputError(f"{path}: TFRecords need a label map (.pbtxt), and none lies beside this one")
        return Recognised(path, "tfrecord", {"": Source("tfrecord", (str(path), str(maps[0])))},
                          f"{path.name} with {maps[0].name}")
    advice = "name its folder" if suffix in (".xml", ".json", ".txt", *IMAGE_SUFFIXES) else f"looked for: {_LOOKED_FOR}"
    raise InputError(f"{path}: this file alone is no data set; {advice}")


def _nothing(path: Path, tree: Tree) -> str:
    records = [name for name in tree.files if "tfrecord" in name.lower()]
    lacking = "; TFRecords need a label map (.pbtxt)" if records and not tree.ending(".pbtxt") else ""
    own = f"; what this package wrote is passed over: {', '.join(tree.own[:5])}" if tree.own else ""
    tables = Tree(path).ending(".csv", ".tsv")[:_MOST_TABLES]
    fault = next(filter(None, (table_fault(path / name) for name in tables)), "")
    if fault:
        return f"{fault}; nothing else is recognised as a data set{own}"
    return f"{path}: no data set is recognised: found {tree.content()}{lacking}{own}; looked for: {_LOOKED_FOR}"
