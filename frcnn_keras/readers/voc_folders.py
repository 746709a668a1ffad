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
from frcnn_keras.errors import InputError, printable
from frcnn_keras.readers.split_names import SPLITS, canonical

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


def folder_splits(files: list[str]) -> dict[str, str]:
    """The sub-folders that all XML files lie in, by what they are called as splits: annotations/train/*.xml. Empty
    where they are called otherwise, or a file lies in none."""
    tops = {file.split("/")[0] if "/" in file else "" for file in files}
    found = {canonical(top): top for top in sorted(tops) if canonical(top) in SPLITS}
    return {name: found[name] for name in SPLITS if name in found} if len(found) == len(tops) else {}


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
    try:
        for path in sorted(root.iterdir()):
            if path.is_dir():
                found.setdefault(path.name.lower(), []).append(path)
    except OSError as error:
        raise InputError(f"{root}: the folder cannot be listed ({error.strerror})") from error
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
