"""A row says what one flag of a stage changes; how a stage's settings are made of flags, as its command makes them."""

import dataclasses
import functools
import importlib
from collections.abc import Callable
from typing import Any

from frcnn_keras.commands.flags import from_args
from frcnn_keras.settings.options import leaves
from frcnn_keras.settings.ranges import flag_of

REQUIRED = {"prep": ["--shapes", "1", "--out", "o"], "train_rpn": ["--data", "d", "--run", "r"],
            "train_rcnn": ["--data", "d", "--run", "r"], "finetune": ["--run", "r", "--shapes", "1", "--out", "o"],
            "joint": ["--shapes", "1", "--out", "o"]}


@dataclasses.dataclass(frozen=True)
class Row:
    """value: another than the default; a function of Given where it names a file. check(subject, value): asserts what
    the value changes on what the stage makes of its settings. flags: others that it needs, or a function of Given."""

    value: Any
    check: Callable
    flags: Any = ()


def field_of(config_class: type, path: str) -> tuple:
    """(tuple path, field) of a leaf such as `fit.epochs`."""
    return next((names, field) for names, field, _ in leaves(config_class) if ".".join(names) == path)


def value_at(config: Any, path: str) -> Any:
    return functools.reduce(getattr, path.split("."), config)


def flag_text(config_class: type, path: str, value: Any) -> str:
    """The flag that sets a leaf to a value."""
    flag = flag_of(field_of(config_class, path)[1])
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    return f"--{flag}={','.join(map(str, value)) if isinstance(value, tuple) else value}"


def configured(command: str, config_class: type, flags: list[str]) -> Any:
    """The settings that a command makes of its flags."""
    parser = importlib.import_module(f"frcnn_keras.commands.{command}").build_parser()
    return from_args(config_class, parser.parse_args([*REQUIRED[command], *flags]))
