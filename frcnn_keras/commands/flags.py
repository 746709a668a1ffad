"""Command-line flags and TOML keys out of config dataclasses: the dataclasses are the single source."""

import argparse
import dataclasses
import difflib
import functools
import re
import sys
import tomllib
import typing
from pathlib import Path

from frcnn_keras.commands.flag_types import Number, one_of, tuple_of, value_of
from frcnn_keras.commands.help_text import HelpAll, help_text, seldom, settings_group
from frcnn_keras.commands.other_words import SENTENCES, flags_meant
from frcnn_keras.errors import InputError, one_line
from frcnn_keras.settings.options import leaves, title_of
from frcnn_keras.settings.ranges import SettingError, element_of, flag_of, received, text_of


class Parser(argparse.ArgumentParser):
    """A parser that answers a mistyped flag with the nearest one, and has --help in groups and --help-all."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.shared_aliases: dict[str, list[str]] = {}  # short names of flags that this command has several of
        self.config_classes: list[type] = []  # whose settings are flags
        if self.add_help:
            self.add_argument("--help-all", action=HelpAll, help="show every flag and exit")

    def format_help(self) -> str:
        """What --help shows; see `help_text`."""
        return help_text(self)

    def parse_args(self, args=None, namespace=None):
        """As argparse's, but for what an unknown flag is told; InputError for settings that make no sense."""
        args = sys.argv[1:] if args is None else list(args)
        for argument in args[:args.index("--")] if "--" in args else args:  # before what is required is asked for
            if re.match("--|-[a-zA-Z]", argument) and argument.split("=")[0] not in self._option_string_actions:
                self.error(self._unknown(argument.split("=")[0]))
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.error(self._unknown(unknown[0]))
        for action in self._actions:  # before the command reads anything
            value = getattr(parsed, action.dest, None)
            if isinstance(action.type, Number) and value is not None and action.type.fault(value):
                raise InputError(f"{action.option_strings[0]} {action.type.fault(value)}")
        for config_class in self.config_classes:
            from_args(config_class, parsed)
        return parsed

    def error(self, message: str):
        """Ends with 2 and one line."""
        self.exit(2, f"{self.prog}: error: {message} (--help-all lists all flags)\n")

    def shared(self, argument: str) -> str:
        """What is told where a flag, or a TOML key, could mean several flags of this command; else nothing."""
        meant = self.shared_aliases.get(argument.lstrip("-").replace("_", "-"), ())
        return f"{argument} could mean {' or '.join(f'--{flag}' for flag in meant)}; give the one that is meant" \
            if meant else ""

    def _unknown(self, argument: str) -> str:
        if self.shared(argument):
            return self.shared(argument)
        path = not argument.startswith("-") and Path(argument).exists()
        meant = self.meant("--input" if path else argument) if path or argument.startswith("-") else ""
        return f"unknown argument {argument}" + (f"; {meant}" if meant else "")

    def meant(self, argument: str) -> str:
        """What an unknown flag could stand for: `did you mean --batch?`, or nothing."""
        known = [flag.lstrip("-") for action in self._actions for flag in action.option_strings if flag != "-h"]
        bare = [str(action.metavar or action.dest).upper() for action in self._actions if not action.option_strings]
        told = SENTENCES.get(argument.strip("-").lower(), "") if "fresh" in known else ""
        near = [f"{word}, without a flag" if word in bare else f"--{word}" for word in flags_meant(
            argument, [*known, *bare])]
        return told or (f"did you mean {', '.join(near[:-1])}{' or ' if near[1:] else ''}{near[-1]}?" if near else "")


def shared_aliases(config_class) -> dict[str, list[str]]:
    """Aliases that would stand for several flags of one command, which therefore has none of them."""
    meant: dict[str, list[str]] = {}
    for _, field, _ in leaves(config_class):
        if field.metadata["alias"]:
            meant.setdefault(field.metadata["alias"], []).append(flag_of(field))
    return {alias: flags for alias, flags in meant.items() if len(flags) > 1}


def add_arguments(parser: argparse.ArgumentParser, config_class, defaults=None) -> None:
    """Adds one flag for every leaf field of `config_class`; `defaults`: an instance to take the defaults from."""
    defaults = defaults or config_class()
    shared = shared_aliases(config_class)
    for path, field, hint in leaves(config_class):
        value = functools.reduce(getattr, path, defaults)
        convert, many = element_of(hint), typing.get_origin(hint) is tuple
        shown = ",".join(f"{v:g}" if isinstance(v, float) else str(v) for v in value) if many else value
        shown = text_of(field, value) if many and not value else shown
        shown = f" (default {shown:.4g})" if isinstance(shown, float) else f" (default {shown})" if shown != "" else ""
        settings = {"dest": flag_of(field).replace("-", "_"), "default": value, "help": field.metadata["help"] + shown}
        group = settings_group(parser, title_of(config_class, path))
        if convert is bool:
            action = group.add_argument(f"--{flag_of(field)}", action=argparse.BooleanOptionalAction, **settings)
        else:
            metavar = None if field.metadata["choices"] else _metavar(field, convert, many)
            names = [f"--{name}" for name in (flag_of(field), field.metadata["alias"]) if name and name not in shared]
            if field.metadata["spellings"]:
                convert = one_of(field.metadata["choices"], field.metadata["spellings"])
            action = group.add_argument(*names, type=tuple_of(convert, field.metadata["words"]) if many
                                        else value_of(convert), metavar=metavar, choices=field.metadata["choices"],
                                        **settings)
        if not field.metadata["common"]:
            seldom(action)
    if isinstance(parser, Parser):
        parser.config_classes.append(config_class)
        parser.shared_aliases |= shared


def _metavar(field, kind: type, many: bool) -> str:
    """What stands for a setting's value in the help."""
    if kind is str:
        return "A,..." if many else field.name.upper()
    one = "N" if kind is int else "X"
    return f"{one},..." if many else one


def from_args(config_class, args: argparse.Namespace):
    """The config that the parsed flags stand for; InputError, which names the flag, where one is out of its range."""
    values = {}
    hints = typing.get_type_hints(config_class)
    for field in dataclasses.fields(config_class):
        if dataclasses.is_dataclass(hints[field.name]):
            values[field.name] = from_args(hints[field.name], args)
        else:
            values[field.name] = getattr(args, flag_of(field).replace("-", "_"))
    try:
        return config_class(**values)
    except SettingError as error:
        raise InputError(error.flagged) from error


def to_arguments(config, names: frozenset[str] | None = None) -> list[str]:
    """Flags that stand for a config: what is not at its default, as `from_args` would take it. names: these alone."""
    default, arguments = type(config)(), []
    for path, field, _ in leaves(type(config)):
        value, default_value = (functools.reduce(getattr, path, settings) for settings in (config, default))
        flag = flag_of(field)
        if value == default_value or (names is not None and flag not in names):
            continue
        if isinstance(value, bool):
            arguments.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            arguments.append(f"--{flag}={text_of(field, value)}")
    return arguments


def contradiction(given, fixed) -> str:
    """The first flag of `given` that is neither at its default nor as `fixed` has it: `--flag value`, or empty."""
    default = type(given)()
    for path, field, _ in leaves(type(given)):
        asked, settled, default_value = (functools.reduce(getattr, path, config) for config in (given, fixed, default))
        if asked not in (settled, default_value):
            return f"--{flag_of(field)} {settled}"
    return ""


def apply_toml(parser: argparse.ArgumentParser, path: str, command: str, own_table_alone: bool = False) -> None:
    """Makes the values in a TOML file the parser's defaults (flags still win).

    Keys are the flags' names, with - or _, at the top level or in a table named like the command ([train-rpn],
    [train_rpn]; [prep] may be called [data_prep], and is train's too); the tables of other commands are passed over, so
    that one file serves every stage. own_table_alone: keys at the top level are another command's too. InputError names
    an unknown key's nearest.
    """
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); give a TOML file with --config") from error
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, nesting without end
        raise InputError(f"{path}: not valid TOML: {one_line(error)}") from error
    merged = {} if own_table_alone else {key: value for key, value in values.items() if not isinstance(value, dict)}
    for table in (*_TABLES.get(command, ()), command, command.replace("-", "_")):
        if isinstance(values.get(table), dict):
            merged.update(values[table])
    actions = {}
    for action in parser._actions:
        if action.dest not in ("help", "config", argparse.SUPPRESS):
            spellings = (flag.lstrip("-").replace("-", "_") for flag in action.option_strings)
            actions |= {action.dest: action} | {name: action for name in spellings if not name.startswith("no_")}
    tables = [key for key, value in values.items() if isinstance(value, dict) and key.replace("-", "_") in actions]
    if tables:
        raise InputError(f"{path}: {tables[0]} is a setting of {command}, not a table")
    for key, value in merged.items():
        name = key.replace("-", "_")
        if name not in actions:
            shared = parser.shared(key) if isinstance(parser, Parser) else ""
            if shared:
                raise InputError(f"{path}: {shared}")
            dashed = {known.replace("_", "-"): known for known in actions}
            meant = [dashed[flag] for flag in flags_meant(key, dashed)]
            near = (meant or difflib.get_close_matches(name, actions, 1, 0))[0]
            raise InputError(f"{path}: {key}: no such setting of {command}; the nearest is {near}")
        parser.set_defaults(**{actions[name].dest: _toml_value(actions[name], value, path, key)})
        actions[name].required = False


_TABLES = {"prep": ("data_prep",), "train": ("data_prep", "prep")}  # that a command has besides its own


def _toml_value(action, value, path, key):
    """A TOML value as the flag would have parsed it."""
    if isinstance(action, argparse.BooleanOptionalAction) or action.nargs == 0:
        if not isinstance(value, bool):
            raise InputError(f"{path}: {key} must be true or false, not {received(value)}")
        return value
    many = isinstance(action.nargs, int) or action.nargs in ("+", "*")
    values = value if isinstance(value, list) else [value]
    if any(isinstance(item, (dict, list)) for item in values):
        raise InputError(f"{path}: {key} takes a value or a list of values, not lists within lists or tables")
    if isinstance(action.nargs, int) and len(values) != action.nargs:
        raise InputError(f"{path}: {key} takes a list of {action.nargs} values, not {received(value)}")
    try:
        texts = [str(item) for item in values]
        convert = action.type or str
        parsed = [convert(text) for text in texts] if many else convert(",".join(texts))
    except argparse.ArgumentTypeError as error:
        raise InputError(f"{path}: {key} {error}") from error
    except ValueError as error:
        kind = getattr(action.type, "__name__", "text")
        raise InputError(f"{path}: {key}: {received(value)} is no {kind}") from error
    if action.choices and any(item not in action.choices for item in (parsed if many else [parsed])):
        raise InputError(f"{path}: {key} must be one of {', '.join(map(str, action.choices))}; received: "
                         f"{received(value)}")
    return parsed
