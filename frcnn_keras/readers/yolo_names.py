"""The names of YOLO's classes, wherever a data set keeps them."""

from pathlib import Path
from typing import Any

from frcnn_keras.data.image_paths import shown
from frcnn_keras.errors import InputError
from frcnn_keras.readers.class_names import fault_of, is_background
from frcnn_keras.readers.json_text import load_json

MOST_CLASSES = 100_000
FILES = ("classes.txt", "obj.names", "names.txt", "_darknet.labels", "notes.json")  # likelier ones first; also *.names
_LARGEST = 5_000_000  # bytes


def names_of_yaml(path: Path, content: dict[str, Any]) -> tuple[str, ...]:
    """`names` of a data.yaml, a list or a mapping from 0; where there is none, class_0 to class_(nc - 1); empty where
    there is no `nc` either.

    Raises:
        InputError: names that do not count from 0 without a gap, that are no words, or of another number than `nc`.
    """
    count = content.get("nc") or None
    if count is not None and not (isinstance(count, str) and count.isascii() and count.isdigit() and len(count) < 7
                                  and 1 <= int(count) <= MOST_CLASSES):
        raise InputError(f"{path}: nc must be the number of classes; received: {shown(str(count), 60)}")
    names = content.get("names") or None
    if names is None:
        return tuple(f"class_{index}" for index in range(int(count or 0)))
    if isinstance(names, dict):
        names = _in_order(path, names)
    if isinstance(names, str):
        names = [part.strip() for part in names.split(",")]
    checked = _checked(path, names)
    if count is not None and len(checked) != int(count):
        raise InputError(f"{path}: nc is {int(count)}, but there are {len(checked)} names; correct one of them")
    return checked


def _in_order(path: Path, names: dict[str, Any]) -> list[Any]:
    """A mapping's values by their numbers: YAML keeps no order."""
    found: dict[int, Any] = {}
    for key, value in names.items():
        if not (key.isascii() and key.isdigit() and len(key) < 7):
            raise InputError(f"{path}: names: {shown(key, 60)} is no class's number; they count from 0")
        found[int(key)] = value
    lacking = next(index for index in range(len(found) + 1) if index not in found)
    if lacking != len(names):
        raise InputError(f"{path}: names: there is no class {lacking}; {len(names)} names count from 0 to "
                         f"{len(names) - 1}")
    return [found[index] for index in range(len(found))]


def _checked(path: Path, names: Any) -> tuple[str, ...]:
    """Names that can be classes, each once."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{path}: names must be a list of words, or a mapping from numbers to words")
    stripped = [name.strip() for name in names]
    seen: set[str] = set()
    for index, name in enumerate(stripped):
        if fault_of(name) and not is_background(name):  # the background keeps its number, and is no class
            raise InputError(f"{path}: class {index}: {fault_of(name) if name else 'it has no name; give it one'}")
        if name in seen:
            raise InputError(f"{path}: class {index}: the name {shown(name, 60)} stands twice")
        seen.add(name)
    if not 1 <= len(stripped) <= MOST_CLASSES:
        raise InputError(f"{path}: there must be 1 to {MOST_CLASSES:,} class names; received {len(stripped)}")
    return tuple(stripped)


def find_names(folders: list[Path]) -> tuple[Path | None, tuple[str, ...]]:
    """(file, names) of the first file of names in these folders: classes.txt, obj.names or another *.names, one a line,
    or Label Studio's notes.json; (None, ()) where there is none."""
    for folder in folders:
        try:
            inside = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        except OSError:  # whoever needs the folder says so
            continue
        by_name = {path.name.lower(): path for path in inside}
        found = [by_name[name] for name in FILES if name in by_name] + [
            path for path in inside if path.suffix.lower() == ".names"]
        for path in found:
            names = names_of_file(path)
            if names:
                return path, names
    return None, ()


def names_of_file(path: Path) -> tuple[str, ...]:
    """The names in a file, one a line, or in Label Studio's notes.json; empty where it is another notes.json."""
    if path.suffix.lower() == ".json":
        return _of_notes(path)
    try:
        with open(path, "rb") as file:
            data = file.read(_LARGEST + 1)
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: the class names are no text in UTF-8 ({error.reason} at byte {error.start})"
                         ) from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if len(data) > _LARGEST:
        raise InputError(f"{path}: over {_LARGEST:,} bytes are no list of class names")
    return _checked(path, text.rstrip().splitlines()) if text.strip() else ()


def _of_notes(path: Path) -> tuple[str, ...]:
    """{"categories": [{"id": 0, "name": "cat"}, ...]}"""
    content = load_json(path)
    entries = content.get("categories") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        return ()
    names: dict[str, Any] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise InputError(f"{path}: every category needs an id and a name")
        id = entry.get("id")
        if f"{id!r:.20}" in names:
            raise InputError(f"{path}: the category id {id!r:.60} stands twice")
        names[f"{id!r:.20}"] = entry["name"]
    return _checked(path, _in_order(path, names))
