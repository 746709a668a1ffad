"""What a number may be: a range in words, and settings that are checked against theirs where they are made."""

import dataclasses
import math
import typing
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from frcnn_keras.errors import InputError

SEED = 2**31 - 1  # TensorFlow's stateless draws take two of 32 bits; batches shift a seed by 20 within 64
SIDE = 2**15  # pixels of an image's side, and of an anchor's
EPOCHS = 10**5  # a draw's seed has 20 bits for the epoch
CHANNELS = 2**15


@dataclasses.dataclass(frozen=True)
class Range:
    """The numbers from `least` (or beyond `above`) to `most` (or short of `below`); NaN and the infinite are in none.

    counts: of a tuple, how many numbers it may have; rising: each then at least as large as the one before. not_above:
    another field of the same settings that is at least as large as it, or as each of a tuple.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    counts: Sequence[int] | None = None
    rising: bool = False
    not_above: str | None = None

    def holds(self, value: Any) -> bool:
        """Whether a number lies in it."""
        return ((self.least is None or value >= self.least) and (self.above is None or value > self.above)
                and (self.most is None or value <= self.most) and (self.below is None or value < self.below)
                and -math.inf < value < math.inf)

    @property
    def words(self) -> str:
        """`0 to 1`; `more than 0 and at most 1`; of a tuple also how many."""
        if self.least is not None and self.most is not None:
            one = f"{_text(self.least)} to {_text(self.most)}"
        else:
            low = f"more than {self.above:g}" if self.least is None else f"{_text(self.least)} or more"
            high = f"less than {self.below:g}" if self.most is None else f"at most {_text(self.most)}"
            one = f"{low} and {high}"
        if self.counts is None:
            return one
        counts = f"{self.counts[0]}"
        if len(self.counts) > 1:
            counts += f" {'to' if isinstance(self.counts, range) else 'or'} {self.counts[-1]}"
        return f"{counts} numbers, each {one}{', none less than the one before' if self.rising else ''}"

    def fault(self, value: Any, kind: type = float) -> str:
        """What is wrong with a number of this kind, or a tuple of them: `must be ...; received: ...`, or nothing."""
        values = value if isinstance(value, tuple) else (value,)
        fits = all(_is_number(one, kind) and self.holds(one) for one in values)
        if self.counts is not None:
            fits = fits and isinstance(value, tuple) and len(values) in self.counts
            fits = fits and (not self.rising or list(values) == sorted(values))
        else:
            fits = fits and not isinstance(value, tuple)
        whole = " (whole numbers)" if kind is int and any(isinstance(one, float) for one in values) else ""
        return "" if fits else f"must be {self.words}{whole}; received: {received(value)}"


def require(name: str, value: Any, kind: type, **bounds: Any) -> None:
    """InputError unless a value is a number in a range; name: what messages call it. bounds: keywords of Range."""
    line = Range(**bounds).fault(value, kind)
    if line:
        raise InputError(f"{name} {line}")


def _is_number(value: Any, kind: type) -> bool:
    """Whole numbers serve as floats; True and False as neither."""
    return isinstance(value, int if kind is int else (int, float)) and not isinstance(value, bool)


def _text(number: float) -> str:
    """A bound as messages have it."""
    return str(number) if isinstance(number, int) else f"{number:g}"


def received(value: Any) -> str:
    """A value as messages show it: short, on one line."""
    try:
        text = ",".join(map(repr, value)) if isinstance(value, (tuple, list)) else repr(value)
    except ValueError:  # more digits than Python converts
        text = "a number of thousands of digits"
    return cut(" ".join(text.split())) or "nothing"


def cut(text: str) -> str:
    """Text of 60 letters at most."""
    return text if len(text) <= 60 else f"{text[:57]}..."


class SettingError(InputError):
    """A setting that makes no sense. `flagged` is the line in the words of flags; str() has it in those of Python."""

    def __init__(self, flagged: str, spoken: str):
        super().__init__(spoken)
        self.flagged = flagged


class Settings:
    """Base of a dataclass of `option` fields: one that is made holds choices that there are and numbers in range."""

    TITLE: ClassVar[str] = ""  # of the group that the flags of its own fields stand in

    def __post_init__(self) -> None:
        """Makes tuples of lists and of words that stand for them; raises SettingError."""
        for name, hint in typing.get_type_hints(type(self)).items():
            if typing.get_origin(hint) is tuple and isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        for field in dataclasses.fields(typing.cast(Any, self)):
            words, value = field.metadata.get("words"), getattr(self, field.name)
            if words and isinstance(value, str) and value in words:
                object.__setattr__(self, field.name, words[value])
        line = fault(self, lambda path: f"--{flag_of(field_at(type(self), path))}")
        if line:
            raise SettingError(line, fault(self, lambda path: f"{type(self).__name__}.{path}"))

    def contradiction(self, name: Callable[[str], str]) -> str:
        """What is wrong with fields together, in one line, or nothing. name: of the field at a path (`fit.epochs`)."""
        return ""


def fault(settings: Settings, name: Callable[[str], str]) -> str:
    """The first thing that is wrong with settings, in one line; empty where nothing is. name: see `contradiction`."""
    record: Any = settings
    hints = typing.get_type_hints(type(settings))
    fields = [field for field in dataclasses.fields(record) if "range" in field.metadata]
    for field in fields:
        line = _field_fault(field, hints[field.name], getattr(settings, field.name))
        if line:
            return f"{name(field.name)} {line}"
    for field in fields:
        limit, value = field.metadata["range"] and field.metadata["range"].not_above, getattr(settings, field.name)
        values = value if isinstance(value, tuple) else (value,)
        if limit and max(values) > getattr(settings, limit):
            return (f"{name(field.name)} must not be more than {name(limit)}; received: "
                    f"{','.join(map(str, values))} and {getattr(settings, limit)}")
    return settings.contradiction(name)


def _field_fault(field: Any, hint: Any, value: Any) -> str:
    """What is wrong with one field's value: `must be ...`, or nothing."""
    choices, allowed = field.metadata["choices"], field.metadata["range"]
    if choices and value not in (*choices, *field.metadata["spellings"]):
        return f"must be one of {', '.join(filter(None, choices))}; received: {received(value)}"
    words = field.metadata["words"]
    if not allowed or value in words.values():
        return ""
    line = allowed.fault(value, element_of(hint))
    return line.replace("; received", f", or {' or '.join(words)}; received", 1) if words else line


def element_of(hint: Any) -> Any:
    """The type of a field's values: of a tuple, that of what is in it."""
    return typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else hint


def flag_of(field: Any) -> str:
    """The flag of a setting's field, without its dashes."""
    return (field.metadata["flag"] or field.name).replace("_", "-")


def text_of(field: Any, value: Any) -> str:
    """A setting's value as its flag takes it: a tuple with commas between, or the word that stands for it."""
    word = next((word for word, meant in field.metadata["words"].items() if meant == value), None)
    if word is not None or not isinstance(value, tuple):
        return str(value) if word is None else word
    return ",".join(map(str, value))


def field_at(config_class: Any, path: str) -> Any:
    """The field at a path: that of `fit.epochs`."""
    first, _, rest = path.partition(".")
    if rest:
        return field_at(typing.get_type_hints(config_class)[first], rest)
    return next(field for field in dataclasses.fields(config_class) if field.name == first)


def range_of(config_class: Any, path: str) -> Range:
    """The range of the setting at a path."""
    return field_at(config_class, path).metadata["range"]
