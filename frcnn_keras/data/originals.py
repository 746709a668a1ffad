"""What a data set was read from: each picture by its file's size and time and by its content, and its objects; and what
of it has changed since.

A file of the same size and time is taken as unchanged. Where one of them differs, the content decides: a data set that
was copied is the same.
"""

import dataclasses
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import google_crc32c

from frcnn_keras.data.example import Example
from frcnn_keras.errors import InputError
from frcnn_keras.files import fingerprint, read_json, seal, write_whole
from frcnn_keras.progress import Progress, ahead

NAME = "pictures.json"  # of a prep folder; in a run it is called after the stage as well
_UNREADABLE = -1


@dataclasses.dataclass(frozen=True)
class Original:
    """One picture and its objects."""

    id: str
    size: int  # of the file that holds it, bytes
    modified: int  # nanoseconds
    content: int  # CRC-32C of the encoded image
    objects: str  # fingerprint of boxes, labels and flags
    path: str = ""  # where the picture was, if a file holds it alone; nothing depends on it


def originals(examples: Sequence[Example]) -> tuple[Original, ...]:
    """Those of a data set; every picture is read once. Empty where none comes from a file."""
    if not any(example.path for example in examples):
        return ()
    found = []
    with Progress("pictures", len(examples), "files") as bar:
        for original in ahead(_original, examples):
            found.append(original)
            bar.advance()
    return tuple(found)


def _original(example: Example) -> Original:
    size, modified = _stat(example)
    content, length = _content(example) if example.path else (0, 0)
    path = os.path.abspath(example.path) if length and length == size else ""
    return Original(str(example.id), size, modified, content, _objects(example), path if _is_text(path) else "")


def _is_text(path: str) -> bool:
    """Whether JSON can hold it: a file's name may be of bytes that are no letters."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _stat(example: Example) -> tuple[int, int]:
    """Size and time of the file that holds a picture; zeros where there is none."""
    try:
        status = os.stat(example.path) if example.path else None
    except (OSError, ValueError):
        status = None
    return (status.st_size, status.st_mtime_ns) if status else (0, 0)


def _content(example: Example) -> tuple[int, int]:
    """(checksum, bytes) of the encoded picture."""
    try:
        encoded = example.read()
    except InputError:  # whoever needs the picture says so
        return _UNREADABLE, 0
    return google_crc32c.value(encoded), len(encoded)


def _objects(example: Example) -> str:
    return fingerprint(example.boxes, example.labels, example.difficult, example.crowd)


def write_originals(path: Path, found: Iterable[Original]) -> None:
    """Writes them, in one line for each column."""
    columns = {field.name: [getattr(original, field.name) for original in found]
               for field in dataclasses.fields(Original)}
    write_whole(path, (json.dumps(seal(columns), ensure_ascii=False, separators=(",", ":")) + "\n").encode())


def read_originals(path: Path) -> tuple[Original, ...]:
    """What `write_originals` wrote; empty where there is no such file.

    Raises:
        InputError: it is damaged.
    """
    if not path.exists():
        return ()
    stored = read_json(path)
    fields = dataclasses.fields(Original)
    try:
        columns = [stored[field.name] for field in fields if field.name != "path"]
        columns.append(stored.get("path", [""] * len(columns[0])))  # format of before had none
        if any(type(value) is not field.type for field, column in zip(fields, columns, strict=True)
               for value in column):
            raise TypeError("a value is of another kind")
        return tuple(Original(*values) for values in zip(*columns, strict=True))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: damaged ({error}); make it anew with --fresh") from error


def content_of(found: Sequence[Original]) -> str:
    """A short hash of all pictures' content, in order; empty for none: where files lie, and their times, do not
    matter."""
    return fingerprint([[original.id, original.content] for original in found]) if found else ""


def require_unchanged(path: Path, examples: Sequence[Example], flag: str) -> None:
    """InputError where pictures or objects are not those that were recorded at `path`; says which. Nothing recorded,
    nothing to compare."""
    recorded = read_originals(path)
    if not recorded:
        return
    advice = f"start over with --fresh, or give another {flag}"
    for number, original in enumerate(recorded):
        id = str(examples[number].id) if number < len(examples) else "nothing"
        if id != original.id:
            raise InputError(f"{path.parent}: was begun with other images: {len(recorded)} then, {len(examples)} now, "
                             f"where {original.id} was is {id}; {advice}")
    pairs = list(zip(recorded, examples, strict=False))
    for what, changed in (("pictures", [pair[1] for pair in pairs if _replaced(*pair)]),
                          ("images' objects", [pair[1] for pair in pairs if pair[0].objects != _objects(pair[1])])):
        if changed:
            raise InputError(f"{path.parent}: {len(changed)} of {len(recorded)} {what} have changed since it was begun "
                             f"(the first: {changed[0].file}); {advice}")


def _replaced(original: Original, example: Example) -> bool:
    """Whether a picture is another one than it was."""
    if not example.path or _stat(example) == (original.size, original.modified):
        return False
    return _content(example)[0] != original.content
