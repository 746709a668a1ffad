"""Image files of a data set: found by name, listed, read; never decoded.

Messages of `find_image` and `list_images` name the folder; the file that asked for the image is named by the caller.
"""

import contextlib
import glob
import os
from pathlib import Path

from frcnn_keras.errors import InputError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def read_file(path: str | os.PathLike) -> bytes:
    """The file's bytes; what `Example.read` calls. Raises InputError naming the file when it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def find_image(folder: str | os.PathLike, name: str) -> Path:
    """The image called `name` in a folder: the exact name, else the same stem with any image suffix in any case.

    `name` may lack its suffix ("000005"). Raises InputError where there is none.
    """
    folder = Path(folder)
    if name and (folder / name).is_file():
        return folder / name
    stem = name[: -len(Path(name).suffix)] if name.lower().endswith(IMAGE_SUFFIXES) else name
    for suffix in IMAGE_SUFFIXES:  # the usual spellings first: listing a large folder for each image would be slow
        for spelling in (suffix, suffix.upper()):
            if (folder / (stem + spelling)).is_file():
                return folder / (stem + spelling)
    parent, wanted = (folder / stem).parent, Path(stem).name.lower()
    with contextlib.suppress(OSError):  # no such folder: the image is missing all the same
        for path in sorted(parent.iterdir()):
            if path.suffix.lower() in IMAGE_SUFFIXES and path.name[: -len(path.suffix)].lower() == wanted:
                return path
    raise InputError(f"there is no image {name!r} in {folder}")


def list_images(pattern: str | os.PathLike) -> list[Path]:
    """Sorted paths of the images that a file, a folder or a glob pattern names; InputError where it names none."""
    path = Path(pattern)
    if path.is_file():
        return [path]
    paths = path.iterdir() if path.is_dir() else map(Path, glob.glob(str(pattern), recursive=True))
    images = sorted(item for item in paths if item.is_file() and item.suffix.lower() in IMAGE_SUFFIXES)
    if not images:
        suffixes = ", ".join(IMAGE_SUFFIXES)
        raise InputError(f"{pattern}: no such image file, or a folder or pattern without any image ({suffixes})")
    return images
