"""Where a Pascal VOC data set keeps its XML files, its images and its splits."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from frcnn_keras.data.image_paths import (
    IMAGE_SUFFIXES,
    ImageFolder,
    Names,
    files_below,
    shown,
    spellings,
    without_suffix,
)
from frcnn_keras.data.own_folders import data_folders
from frcnn_keras.errors import InputError, printable
from frcnn_keras.readers.split_folders import Parts, folders_with, split_folders

ANNOTATIONS = ("Annotations", "annotation", "annots", "annot", "labels", "label", "xmls", "xml")  # in any case
IMAGES = ("JPEGImages", "images", "image", "imgs", "img", "pictures", "photos")
SETS = ("train", "training", "trainval", "val", "valid", "validation", "test", "testing")


class Folders(NamedTuple):
    """Where things are."""

    annotations: Path
    files: list[str]  # the XML files, relative to `annotations`, parted by "/"
    images: ImageFolder


def find_folders(root: Path) -> Folders:
    """The folders of VOC, or of the other names that people give them; else `root` for both, XML beside images.

    Raises:
        InputError: there is no XML file, or there are several sets.
    """
    inside = _folders_in(root)
    for name in ANNOTATIONS:
        for folder in inside.get(name.lower(), []):
            files = files_below(folder, (".xml",))
            if files:
                return Folders(folder, files, ImageFolder(_images(root, inside)))
    files = files_below(root, (".xml",))
    if not files:
        raise InputError(f"{root}: there is no XML file; expected are {root.name}/Annotations/*.xml with "
                         f"{root.name}/JPEGImages (or annotations, labels, xmls with images), or XML files beside "
                         f"their images; found: {_content(root)}")
    sets = sorted({file.split("/")[0] for file in files if "/" in file and file.split("/")[0].lower() in SETS})
    if len(sets) > 1:
        raise InputError(f"{root}: it holds several sets, each with XML files of its own: {', '.join(sets)}; name the "
                         f"folder of one, {root / sets[0]}")
    return Folders(root, files, ImageFolder(root))


def find_splits(root: Path) -> dict[str, Path]:
    """The split files by name: of ImageSets/Main, of ImageSets itself where there are none."""
    for sets in _folders_in(root).get("imagesets", []):
        for folder in (*_folders_in(sets).get("main", []), sets):
            splits = {path.stem: path for path in sorted(folder.iterdir())
                      if path.suffix.lower() == ".txt" and not path.name.startswith(".") and path.is_file()}
            if splits:
                return splits
    return {}


def folder_parts(folders: Folders) -> Parts:
    """The sub-folders that the XML files of annotations lie in, as splits: annotations/train/*.xml."""
    return split_folders(folders_with(folders.files, lambda name: is_annotation(folders.annotations / name)))


def folder_splits(folders: Folders) -> dict[str, str]:
    """The same by split; empty where the sub-folders are not called so."""
    return {split: folder for split, folder in folder_parts(folders).folders.items() if split}


def is_annotation(path: Path) -> bool:
    """Whether an XML file is one of annotations."""
    try:
        with open(path, "rb") as file:
            return b"<annotation" in file.read(4096).replace(b"\0", b"").lower()
    except OSError:
        return False


def split_file(root: Path, split: str) -> Path:
    """The file of a split. Raises InputError, which names those that there are, where there is none."""
    splits = find_splits(root)
    name = split.removesuffix(".txt")
    same = [other for other in splits if other == name] or [other for other in splits if other.lower() == name.lower()]
    if not splits:
        own = f", or name {root / split} itself" if os.path.isdir(root / split) else ""
        raise InputError(f"{root}: there is no ImageSets/Main with files to look up the split {shown(split)} in; leave "
                         f"--split out to read every XML file, give --holdout 20% to split them{own}")
    if not same:
        folder = next(iter(splits.values())).parent
        raise InputError(f"{folder / split}.txt: there is no such split; there are: {names_of(splits)}")
    return splits[same[0]]


def names_of(splits: dict[str, Path]) -> str:
    return printable(", ".join(list(splits)[:20]))


def split_lines(file: Path) -> list[str]:
    """The lines of a split file that are not empty. Names that are no UTF-8 are as the file system has them."""
    try:
        data = file.read_bytes()
        utf_16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        text = data.decode("utf-16") if utf_16 else data.decode("utf-8-sig", "surrogateescape")
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: cannot be read as text ({error})") from error
    return [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]


def meanings(line: str) -> list[str]:
    """What an image may be called in a line: all of it; without the second column that splits of one class have, 1, 0
    or -1, whether the class is in the image; without quotes."""
    short = re.sub(r"[\s,]+[+-]?[01]$", "", line)
    bare = [text[1:-1].strip() for text in (line, short) if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'"]
    return list(dict.fromkeys((line, short, *bare)))


def xml_of(line: str, files: Names) -> str | None:
    """The XML file of a split's line, which is its name or its image's, with or without suffix and folder; None where
    there is none. Raises InputError where two fit."""
    for text in meanings(line):
        for spelling in spellings(text):
            stem = spelling[:-4] if spelling.lower().endswith(".xml") else spelling
            for name in dict.fromkeys((stem, without_suffix(stem))):
                found = files.without_suffix(name)
                if found is not None:
                    return found
    return None


def _folders_in(root: Path) -> dict[str, list[Path]]:
    """The folders in a folder by their names in small letters."""
    found: dict[str, list[Path]] = {}
    for path in data_folders(root):
        found.setdefault(path.name.lower(), []).append(path)
    return found


def _images(root: Path, inside: dict[str, list[Path]]) -> Path:
    """The first folder of images that holds one, else the root."""
    for name in IMAGES:
        for folder in inside.get(name.lower(), []):
            if files_below(folder, IMAGE_SUFFIXES):
                return folder
    return root


def _content(root: Path) -> str:
    """What is in a folder, in a few words."""
    names = sorted(f"{path.name}/" if path.is_dir() else path.name for path in root.iterdir())
    return printable(", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")) or "nothing"
