"""Where a YOLO data set keeps its images, split by split: a data.yaml, darknet's .data file, or folders alone."""

import dataclasses
import os
import re
from pathlib import Path
from typing import Any

from frcnn_keras.data.image_paths import IMAGE_SUFFIXES, files_below, is_hidden, shown
from frcnn_keras.data.own_folders import data_folders
from frcnn_keras.errors import InputError, printable
from frcnn_keras.readers.split_folders import split_folders
from frcnn_keras.readers.split_names import SPLITS, canonical
from frcnn_keras.readers.yaml_text import load_yaml
from frcnn_keras.readers.yolo_labels import IMAGES
from frcnn_keras.readers.yolo_names import find_names, names_of_file, names_of_yaml

YAML = (".yaml", ".yml")
_ABSENT = ("", "~", "null", "none")  # a value that is none, as YAML's texts say it
_MOST_KEYPOINTS = 3000


@dataclasses.dataclass(frozen=True)
class YoloSet:
    """A data set as it is described, nothing of it read."""

    file: Path  # that describes it, or its folder
    names: tuple[str, ...]  # of the classes by their numbers; empty where none are told
    splits: dict[str, tuple[str, ...]]  # folders, or lists of images, as they are written; by "" where it has no splits
    roots: tuple[Path, ...]  # which they are relative to, likelier ones first
    keypoints: int = 0  # values behind each box of a pose data set
    said: str = ""  # what of a folder is no split of it, in words

    def entries(self, split: str | None) -> list[Path]:
        """The folders and lists of images of a split; InputError where there is none, or one must be named."""
        names = ", ".join(self.splits)
        if split is None and set(self.splits) != {""} and len(self.splits) > 1:
            raise InputError(f"{self.file}: name a split (--split); there are: {names}")
        name = next(iter(self.splits)) if split is None else canonical(split)
        if name not in self.splits:
            told = f"there are: {names}" if names else "it has none; leave --split out, or give --holdout 20%"
            raise InputError(f"{self.file}: there is no split {shown(split or '')}; {told}")
        return [self._resolved(name, entry) for entry in self.splits[name]]

    def _resolved(self, split: str, entry: str) -> Path:
        """Where an entry is: below `path`, or the file's folder, with or without Roboflow's `../` before it; else the
        end of it: of a folder's path from another machine two parts or more, of a list of images its name at least."""
        plain = entry.replace("\\", "/")
        short = plain.removeprefix("../")
        parts = [part for part in plain.split("/") if part not in ("", ".", "..")]
        least = 1 if plain.lower().endswith(".txt") else 2 if os.path.isabs(plain) else len(parts)
        tails = ["/".join(parts[start:]) for start in range(1, len(parts) - least + 1)]
        for text in dict.fromkeys((entry, plain, short, *tails)):
            for root in self.roots:
                place = Path(os.path.normpath(root / text))
                if os.path.isfile(place) and place.suffix.lower() != ".txt":
                    raise InputError(f"{self.file}: {split}: {shown(entry)} is no folder, and no text file (.txt) that "
                                     "lists images")
                if os.path.exists(place):  # False for a name that no file can have
                    return place
        raise InputError(f"{self.file}: {split}: there is no {shown(entry)} in {self.roots[0]}")


def find_set(path: str | os.PathLike) -> YoloSet:
    """The data set that a data.yaml, a darknet .data file or a folder is.

    Raises:
        InputError: there is none, the file is broken, or a folder has two files that could describe it.
    """
    path = Path(path)
    if path.is_file():
        if path.suffix.lower() in YAML:
            return _of_yaml(path, _mapping(path))
        if path.suffix.lower() == ".data":
            return _of_darknet(path)
        raise InputError(f"{path}: name the data.yaml, the .data file or the folder of a YOLO data set")
    if not path.is_dir():
        raise InputError(f"{printable(str(path))}: there is no such file or folder")
    described = describing(path)
    if len(described) > 1:
        raise InputError(f"{path}: {described[0].name} and {described[1].name} both describe a YOLO data set; name one")
    return find_set(described[0]) if described else _of_folders(path)


def describing(folder: Path) -> list[Path]:
    """The files in a folder that describe a YOLO data set: data.yaml alone where there is one."""
    inside = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    yamls = [path for path in inside if path.suffix.lower() in YAML]
    usual = [path for path in yamls if path.stem.lower() in ("data", "dataset")]
    return usual[:1] or [path for path in yamls if _describes(path)] or [
        path for path in inside if path.suffix.lower() == ".data"]


def _describes(path: Path) -> bool:
    try:
        content = load_yaml(path)
    except InputError:  # a YAML file of something else
        return False
    return isinstance(content, dict) and "train" in content and ("names" in content or "nc" in content)


def _mapping(path: Path) -> dict[str, Any]:
    content = load_yaml(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: it must have keys: names, train, val; see YOLO's data.yaml")
    return content


def _of_yaml(path: Path, content: dict[str, Any]) -> YoloSet:
    splits = {}
    for key, value in content.items():
        entries = value if isinstance(value, list) else [value]
        if canonical(key) not in SPLITS or all(entry in _ABSENT for entry in entries):
            continue
        if not all(isinstance(entry, str) and entry not in _ABSENT for entry in entries):
            raise InputError(f"{path}: {key} must be a folder, a list of folders, or a file that lists images")
        splits[canonical(key)] = tuple(entries)
    if not splits:
        raise InputError(f"{path}: it names no images: train, val or test is needed")
    root = content.get("path", "")
    roots = [path.parent]
    if isinstance(root, str) and root.lower() not in _ABSENT:
        texts = (root, root.replace("\\", "/").removeprefix("../"))
        named = [Path(os.path.normpath(path.parent / text)) for text in texts]
        roots = [*(place for place in named if os.path.isdir(place)), *roots]
    names = names_of_yaml(path, content) or find_names(roots)[1]
    return YoloSet(path, names, splits, tuple(dict.fromkeys(roots)), _keypoints(path, content.get("kpt_shape")))


def _keypoints(path: Path, shape: Any) -> int:
    """kpt_shape: [points, 2 or 3]"""
    if shape is None or shape in _ABSENT:
        return 0
    sides = shape if isinstance(shape, list) else []
    numbers = [int(side) for side in sides if isinstance(side, str) and re.fullmatch("[0-9]{1,4}", side)]
    if len(sides) != 2 or len(numbers) != 2 or not 1 <= numbers[0] * numbers[1] <= _MOST_KEYPOINTS:
        raise InputError(f"{path}: kpt_shape must be [points, 2 or 3]; received: {shown(str(shape), 60)}")
    return numbers[0] * numbers[1]


def _of_darknet(path: Path) -> YoloSet:
    """Lines `train = data/train.txt`, `valid = ...`, `names = data/obj.names`."""
    try:
        text = path.read_bytes()[:100_000].decode("utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({getattr(error, 'strerror', None) or error})") from error
    values = {key.strip().lower(): value.strip() for key, mark, value in (line.partition("=") for line in
              text.splitlines()) if mark}
    splits: dict[str, tuple[str, ...]] = {
        canonical(key): (value,) for key, value in values.items() if canonical(key) in SPLITS and value}
    if not splits:
        raise InputError(f"{path}: it names no images: train or valid is needed")
    roots = (path.parent, path.parent.parent)
    names: tuple[str, ...] = ()
    if values.get("names"):
        places = [root / text for root in roots for text in (values["names"], Path(values["names"]).name)]
        file = next((place for place in places if os.path.isfile(place)), None)
        if file is None:
            raise InputError(f"{path}: names: there is no file {shown(values['names'])}")
        names = names_of_file(file)
    return YoloSet(path, names or find_names([path.parent])[1], splits, roots)


def _of_folders(root: Path) -> YoloSet:
    """train/ and val/ with images/ and labels/ each; images/ with them, or without splits; images beside labels."""
    parts, place = split_folders(_with_images(root)), root
    images = next((path for path in data_folders(root) if path.name.lower() in IMAGES), root)
    if list(parts.folders) == [""] and not parts.spare and images != root:
        parts, place = split_folders(_with_images(images)), images
    splits = {name: (_below(root, place / folder),) for name, folder in parts.folders.items()}
    said = parts.said
    if parts.spare and "" not in parts.others:  # images/ and test/
        splits = {"train": tuple(_below(root, place / folder) for folder in parts.others)} | {
            name: (_below(root, place / folder),) for name, folder in parts.spare.items()}
        said = f"{' and '.join(splits['train'])} to train on: nothing is called so"
    labels = [path for path in data_folders(root) if path.name.lower() == "labels"]
    places = [root / entry for entries in splits.values() for entry in entries]
    return YoloSet(root, find_names([root, *labels, *places])[1], splits, (root,), said=said)


def _below(root: Path, folder: Path) -> str:
    return str(folder.relative_to(root))


def _with_images(root: Path) -> list[str]:
    """The folders in a folder that images lie below, and "" for itself; only where one is called as a split is."""
    folders = data_folders(root)
    if not any(canonical(path.name) in SPLITS for path in folders):
        return [""]
    beside = any(path.suffix.lower() in IMAGE_SUFFIXES and not is_hidden(path.name) for path in root.iterdir())
    return [*([""] if beside else []), *(path.name for path in folders if canonical(path.name) in SPLITS
                                         or files_below(path, IMAGE_SUFFIXES))]
