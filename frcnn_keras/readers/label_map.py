"""Label maps of the TF Object Detection API: items of an id and a name in protobuf's text format, both ways."""

from collections.abc import Sequence

from frcnn_keras.errors import InputError, printable
from frcnn_keras.readers.text_format import TextFormatError, Tokens, parse, quoted
from frcnn_keras.readers.validation import is_background

_NEEDED = "it needs items such as: item { id: 1 name: 'cat' }"
LARGEST = 10_000_000  # bytes; a map of Open Images' 20,000 classes has 1.5 million


def read_label_map(path) -> dict[int, str]:
    """Names by label of a label map: item { id: 1 name: 'x' }; a display_name goes before the name.

    Item 0 may stand for the background, which is left out. Fields that are not known are passed over.

    Raises:
        InputError: no text, no label map, an item without id or name, or an id or a name that stands twice.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: the label map is no text in UTF-8 ({error.reason} at byte {error.start})") from error
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{printable(str(path))}: the label map cannot be read ({reason})") from error
    if len(data) > LARGEST:
        raise InputError(f"{path}: over {LARGEST:,} bytes are no label map")
    try:
        return _classes(path, parse(text))
    except TextFormatError as error:
        raise InputError(f"{path}: {error}: not a label map; {_NEEDED}") from error


def _classes(path, tokens: Tokens) -> dict[int, str]:
    """The classes of a whole map, by id."""
    classes: dict[int, str] = {}
    names: set[str] = set()
    items = [field for field in tokens.fields() if field.name == "item"]
    for number, field in enumerate(items, 1):
        if not isinstance(field.value, Tokens):
            raise TextFormatError(f"line {field.line}: item is no message in braces")
        label, name = _item(field.value)
        if label is None or not name:
            raise InputError(f"{path}: line {field.line}: item {number} needs an id and a name")
        if label == 0 and is_background(name):
            continue
        if not 1 <= label < 2**31:
            raise InputError(f"{path}: line {field.line}: item {name[:60]!r} has id {label}; ids start at 1, as 0 is "
                             "the background's, and have 31 bits")
        if label in classes or name in names:
            raise InputError(f"{path}: line {field.line}: item {name[:60]!r} (id {label}): its id or its name stands "
                             "twice")
        classes[label] = name
        names.add(name)
    if not classes:
        raise InputError(f"{path}: not a label map; {_NEEDED}")
    return dict(sorted(classes.items()))


def _item(tokens: Tokens) -> tuple[int | None, str]:
    """(id, name) of an item."""
    found: dict[str, int | str] = {}
    for name, line, value in tokens.fields():
        kind = {"id": int, "name": str, "display_name": str}.get(name)
        if kind is None:
            continue
        if name in found:
            raise TextFormatError(f"line {line}: the item has a second {name}")
        if not isinstance(value, kind):
            raise TextFormatError(f"line {line}: {name} must be {'a whole number' if kind is int else 'in quotes'}")
        found[name] = value
    text = str(found.get("display_name", "")).strip() or str(found.get("name", "")).strip()
    return found.get("id"), text


def label_map_text(class_names: Sequence[str]) -> str:
    """The classes as a label map, ids from 1. `read_label_map` and protobuf's own parser give the same names back."""
    return "".join(f"item {{\n  id: {label}\n  name: {quoted(name)}\n}}\n"
                   for label, name in enumerate(class_names, 1))
