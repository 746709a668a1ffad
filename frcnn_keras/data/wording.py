"""How objects tell of themselves in a notebook: counts and names, in a few words."""

from collections.abc import Iterable, Sequence

_NAMES = 8  # that are told; the eighty of COCO would fill a screen


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 image`, `2 images`, `1,200 images`, `3 classes`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(words: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(words) - _NAMES} more" if len(words) > _NAMES else ""
    return ", ".join(words[:_NAMES]) + more


def classes(names: Sequence[str]) -> str:
    """`3 classes: ant, bee, fly`"""
    return f"{counted(len(names), 'class', 'classes')}: {listed(names)}" if names else "no classes"


def numbers(values: Iterable[float]) -> str:
    """`8, 16, 32`"""
    return ", ".join(f"{value:g}" for value in values)
