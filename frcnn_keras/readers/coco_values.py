"""Values of COCO JSON as programs write them: numbers as text, whole numbers with a point, flags as anything."""

import re

from frcnn_keras.readers.class_names import has_control_characters

_LARGEST = 2**63


def whole(value) -> int | None:
    """A whole number: 3, 3.0, "3" or "3.0"; None for anything else, and for one that no file can hold."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*([+-]?[0-9]{1,20})(\.0*)?\s*", value)
        value = int(match[1]) if match else None
    elif isinstance(value, float):
        value = int(value) if value.is_integer() else None
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST else None


def image_id(value) -> int | str | None:
    """An id: a whole number where it is one, else text; None for what is neither."""
    number = whole(value)
    if number is None and isinstance(value, str) and value.strip() and not has_control_characters(value):
        return value
    return number


def number(value) -> float | None:
    """A number as a float, infinite where it is too large for one; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def side(value) -> int:
    """The height or width of an image; 0 where none is stated."""
    length = whole(value)
    return 0 if length is None else max(0, length)


def flag(value) -> bool | None:
    """iscrowd, 0 or 1, as number or text; False where it is absent or null, None for anything else."""
    text = str(value).strip().lower() if isinstance(value, int | float | str) else None
    if value is None or text in ("0", "0.0", "false", ""):
        return False
    return True if text in ("1", "1.0", "true") else None


def received(value) -> str:
    """A value as messages quote it."""
    try:
        return f"{value!r:.80}"
    except RecursionError:
        return f"a {type(value).__name__} too deep to show"
