"""How a setting is written down: a dataclass field with its flag's help; JSON both ways, and what differs."""

import dataclasses
import json
import types
import typing
from collections.abc import Iterator
from typing import Any, TypeVar

from frcnn_keras.settings.ranges import Range, cut, received

T = TypeVar("T")
_SCALARS: dict[Any, tuple[type, ...]] = {bool: (bool,), int: (int,), float: (int, float), str: (str,)}


def option(default: Any, help: str, flag: str | None = None, choices: tuple | None = None, alias: str | None = None,
           spellings: dict[str, str] | None = None, added: bool = False, **bounds: Any) -> Any:
    """A config field with its flag's help.

    flag: where it differs from the field's own name. alias: another flag of the same meaning, where no other setting of
    a command has it too. spellings: other words for some of the choices. added: what was stored before there was this
    field is read as if it held the default. bounds: keywords of ranges.Range, which every number and every tuple of
    numbers has.
    """
    return dataclasses.field(default=default, metadata={"help": help, "flag": flag, "choices": choices, "alias": alias,
                                                        "spellings": spellings or {}, "added": added,
                                                        "range": Range(**bounds) if bounds else None})


def leaves(config_class: type, prefix: tuple[str, ...] = ()) -> Iterator[tuple]:
    """Every leaf field of a nested config class: (path of attribute names, field, type)."""
    hints = typing.get_type_hints(config_class)
    for field in dataclasses.fields(config_class):
        if dataclasses.is_dataclass(hints[field.name]):
            yield from leaves(hints[field.name], (*prefix, field.name))
        else:
            yield (*prefix, field.name), field, hints[field.name]


def from_dict(config_class: type[T], values: Any) -> T:
    """The dataclass that `to_dict` wrote, in this version or an earlier one (see `completed`).

    Raises:
        ValueError: a field is missing, unknown or of another kind; the message names it.
    """
    if not isinstance(values, dict):
        raise ValueError(f"{config_class.__name__} must be stored as an object. Received: {received(values)}")
    record: Any = config_class  # a dataclass, which no type says
    values, hints = completed(record, values), typing.get_type_hints(record)
    names = [field.name for field in dataclasses.fields(record)]
    if set(values) != set(names):
        odd = sorted(set(values) ^ set(names))[0]
        raise ValueError(f"{config_class.__name__} and the stored config differ in field {cut(odd)!r}")
    try:
        return record(**{name: _value(hints[name], values[name]) for name in names})
    except TypeError as error:
        raise ValueError(f"{config_class.__name__}: a stored value is of another kind ({error})") from error


def completed(config_class: Any, values: Any) -> Any:
    """Stored values as this version would have written them: with fields that were added since (metadata `added`) at
    their defaults, and a list of one number where the number stands for a tuple."""
    if not isinstance(values, dict):
        return values
    hints, whole = typing.get_type_hints(config_class), dict(values)
    for field in dataclasses.fields(config_class):
        hint = _of_something(hints[field.name])
        if field.name not in values:
            if field.metadata.get("added"):
                whole[field.name] = json.loads(json.dumps(field.default))
        elif dataclasses.is_dataclass(hint):
            whole[field.name] = completed(hint, values[field.name])
        elif typing.get_origin(hint) is tuple and type(values[field.name]) in (int, float):
            whole[field.name] = [values[field.name]]
    return whole


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
    """Plain dicts and lists, as JSON holds them."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


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
