"""Image files: listed and read, never decoded."""

import glob
import os
from pathlib import Path

from frcnn_keras.data.image_paths import IMAGE_SUFFIXES, is_hidden
from frcnn_keras.errors import InputError


def read_file(path: str | os.PathLike) -> bytes:
    """The file's bytes; what `Example.read` calls. Raises InputError naming the file when it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def list_images(pattern: str | os.PathLike, suffixes: tuple[str, ...] = IMAGE_SUFFIXES) -> list[Path]:
    """Sorted paths of the images that a file, a folder or a glob pattern names; InputError where it names none.

    suffixes: of what is looked for. Hidden files are none. A folder that exists is meant where a pattern begins with
    its name, whatever is in that name.
    """
    path = os.fspath(pattern)
    if os.path.isfile(path):
        return [Path(path)]
    try:
        found = _of_folder(path) if os.path.isdir(path) else glob.glob(_pattern(path), recursive=True)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise InputError(f"{pattern}: cannot be listed ({getattr(error, 'strerror', None) or error})") from error
    images = sorted(Path(name) for name in found if name.lower().endswith(suffixes) and not is_hidden(name)
                    and os.path.isfile(name))
    if not images:
        raise InputError(f"{pattern}: no such image file, or a folder or pattern without any image "
                         f"({', '.join(IMAGE_SUFFIXES)})")
    return images


def _of_folder(path: str) -> list[str]:
    return [os.path.join(path, name) for name in os.listdir(path)]


def _pattern(path: str) -> str:
    """A glob pattern whose first parts, as far as they are folders that exist, mean these: "set [1]/*.jpg"."""
    start, rest = "", path
    while rest:
        part, slash, others = rest.partition("/")
        if not slash or (part and not os.path.isdir(start + part)):
            break
        start, rest = start + part + slash, others
    return glob.escape(start) + rest
