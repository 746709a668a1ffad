"""The images of one split of a YOLO data set."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from frcnn_keras.data.image_paths import ImageFolder
from frcnn_keras.errors import InputError
from frcnn_keras.readers.voc_folders import split_lines
from frcnn_keras.readers.yolo_labels import IMAGES


class Pictures(NamedTuple):
    files: list[Path]
    folder: ImageFolder  # which ids are relative to
    listed: bool  # whether lists name them, so that folders hold others too
    repeated: int  # lines that name an image again


def find_pictures(entries: list[Path], root: Path, report: Callable[[Path, str, str], None]) -> Pictures:
    """The images of folders and of files that list images.

    root: what ids are relative to where there is not one folder alone. report: told (file, message, item) of lines that
    name no image.
    """
    folders = [entry for entry in entries if entry.is_dir()]
    if len(entries) == 1 and folders:
        folder = ImageFolder(_inner(folders[0]))
        return Pictures(folder.images(), folder, False, 0)
    found: dict[str, Path] = {}
    repeated = 0
    below = ImageFolder(root)
    for entry in entries:
        files = ImageFolder(_inner(entry)).images() if entry.is_dir() else _listed(entry, below, report)
        for file in files:
            repeated += os.path.abspath(file) in found
            found.setdefault(os.path.abspath(file), file)
    return Pictures(list(found.values()), below, len(folders) < len(entries), repeated)


def _inner(folder: Path) -> Path:
    """`images` in a folder that has it beside `labels`, else the folder."""
    try:
        inside = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_dir()}
    except OSError as error:
        raise InputError(f"{folder}: the folder cannot be listed ({error.strerror})") from error
    return next((inside[name] for name in IMAGES if name in inside), folder)


def _listed(file: Path, below: ImageFolder, report: Callable[[Path, str, str], None]) -> list[Path]:
    """The images that the lines of a file name, relative to it or to the data set."""
    found = []
    for number, line in enumerate(split_lines(file), start=1):
        try:
            beside = os.path.join(file.parent, line)
            found.append(Path(os.path.normpath(beside)) if os.path.isfile(beside) else below.find(line))
        except InputError as error:
            report(file, str(error), f"line {number}")
    return found
