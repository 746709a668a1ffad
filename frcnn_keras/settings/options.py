"""How a setting is written down: a dataclass field with its flag's help; JSON both ways, and what differs."""

import dataclasses
import json
import typing
from collections.abc import Iterator


def option(default, help, flag=None, choices=None, alias=None):
    """A config field with its flag's help; `flag` where it differs from the field's own name; `alias`: another."""
    return dataclasses.field(default=default,
                             metadata={"help": help, "flag": flag, "choices": choices, "alias": alias})


def leaves(config_class, prefix=()) -> Iterator[tuple]:
    """Every leaf field of a nested config class: (path of attribute names, field, type)."""
    hints = typing.get_type_hints(config_class)
    for field in dataclasses.fields(config_class):
        if dataclasses.is_dataclass(hints[field.name]):
            yield from leaves(hints[field.name], (*prefix, field.name))
        else:
            yield (*prefix, field.name), field, hints[field.name]


def from_dict(config_class, values: dict):
    """The config that `to_dict` wrote; ValueError names a field that is missing or unknown."""
    hints = typing.get_type_hints(config_class)
    names = [field.name for field in dataclasses.fields(config_class)]
    if set(values) != set(names):
        odd = sorted(set(values) ^ set(names))[0]
        raise ValueError(f"{config_class.__name__} and the stored config differ in field {odd!r}")
    built = {}
    for name in names:
        value = values[name]
        if dataclasses.is_dataclass(hints[name]):
            value = from_dict(hints[name], value)
        built[name] = tuple(value) if isinstance(value, list) else value
    return config_class(**built)


def to_dict(config) -> dict:
    """Plain dicts and lists, as JSON holds them."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def difference(old: dict, new: dict, prefix: str = "") -> str:
    """The first field in which two nested dicts differ, as `name: old -> new`; empty where they agree."""
    for key in {**old, **new}:
        if key not in old or key not in new:
            return f"{prefix}{key}: {old.get(key, 'absent')} -> {new.get(key, 'absent')}"
        if isinstance(old[key], dict) and isinstance(new[key], dict):
            found = difference(old[key], new[key], f"{prefix}{key}.")
            if found:
                return found
        elif old[key] != new[key]:
            return f"{prefix}{key}: {old[key]} -> {new[key]}"
    return ""
