"""Where below a folder a data set begins, and what lies around it."""

from pathlib import Path

from frcnn_keras.data.image_paths import IMAGE_SUFFIXES, is_hidden
from frcnn_keras.data.own_folders import data_folders
from frcnn_keras.readers.file_tree import Tree, kind_of_json
from frcnn_keras.readers.fits import is_record, is_table
from frcnn_keras.readers.split_names import SPLITS, canonical
from frcnn_keras.readers.voc_folders import ANNOTATIONS, find_folders, is_annotation
from frcnn_keras.readers.voc_folders import IMAGES as VOC_IMAGES
from frcnn_keras.readers.yolo_labels import IMAGES, is_label
from frcnn_keras.readers.yolo_names import FILES
from frcnn_keras.readers.yolo_sets import YAML, describing, find_set

_DEPTH = 4  # folders that are opened one after the other
_PARTS = {name.lower() for name in (*ANNOTATIONS, *VOC_IMAGES, *IMAGES)}  # what a data set's own folders are called


def unwrapped(folder: Path) -> Path:
    """The folder in which a data set begins: one that holds a single folder is only its wrapping, whatever lies beside
    that, if no reader would take it. A folder that is called as a split is, is the data set's own."""
    for _ in range(_DEPTH):
        below = data_folders(folder)
        if len(below) != 1 or canonical(below[0].name) in SPLITS or any(
                _is_data(path) for path in folder.iterdir() if path.is_file() and not is_hidden(path.name)):
            return folder
        folder = below[0]
    return folder


def sets_below(tree: Tree) -> list[str]:
    """The folders below one that are data sets with splits of their own, none within another: they have a data.yaml, an
    ImageSets, or a folder of images to train on and one of others."""
    found = {name.rpartition("/")[0] for name in tree.ending(*YAML, ".data")}
    found = {folder for folder in found if folder and describing(tree.root / folder)}
    splits: dict[str, set[str]] = {}
    for name in tree.files:
        parts = name.split("/")[:-1]
        for place, part in enumerate(parts):
            if part.lower() == "imagesets":
                found.add("/".join(parts[:place]))
            if canonical(part) in SPLITS and name.lower().endswith(IMAGE_SUFFIXES):
                splits.setdefault(_above(parts[:place]), set()).add(canonical(part))
    found |= {folder for folder, names in splits.items() if "train" in names and len(names) > 1}
    found = {folder for folder in found if not any(canonical(part) in SPLITS for part in folder.split("/"))}
    found.discard("")
    return sorted(folder for folder in found if not any(folder.startswith(f"{other}/") for other in found))


def reads(form: str, root: Path, folder: str) -> bool:
    """Whether a data set without splits at `root`, as its reader takes it, has what lies in a folder below it."""
    if form == "yolo":
        return find_set(root).splits.get("") == (".",)
    if form == "voc":
        annotations = find_folders(root).annotations
        return annotations in (root / folder, *(root / folder).parents) or root / folder in annotations.parents
    return form == "labelme"


def _above(parts: list[str]) -> str:
    """A path without the names at its end that a data set's own folders have: data/images -> data."""
    while parts and parts[-1].lower() in _PARTS:
        parts = parts[:-1]
    return "/".join(parts)


def _is_data(path: Path) -> bool:
    """Whether a reader would take a file."""
    suffix = path.suffix.lower()
    if suffix == ".json":
        return path.name in FILES or kind_of_json(path) != ""
    if suffix == ".xml":
        return is_annotation(path)
    if suffix in (".csv", ".tsv"):
        return is_table(path)
    if suffix == ".txt":
        return path.name in FILES or is_label(path)
    return suffix in (*IMAGE_SUFFIXES, *YAML, ".data", ".names", ".pbtxt") or is_record(path.name)
