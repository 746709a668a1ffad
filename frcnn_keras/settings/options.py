"""How a setting is written down: a dataclass field with its flag's help; JSON both ways, and what differs."""

import dataclasses
import json
import types
import typing
from collections.abc import Iterator
from typing import Any, TypeVar

from frcnn_keras.settings.ranges import Range, cut, received

T = TypeVar("T")
LATER = "later"  # in the metadata of a field that came after folders were written without it; see `to_dict`
_SCALARS: dict[Any, tuple[type, ...]] = {bool: (bool,), int: (int,), float: (int, float), str: (str,)}


def option(default: Any, help: str, flag: str | None = None, choices: tuple | None = None, alias: str | None = None,
           spellings: dict[str, str] | None = None, words: dict[str, tuple] | None = None, later: bool = False,
           common: bool = False, **bounds: Any) -> Any:
    """A config field with its flag's help.

    flag: where it differs from the field's own name. alias: another flag of the same meaning, where no other setting of
    a command has it too. spellings: other words for some of the choices. words: what stands for some tuples in text,
    and in Python too. later: see `to_dict`. common: one that many change, which --help shows; --help-all shows the
    others too. bounds: keywords of ranges.Range, which every number and every tuple of numbers has.
    """
    return dataclasses.field(default=default, metadata={"help": help, "flag": flag, "choices": choices, "alias": alias,
                                                        "spellings": spellings or {}, "words": words or {},
                                                        LATER: later, "common": common,
                                                        "range": Range(**bounds) if bounds else None})


def leaves(config_class: type, prefix: tuple[str, ...] = ()) -> Iterator[tuple]:
    """Every leaf field of a nested config class: (path of attribute names, field, type)."""
    hints = typing.get_type_hints(config_class)
    for field in dataclasses.fields(config_class):
        if dataclasses.is_dataclass(hints[field.name]):
            yield from leaves(hints[field.name], (*prefix, field.name))
        else:
            yield (*prefix, field.name), field, hints[field.name]


def title_of(config_class: type, path: tuple[str, ...]) -> str:
    """The title of the group that a leaf's flag stands in: its dataclass's TITLE."""
    for name in path[:-1]:
        config_class = typing.get_type_hints(config_class)[name]
    return getattr(config_class, "TITLE", "") or "settings"


def from_dict(config_class: type[T], values: Any) -> T:
    """The dataclass that `to_dict` wrote, in this version or an earlier one; see `later` there.

    Raises:
        ValueError: a field is missing, unknown or of another kind; the message names it.
    """
    if not isinstance(values, dict):
        raise ValueError(f"{config_class.__name__} must be stored as an object. Received: {received(values)}")
    record: Any = config_class  # a dataclass, which no type says
    hints = typing.get_type_hints(record)
    names = {field.name for field in dataclasses.fields(record)}
    later = {field.name for field in dataclasses.fields(record) if field.metadata.get(LATER)}
    odd = sorted((set(values) ^ names) - later)
    if odd:
        raise ValueError(f"{config_class.__name__} and the stored config differ in field {cut(odd[0])!r}")
    try:
        return record(**{name: _value(hints[name], value) for name, value in values.items()})
    except TypeError as error:
        raise ValueError(f"{config_class.__name__}: a stored value is of another kind ({error})") from error


def _of_something(hint: Any) -> Any:
    """SomeRecord of SomeRecord | None."""
    if isinstance(hint, types.UnionType):
        return next(part for part in typing.get_args(hint) if part is not type(None))
    return hint


def _value(hint: Any, value: Any) -> Any:
    """A stored value as its field has it: dataclasses for objects, tuples for lists."""
    if isinstance(hint, types.UnionType) and value is None:
        return None
    hint = _of_something(hint)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return from_dict(typing.cast(type, hint), value)
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise TypeError(f"{received(value)} is no list")
        return tuple(_value(typing.get_args(hint)[0], item) for item in value)
    if hint in _SCALARS and (not isinstance(value, _SCALARS[hint]) or isinstance(value, bool) != (hint is bool)):
        raise TypeError(f"{received(value)} is no {hint.__name__}")
    return value


def to_dict(config: Any) -> dict:
    """Plain dicts and lists, as JSON holds them.

    A field marked as later is written where it is not at its default: what is stored without it then stays valid, and
    folders that do not use it are the same to the bit. Code that does not know the field refuses what uses it.
    """
    return json.loads(json.dumps(_plain(config)))


def always_stored(record_class: type) -> tuple[str, ...]:
    """The keys that every `to_dict` of this record has: a file that has them may be told by them."""
    return tuple(field.name for field in dataclasses.fields(record_class) if not field.metadata.get(LATER))


def _plain(value: Any) -> Any:
    """A record's fields by name, and so on inwards."""
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)
                if not (field.metadata.get(LATER) and getattr(value, field.name) == field.default)}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def difference(old: dict, new: dict, prefix: str = "") -> str:
    """The first field in which two nested dicts differ, as `name: old -> new`; empty where they agree."""
    for key in {**old, **new}:
        if key not in old or key not in new:
            return f"{prefix}{cut(key)}: {_shown(old.get(key, 'absent'))} -> {_shown(new.get(key, 'absent'))}"
        if isinstance(old[key], dict) and isinstance(new[key], dict):
            inner = difference(old[key], new[key], f"{prefix}{key}.")
            if inner:
                return inner
        elif old[key] != new[key]:
            return f"{prefix}{cut(key)}: {_shown(old[key])} -> {_shown(new[key])}"
    return ""


def _shown(value: Any) -> str:
    """A stored value as `difference` has it: what has many parts is cut."""
    return cut(str(value))
