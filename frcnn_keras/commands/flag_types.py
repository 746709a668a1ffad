"""What argparse turns a flag's text into: numbers within a range, tuples of them, choices in other words."""

import argparse
import re
from collections.abc import Callable
from typing import Any

from frcnn_keras.settings.ranges import Range, element_of, field_at, range_of, received

_KINDS = {int: "a whole number", float: "a number"}


def value_of(kind: type) -> Callable[[str], Any]:
    """The converter of one value of a setting; an ArgumentTypeError is short however long the text is."""
    if kind not in _KINDS:
        return kind

    def convert(text: str) -> Any:
        try:
            return kind(text)
        except (ValueError, OverflowError) as error:
            raise argparse.ArgumentTypeError(f"must be {_KINDS[kind]}; received: {received(text)}") from error

    convert.__name__ = kind.__name__
    return convert


def tuple_of(kind: type, words: dict[str, tuple] | None = None) -> Callable[[str], tuple]:
    """The converter of comma-separated values; words: what stands for some of them; nothing then does for
    none."""
    convert = value_of(kind)

    def parse(text: str) -> tuple:
        if words and text in words:
            return words[text]
        if words and not text.strip(", "):
            raise argparse.ArgumentTypeError(f"must be numbers, or {' or '.join(words)}; received: {received(text)}")
        return tuple(convert(part) for part in text.split(",") if part)

    parse.__name__ = f"comma-separated {kind.__name__}"
    return parse


def one_of(choices: tuple[str, ...], spellings: dict[str, str]) -> Callable[[str], str]:
    """The converter of a choice that may be spelled in other words too."""
    def parse(text: str) -> str:
        return spellings.get(text, text)

    parse.__name__ = f"one of {', '.join(choices)}"
    return parse


def device(text: str) -> str:
    """The converter of --device: `cpu`, `gpu`, `gpu:1`."""
    if not re.fullmatch(r"cpu|gpu(:\d{1,4})?", text):
        raise argparse.ArgumentTypeError(f"must be cpu, gpu or gpu:1 (a number from 0); received: {received(text)}")
    return text


class Number:
    """The converter of a flag that no settings have; the number's range is checked with theirs (flags.Parser)."""

    def __init__(self, kind: type, allowed: Range):
        self.kind, self.allowed, self.__name__ = kind, allowed, kind.__name__

    def __call__(self, text: str) -> Any:
        return value_of(self.kind)(text)

    def fault(self, value: Any) -> str:
        """What is wrong with what was parsed, one number or several: `must be ...; received: ...`, or nothing."""
        values = value if isinstance(value, (list, tuple)) else [value]
        return next(filter(None, (self.allowed.fault(one, self.kind) for one in values)), "")


class NumberOr(Number):
    """The converter of a number in a range, or of one word."""

    def __init__(self, word: str, number: Number):
        super().__init__(number.kind, number.allowed)
        self.word = word

    def __call__(self, text: str) -> Any:
        return text if text == self.word else super().__call__(text)

    def fault(self, value: Any) -> str:
        return "" if value == self.word else super().fault(value)


def within(kind: type, **bounds: Any) -> Number:
    """The converter of a number in a range; bounds: keywords of Range."""
    return Number(kind, Range(**bounds))


def like(config_class: type, path: str) -> Number:
    """The converter of a number in the range of the setting at a path (`fit.seed`)."""
    return Number(element_of(field_at(config_class, path).type), range_of(config_class, path))
