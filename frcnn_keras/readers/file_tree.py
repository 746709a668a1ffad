"""What lies below a folder, listed once, and what kind of JSON a file holds."""

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

from frcnn_keras.data.image_paths import IMAGE_SUFFIXES, files_below
from frcnn_keras.errors import InputError, printable
from frcnn_keras.readers.json_text import load_json
from frcnn_keras.readers.labelme import is_labelme
from frcnn_keras.readers.split_names import split_of

_WHOLE = 20_000_000  # bytes of a JSON file that is read to know its kind; of a larger one its ends
_END = 1_000_000
_MOST = 100  # files of a kind that are looked into


class Tree:
    """The files below a folder: paths relative to it, hidden ones left out."""

    def __init__(self, root: Path):
        self.root = root
        self.own: list[str] = []  # folders with what this package wrote, which is passed over
        self.files = files_below(root, ("",), self.own)
        self._kinds: dict[str, str] = {}

    def ending(self, *suffixes: str) -> list[str]:
        """The files with one of these suffixes."""
        return [name for name in self.files if name.lower().endswith(suffixes)]

    def json_of(self, kind: str) -> list[str]:
        """The JSON files of a kind, `coco` or `labelme`, of folders that hold few."""
        names = self.ending(".json")
        inside = Counter(map(os.path.dirname, names))
        looked = [name for name in names if inside[os.path.dirname(name)] <= _MOST]
        return [name for name in looked[: 10 * _MOST] if self.is_json_of(kind, name)]

    def is_json_of(self, kind: str, name: str) -> bool:
        """Whether a JSON file is of a kind."""
        if name not in self._kinds:
            self._kinds[name] = kind_of_json(self.root / name)
        return self._kinds[name] == kind

    def content(self) -> str:
        """How many files of which kinds there are, in a few words."""
        images = len(self.ending(*IMAGE_SUFFIXES))
        others = Counter(os.path.splitext(name)[1].lower() or "no suffix" for name in self.files
                         if not name.lower().endswith(IMAGE_SUFFIXES))
        words = [f"{count} {'file' if count == 1 else 'files'} with {suffix}"
                 for suffix, count in others.most_common(5)]
        found = f"{images or 'no'} {'image' if images == 1 else 'images'}"
        return printable(", ".join([found, *words])) if words else f"{found} and no annotations"


def kind_of_json(path: Path) -> str:
    """`coco`, `labelme`, or empty."""
    try:
        if os.path.getsize(path) > _WHOLE:
            head, tail = _ends(path)
            keys = [key for key in (b"images", b"categories") if b'"%s"' % key in head + tail]
            return "coco" if len(keys) == 2 else ""
        content = load_json(path)
    except (InputError, OSError):  # whoever reads it says so
        return ""
    return "coco" if _is_coco(content) else "labelme" if is_labelme(content) else ""


def file_names(path: Path, most: int = 5) -> list[str]:
    """`file_name` of the first images of a COCO file."""
    try:
        if os.path.getsize(path) > _WHOLE:
            found = re.findall(rb'"file_name"\s*:\s*"([^"\\]*)"', _ends(path)[0])
            return [name.decode("utf-8", "replace") for name in found[:most]]
        content = load_json(path)
    except (InputError, OSError):  # whoever reads it says so
        return []
    images = content["images"] if isinstance(content, dict) and isinstance(content.get("images"), list) else []
    names = (entry.get("file_name") for entry in images[:most] if isinstance(entry, dict))
    return [name.replace("\\", "/") for name in names if isinstance(name, str) and "\0" not in name]


def split_by_path(name: str) -> str:
    """The split that a file's name says, else the nearest of its folders; empty where none does."""
    parts = name.split("/")
    return next(filter(None, map(split_of, [os.path.splitext(parts[-1])[0], *reversed(parts[:-1])])), "")


def _is_coco(content: Any) -> bool:
    return isinstance(content, dict) and all(isinstance(content.get(key), list) for key in
                                             ("images", "annotations", "categories"))


def _ends(path: Path) -> tuple[bytes, bytes]:
    with open(path, "rb") as file:
        head = file.read(_END)
        file.seek(-_END, os.SEEK_END)
        return head, file.read()
