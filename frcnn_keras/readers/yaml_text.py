"""YAML as data sets are described with: texts, lists and mappings; nothing is made of them while they are read.

A value stays the text that stands there. YAML 1.1 would make False of a class called `no`, and 8 of one called `010`.
"""

from pathlib import Path
from typing import Any

import yaml

from frcnn_keras.errors import InputError, one_line

LARGEST = 1_000_000  # bytes; LVIS's 1,203 classes have 50,000
_DEEPEST = 20  # lists and mappings within each other; a data set's have three
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's where there is one: ten times as fast

Yaml = str | list[Any] | dict[str, Any]  # of the same again


def load_yaml(path: Path) -> Yaml:
    """The content of a YAML file.

    Raises:
        InputError: it cannot be read, is no YAML or more than one document, has anchors, or a key twice; with its line.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if len(data) > LARGEST:
        raise InputError(f"{path}: over {LARGEST:,} bytes are no description of a data set")
    try:
        return _built(path, data)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        raise InputError(f"{path}: {line}malformed YAML ({one_line(Exception(error.problem or error.context))})"
                         ) from error
    except (yaml.YAMLError, UnicodeError, ValueError) as error:  # bytes that are no text
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: malformed YAML ({one_line(error)})") from error


class _Open:
    """A list or a mapping that is being read."""

    def __init__(self, value: list[Any] | dict[str, Any]):
        self.value = value
        self.key: str | None = None  # the mapping's key whose value comes next


def _built(path: Path, data: bytes) -> Yaml:
    """Values out of the parser's events, one after the other: however deep, nothing here calls itself."""
    stack: list[_Open] = []
    documents: list[Yaml] = []
    for event in yaml.parse(data, Loader=_PARSER):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise InputError(f"{path}: line {line}: anchors and aliases (&, *) are not read; write the values out")
        if isinstance(event, yaml.ScalarEvent):
            _put(path, line, stack, documents, event.value)
        elif isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
            value: Any = [] if isinstance(event, yaml.SequenceStartEvent) else {}
            _put(path, line, stack, documents, value)
            stack.append(_Open(value))
            if len(stack) > _DEEPEST:
                raise InputError(f"{path}: line {line}: lists within lists, {_DEEPEST} deep, describe no data set")
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            stack.pop()
    if len(documents) > 1:
        raise InputError(f"{path}: holds {len(documents)} YAML documents, parted by ---; keep one")
    return documents[0] if documents else ""


def _put(path: Path, line: int, stack: list[_Open], documents: list[Yaml], value: Any) -> None:
    """A value into what it stands in: a list, a mapping as key or as value, or nothing."""
    if not stack:
        documents.append(value)
    elif isinstance(stack[-1].value, list):
        stack[-1].value.append(value)
    elif stack[-1].key is not None:
        stack[-1].value[stack[-1].key] = value
        stack[-1].key = None
    elif not isinstance(value, str):
        raise InputError(f"{path}: line {line}: a key must be a word; received a list or a mapping")
    elif value in stack[-1].value:
        raise InputError(f"{path}: line {line}: the key {value!r:.100} stands twice")
    else:
        stack[-1].key = value
