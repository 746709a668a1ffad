"""Names of classes: which can be one, how a flag lists them, which look like the same."""

import csv
import unicodedata
from collections.abc import Iterable, Sequence

from frcnn_keras.errors import InputError

BACKGROUND_NAMES = ("background", "__background__")
_CONTROL = frozenset(("Cc", "Cs", "Zl", "Zp"))  # control characters, halves of surrogate pairs, line and paragraph ends


def resolve_classes(found: Iterable[str], class_names: Sequence[str] | None) -> tuple[str, ...]:
    """The classes of a data set: those asked for, else those found that can be one, in the order given.

    Raises:
        InputError: of the names asked for one is empty, stands twice, is the background's or has control characters.
    """
    if class_names is None:
        return tuple(dict.fromkeys(name for name in found if not fault_of(name)))
    names = tuple(class_names)
    if not names or not all(names) or len(set(names)) != len(names):
        raise InputError(f"class names must be given, each once and none empty; received: {', '.join(names) or 'none'}")
    for name in names:
        if fault_of(name):
            raise InputError(fault_of(name))
    return names


def fault_of(name: str) -> str:
    """Why a name cannot be that of a class; empty where it can. Any other text can, commas and quotes too."""
    if not name:
        return "the object has no class name; give it one or remove it"
    if is_background(name):
        return f"{name!r:.100} cannot be a class: label 0 is the background's already; leave it out"
    if has_control_characters(name):
        return f"{name!r:.100} cannot be a class: it has control characters; write the name without them"
    return ""


def is_background(name: str) -> bool:
    return name.strip().lower() in BACKGROUND_NAMES


def has_control_characters(text: str) -> bool:
    """Whether a text has characters that no terminal should get, or that no file can hold."""
    return not text.isprintable() and any(unicodedata.category(char) in _CONTROL for char in text)


def parse_names(text: str) -> tuple[str, ...]:
    """Names parted by commas, as a flag has them; one with a comma in it stands in double quotes, as in CSV.

    Raises:
        InputError: a quote that is not closed, or text behind one.
    """
    try:
        rows = list(csv.reader([text], skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise InputError(f"class names must be parted by commas, those with a comma in double quotes ({error}); "
                         f"received: {text!r:.100}") from error
    return tuple(name.strip() for row in rows for name in row)


def look_alikes(names: Iterable[str]) -> list[tuple[str, ...]]:
    """The names that differ in letters' case or blanks alone, those that look the same together."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault("".join(unicodedata.normalize("NFKC", name).casefold().split()), []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]
