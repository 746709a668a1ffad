"""Whether a folder is a data set of a form, and where its splits are: a function for each form."""

import functools
import glob
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from frcnn_keras.data.image_paths import IMAGE_SUFFIXES
from frcnn_keras.data.own_folders import data_folders
from frcnn_keras.data.wording import listed
from frcnn_keras.errors import InputError
from frcnn_keras.readers.csv_file import csv_splits
from frcnn_keras.readers.csv_table import Broken, Row, rows
from frcnn_keras.readers.file_tree import Tree, file_names, split_by_path
from frcnn_keras.readers.sources import Source
from frcnn_keras.readers.split_folders import Parts, folders_with, split_folders
from frcnn_keras.readers.split_names import SPLITS, canonical, split_of
from frcnn_keras.readers.voc_folders import find_folders, find_splits, folder_parts, is_annotation
from frcnn_keras.readers.yolo_labels import IMAGES, label_below
from frcnn_keras.readers.yolo_sets import YoloSet, describing, find_set

_RECORD = re.compile(r"(\.tfrecords?|\.record)(-\d+-of-\d+)?$|\.tfrecords?|-\d+-of-\d+\.", re.IGNORECASE)
_MOST = 100  # files that are looked into


class Fit(NamedTuple):
    """How a folder fits a form."""

    sources: dict[str, Source]  # by split, train, val and test as these; by "" where there is one alone
    seen: str  # what shows it


def voc_fit(tree: Tree) -> Fit | None:
    """XML annotations; splits by ImageSets, or by folders."""
    inside = folders_with(tree.ending(".xml"), lambda name: is_annotation(tree.root / name))
    if not inside:
        return None
    lists = find_splits(tree.root)
    known = {canonical(name): name for name in lists}
    usual = [name for name in ("train", "trainval", "val", "test") if name in known]
    if usual or len(lists) == 1:
        bare = usual and not {"train", "trainval"} & known.keys()
        said = f"; there is no train or trainval among {listed(list(lists))}" if bare else ""
        return Fit({split: Source("voc", (str(tree.root),), known[split]) for split in usual or known},
                   f"XML and ImageSets{said}")
    seen = f"XML, {_first(tree, '.xml', inside[0])}"
    parts = split_folders(inside)
    if "" in parts.folders and not parts.spare:
        parts = folder_parts(find_folders(tree.root))
        return Fit({split: Source("voc", (str(tree.root),), split or None) for split in parts.folders},
                   _with(seen, parts.said))
    return Fit(_folder_sources("voc", tree, parts), _with(seen, parts.said))


def coco_fit(tree: Tree) -> Fit | None:
    """Instances JSON; splits by the files' names, or their folders'."""
    files = tree.json_of("coco")
    if not files:
        return None
    usual = [name for name in files if "instances" in os.path.basename(name).lower()] or files
    chosen, said = _one_each(tree, usual, "COCO JSON")
    sources = {}
    for split, name in chosen.items():
        file = tree.root / name
        sources[split] = Source("coco", (str(images_of(file, split, tree.root)), str(file)))
    return Fit(sources, _with(", ".join(chosen.values()), said))


def images_of(file: Path, split: str, root: Path | None = None) -> Path:
    """The folder that the file names of a COCO file are relative to: beside it, or one called as the split or images.

    root: of the data set; that above `annotations`, or the file's own folder, where it is not known.
    """
    inside = file.parent.name.lower() in ("annotations", "annotation", "labels")
    root = file.parent.parent if inside else root or file.parent
    above = [folder for folder in (root, root / "images") if folder.is_dir()]
    named = [path for folder in above if split for path in data_folders(folder) if split_of(path.name) == split]
    images = [path for path in data_folders(root) if path.name.lower() in IMAGES]
    places = [file.parent, *named, *images, root]
    for name in file_names(file):
        for spelled in dict.fromkeys((name, os.path.basename(name))):
            for place in places:
                if os.path.isfile(place / spelled):
                    return place
    return named[0] if named else root


def yolo_fit(tree: Tree) -> Fit | None:
    """A data.yaml, a .data file, or label files among images."""
    described = describing(tree.root)
    if not described and not (tree.ending(*IMAGE_SUFFIXES) and label_below(tree.root, _MOST)):
        return None
    return described_yolo(find_set(tree.root), described[0].name if described else "labels of class cx cy w h")


def described_yolo(found: YoloSet, seen: str) -> Fit:
    """The splits of a YOLO data set that have images: Roboflow names val and test where it exports none."""
    sources, empty = {}, []
    for split in found.splits:
        try:
            found.entries(split)
        except InputError:
            empty.append(split)
        else:
            sources[split] = Source("yolo", (str(found.file),), split or None)
    if not sources:
        found.entries(next(iter(found.splits)))  # which says why
    lacking = f", which has no images of {' and '.join(empty)}" if empty else ""
    return Fit(sources, _with(seen + lacking, found.said))


def labelme_fit(tree: Tree) -> Fit | None:
    """One JSON file an image; splits by folders."""
    inside = folders_with(tree.ending(".json"), functools.partial(tree.is_json_of, "labelme"))
    if not inside:
        return None
    parts = split_folders(inside)
    return Fit(_folder_sources("labelme", tree, parts), _with(f"JSON, {_first(tree, '.json', inside[0])}", parts.said))


def tfrecord_fit(tree: Tree) -> Fit | None:
    """Records with a label map beside them, or elsewhere; splits by the files' names, or their folders'."""
    files = [name for name in tree.files if is_record(os.path.basename(name))]
    maps = tree.ending(".pbtxt")
    if not files or not maps:
        return None
    by_split: dict[str, list[str]] = {}
    for name in files:
        by_split.setdefault(split_by_path(name), []).append(name)
    sources = {}
    chosen, said = _without_rest(by_split)
    for split, names in chosen.items():
        folder = os.path.dirname(names[0])
        beside = [name for name in maps if os.path.dirname(name) == folder] or maps
        sources[split] = Source("tfrecord", (_pattern(tree.root, names), str(tree.root / beside[0])))
    return Fit(sources, _with(f"{files[0]} with {maps[0]}", said))


def csv_fit(tree: Tree) -> Fit | None:
    """Tables of objects, no deeper than one folder; splits by the files' names, or their folders'."""
    files = [name for name in tree.ending(".csv") if name.count("/") < 2][:_MOST]
    files = [name for name in files if is_table(tree.root / name)]
    if not files:
        return None
    chosen, said = _one_each(tree, files, "CSV")
    sources = {split: Source("csv", (str(tree.root / name),)) for split, name in chosen.items()}
    if list(chosen) == [""]:
        sources = table_sources(tree.root / chosen[""])
    return Fit(sources, _with(", ".join(chosen.values()), said))


def table_sources(path: Path) -> dict[str, Source]:
    """A CSV by what its column of splits says."""
    return {split: Source("csv", (str(path),), split or None) for split in csv_splits(path) or ("",)}


def is_table(path: Path) -> bool:
    """Whether a CSV's first line is an object's."""
    try:
        return isinstance(next(rows(path), None), Row)
    except InputError:  # of something else
        return False


def table_fault(path: Path) -> str:
    """Why a CSV is none of objects, as its reader says it: its header lacks a column, its first line is broken."""
    try:
        first = next(rows(path), None)
    except InputError as error:
        return str(error)
    return f"{path}: line {first.line}: {first.message}" if isinstance(first, Broken) else ""


def is_record(name: str) -> bool:
    """Whether a file's name is one of TFRecords."""
    return bool(_RECORD.search(name)) and not name.endswith(".pbtxt")


FITS: dict[str, Callable[[Tree], Fit | None]] = {
    "voc": voc_fit, "coco": coco_fit, "yolo": yolo_fit, "labelme": labelme_fit, "tfrecord": tfrecord_fit,
    "csv": csv_fit}


def _first(tree: Tree, suffix: str, folder: str) -> str:
    """The first file of a suffix in a folder."""
    return next(name for name in tree.ending(suffix) if os.path.dirname(name) == folder)


def _folder_sources(form: str, tree: Tree, parts: Parts) -> dict[str, Source]:
    return {split: Source(form, (str(tree.root / folder),)) for split, folder in parts.folders.items()}


def _with(seen: str, said: str) -> str:
    return f"{seen}; {said}" if said else seen


def _one_each(tree: Tree, files: Iterable[str], form: str) -> tuple[dict[str, str], str]:
    """A file for each split, and what is said of others; InputError where two fit one."""
    by_split: dict[str, list[str]] = {}
    for name in files:
        by_split.setdefault(split_by_path(name), []).append(name)
    chosen, said = _without_rest(by_split)
    for names in chosen.values():
        if len(names) > 1:
            raise InputError(f"{tree.root}: {names[0]} and {names[1]} both are {form} of objects; name one of them")
    return {split: names[0] for split, names in chosen.items()}, said


def _without_rest(by_split: dict[str, list[str]]) -> tuple[dict[str, list[str]], str]:
    """Files by split in the order train, val, test; those that belong to none, where they are all, or they train: no
    others are called so. And what is said of these, or of their being left out."""
    chosen = {name: by_split[name] for name in SPLITS if name in by_split}
    rest = by_split.get("", [])
    if not chosen or not rest:
        return chosen or by_split, ""
    names = f"{listed(rest)} {'is' if len(rest) == 1 else 'are'}"
    if "train" in chosen:
        return chosen, f"{names} left out: no split is called so"
    return {"train": rest, **chosen}, f"{names} to train on: nothing is called so"


def _pattern(root: Path, names: list[str]) -> str:
    """A glob pattern of these files and no others; InputError where there is none."""
    paths = sorted(str(root / name) for name in names)
    if len(paths) == 1:
        return paths[0]
    start = os.path.commonprefix(paths)
    end = os.path.commonprefix([path[len(start):][::-1] for path in paths])[::-1]
    for pattern in (f"{glob.escape(start)}*{glob.escape(end)}", f"{glob.escape(start)}*"):
        if sorted(filter(os.path.isfile, glob.glob(pattern))) == paths:
            return pattern
    raise InputError(f"{root}: {names[0]} and {names[1]} cannot be named by one pattern; name a folder with one set of "
                     "records")
