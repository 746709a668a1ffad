import argparse
import dataclasses
import importlib
import re
import typing

import pytest

from frcnn_keras.__main__ import COMMANDS
from frcnn_keras.commands import command_line, flags
from frcnn_keras.commands.help_text import help_text, invocation, is_seldom, seldom
from frcnn_keras.settings.image_trainers import AlternateConfig, FinetuneConfig, JointConfig
from frcnn_keras.settings.options import leaves, option, title_of
from frcnn_keras.settings.ranges import Settings
from frcnn_keras.settings.stages import CheckConfig, PrepConfig, RCNNConfig, RPNConfig

CONFIGS = {"check": CheckConfig, "prep": PrepConfig, "train-rpn": RPNConfig, "train-rcnn": RCNNConfig,
           "finetune": FinetuneConfig, "joint": JointConfig, "alternate": AlternateConfig, "train": PrepConfig}
SCREEN = 48  # lines that a newcomer reads at once
LONGER = {"alternate": 53}  # which lists its four steps


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    """Of 80 columns; commands are spelled the longer way."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.argv", ["__main__.py"])


def parser_of(name):
    return importlib.import_module(f"frcnn_keras.commands.{name.replace('-', '_')}").build_parser()


def printed(parser, flag, capsys):
    with pytest.raises(SystemExit) as caught:
        parser.parse_args([flag])
    assert caught.value.code == 0
    return capsys.readouterr().out


def listed(text):
    """The flags that begin a row of the help."""
    rows = [line for line in text.splitlines() if re.match("  -", line)]
    return {flag for row in rows for flag in re.findall(r"(?:^  |, )(--?[a-z][a-z0-9-]*)", row)}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_is_in_help_all_and_the_common_ones_in_help(name, capsys):
    parser = parser_of(name)
    short, long = printed(parser, "--help", capsys), printed(parser, "--help-all", capsys)
    every = {flag for action in parser._actions for flag in action.option_strings}
    assert listed(long) == every
    hidden = {flag for action in parser._actions if is_seldom(action) for flag in action.option_strings}
    assert listed(short) == every - hidden - {"-h", "--help", "--help-all"}
    told = re.findall(r"--help-all lists (\d+) more settings\n", short)
    assert told == ([str(sum(map(is_seldom, parser._actions)))] if hidden else [])
    assert "more settings" not in long and short == parser.format_help()


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("columns", [80, 100])
def test_no_line_is_wider_than_the_terminal(name, columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    for flag in ("--help", "--help-all"):
        text = printed(parser_of(name), flag, capsys)
        assert max(map(len, text.splitlines())) <= columns
        assert text.startswith(f"usage: python -m frcnn_keras {name} ") and "\n\n\n" not in text


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_read_in_one_screen(name, capsys):
    assert printed(parser_of(name), "--help", capsys).count("\n") <= LONGER.get(name, SCREEN)


@pytest.mark.parametrize("name", CONFIGS)
def test_settings_are_common_where_they_say_so_and_stand_below_their_title(name, capsys):
    parser = parser_of(name)
    short, long = printed(parser, "--help", capsys), printed(parser, "--help-all", capsys)
    for path, field, _ in leaves(CONFIGS[name]):
        flag = f"--{(field.metadata['flag'] or field.name).replace('_', '-')}"
        assert (flag in listed(short)) == field.metadata["common"], flag
        title = title_of(CONFIGS[name], path)
        block = next(block for block in long.split("\n\n") if block.startswith(f"{title}:\n"))
        assert flag in listed(block)
    assert sum(field.metadata["common"] for _, field, _ in leaves(CONFIGS[name])) >= 2


def dataclasses_of(config_class):
    yield config_class
    for hint in typing.get_type_hints(config_class).values():
        if dataclasses.is_dataclass(hint):
            yield from dataclasses_of(hint)


@pytest.mark.parametrize("config_class", dict.fromkeys(CONFIGS.values()))
def test_every_dataclass_with_flags_has_a_title(config_class):
    for one in dataclasses_of(config_class):
        own = [name for name, hint in typing.get_type_hints(one).items() if name in
               {field.name for field in dataclasses.fields(one)} and not dataclasses.is_dataclass(hint)]
        assert one.TITLE or not own, one


@pytest.mark.parametrize("name", COMMANDS)
def test_usage_has_what_must_be_given(name):
    usage = " ".join(parser_of(name).format_help().split("\n\n")[0].split())
    assert usage.endswith(" [flags]") and len(usage) < 120
    for action in parser_of(name)._actions:
        first = action.option_strings[0] if action.option_strings else action.metavar
        assert (f" {first} " in usage) == action.required, first


def test_hidden_flags_work_as_the_others(tmp_path, capsys):
    """They parse, stand in a TOML file, and are told as the nearest."""
    assert {"--momentum", "--neck-sample"} & listed(parser_of("train-rpn").format_help()) == set()
    parser = parser_of("train-rpn")
    assert parser.parse_args(["--data", "d", "--run", "r", "--momentum", "0.5"]).momentum == 0.5
    (tmp_path / "s.toml").write_text("momentum = 0.25\n")
    flags.apply_toml(parser, str(tmp_path / "s.toml"), "train-rpn")
    assert parser.parse_args(["--data", "d", "--run", "r"]).momentum == 0.25
    with pytest.raises(SystemExit):
        parser.parse_args(["--momentun", "0.5"])
    assert "did you mean --momentum?" in capsys.readouterr().err


def test_help_all_is_no_setting(tmp_path):
    (tmp_path / "s.toml").write_text("help-all = true\n")
    with pytest.raises(ValueError, match="help-all: no such setting"):
        flags.apply_toml(parser_of("prep"), str(tmp_path / "s.toml"), "prep")
    assert not any("help" in key for key in vars(parser_of("check").parse_args([])))


@dataclasses.dataclass(frozen=True)
class Part(Settings):
    TITLE: typing.ClassVar[str] = "one part"

    size: int = option(3, "how large", common=True, least=1, most=9)
    on: bool = option(True, "whether")


@dataclasses.dataclass(frozen=True)
class Whole(Settings):
    part: Part = Part()
    names: tuple[str, ...] = option((), "some names, 100% of them".replace("%", "%%"), alias="name")


def small(epilog=""):
    parser = command_line.parser("stage", "Does a thing.", epilog, program="stage")
    parser.add_argument("file", metavar="FILE", help="what is read")
    parser.add_argument("--out", required=True, metavar="DIR", help="where it is written")
    seldom(parser.add_argument("--pair", nargs=2, metavar=("A", "B"), help="two"))
    flags.add_arguments(parser, Whole)
    return parser


def test_a_whole_help():
    assert small("writes OUT.").format_help() == """usage: stage FILE --out DIR [flags]

Does a thing.

arguments:
  FILE                  what is read

flags:
  --out DIR             where it is written
  --config FILE         TOML file of these settings; flags win over it
  --debug               show the traceback of an error

settings:
  --size N              how large (default 3)

--help-all lists 4 more settings

writes OUT.
"""
    assert help_text(small(), everything=True).split("flags:\n")[1] == """\
  --out DIR             where it is written
  --pair A B            two
  -h, --help            show this help message and exit
  --help-all            show every flag and exit
  --config FILE         TOML file of these settings; flags win over it
  --device cpu|gpu:N    what computes (default: a GPU where TensorFlow sees
                        one)
  --debug               show the traceback of an error

one part:
  --size N              how large (default 3)
  --on, --no-on         whether (default True)

settings:
  --names, --name A,...
                        some names, 100% of them
"""


def test_flags_are_shown_as_they_are_given():
    parser = argparse.ArgumentParser()
    for given, shown in (({"nargs": "+", "metavar": "PATH"}, "--x PATH ..."),
                         ({"choices": ("", "a", "b")}, "--x {a,b}"),
                         ({"action": "store_true"}, "--x"), ({"metavar": "N"}, "--x N"), ({}, "--x X"),
                         ({"action": argparse.BooleanOptionalAction}, "--x, --no-x")):
        assert invocation(argparse.ArgumentParser().add_argument("--x", **given)) == shown
    assert invocation(parser.add_argument("file")) == "FILE"


def test_long_commands_go_on_behind_a_backslash_and_text_is_filled():
    epilog = """example:
  {frcnn} stage --run work/run --images photo.jpg folder/ 'more/*.png' --out work/drawn

reads: what there is to be read here, of which this line is only the first one of those
that follow.
writes OUT: all.
next: {frcnn} stage --run work/run --images photo.jpg folder/ --out work/drawn --json"""
    text = small(epilog).format_help().split("more settings\n\n")[1]
    assert text == """example:
  python -m frcnn_keras stage --run work/run \\
      --images photo.jpg folder/ 'more/*.png' --out work/drawn

reads: what there is to be read here, of which this line is only the first one
of those that follow.
writes OUT: all.
next: python -m frcnn_keras stage --run work/run --images photo.jpg folder/ \\
    --out work/drawn --json
"""
