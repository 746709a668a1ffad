import argparse
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from frcnn_keras.commands import flag_types, flags
from frcnn_keras.errors import InputError
from frcnn_keras.settings import options
from frcnn_keras.settings.learning import FitConfig
from frcnn_keras.settings.ranges import element_of, flag_of

NEEDED = {"prep": ["--shapes", "2", "--out", "o"], "train_rpn": ["--data", "d", "--run", "r"],
          "train_rcnn": ["--data", "d", "--run", "r"], "finetune": ["--run", "r", "--shapes", "2", "--out", "o"],
          "joint": ["--shapes", "2", "--out", "o"], "alternate": ["--shapes", "2", "--out", "o"],
          "check": ["--shapes", "2"], "evaluate": ["--run", "r", "--shapes", "2"],
          "predict": ["--run", "r", "--images", "i", "--out", "o"], "export": ["--run", "r", "--out", "o"],
          "import_torchvision": ["f", "--out", "o"], "demo": []}


def parser_of(command):
    return import_module(f"frcnn_keras.commands.{command}").build_parser()


def numeric_flags(command):
    """(flag, how many values it takes) of every flag that takes numbers."""
    parser = parser_of(command)
    settings = {f"--{flag_of(field)}" for config in parser.config_classes for _, field, hint in options.leaves(config)
                if element_of(hint) in (int, float)}
    for action in parser._actions:
        flag = (action.option_strings or [""])[0]
        if flag in settings or isinstance(action.type, flag_types.Number):
            yield flag, action.nargs or 1


@pytest.mark.parametrize("command", NEEDED)
def test_no_flag_takes_a_number_without_a_range(command):
    for action in parser_of(command)._actions:
        assert action.type not in (int, float), action.option_strings


@pytest.mark.parametrize("command, flag, count", [(command, *one) for command in NEEDED
                                                  for one in numeric_flags(command)])
def test_numbers_of_no_sense_are_one_line_before_anything_is_read(command, flag, count, capsys, tmp_path, monkeypatch):
    """Nothing that the flags name is there: who read it would say so."""
    monkeypatch.chdir(tmp_path)
    for value in ("-99999", "1e400", "nan", "9" * 30, "9" * 5000, "x"):
        try:
            code = import_module(f"frcnn_keras.commands.{command}").run(
                [*NEEDED[command], *([f"{flag}={value}"] if count == 1 else [flag, *[value] * count])])
        except SystemExit as error:
            code = error.code
        text = capsys.readouterr().err
        assert code == 2 and text.count("\n") == 1 and flag in text and "must be" in text and len(text) < 300, text
        assert "received: " in text and "Traceback" not in text
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["train_rcnn", "train_rpn", "prep", "joint"])
def test_they_are_refused_before_tensorflow_starts(command):
    code = (f"import sys; from frcnn_keras.commands.{command} import run; "
            f"code = run({[*NEEDED[command], '--seed', '-1']}); "
            "sys.exit(code if 'tensorflow' not in sys.modules else 9)")
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120,
                           cwd=Path(__file__).parents[2], check=False)
    assert ended.returncode == 2 and "--seed must be 0 to 2147483647; received: -1" in ended.stderr


@pytest.mark.parametrize("text", ["x", "", "9" * 5000, "1.5"])
def test_what_is_no_whole_number_is_cut_short(text):
    with pytest.raises(argparse.ArgumentTypeError, match="must be a whole number; received: '") as caught:
        flag_types.value_of(int)(text)
    assert len(str(caught.value)) < 120


def test_tuples_and_choices():
    assert flag_types.tuple_of(float)("1,2.5,,") == (1.0, 2.5) and flag_types.tuple_of(str)("a,b") == ("a", "b")
    assert flag_types.one_of(("a",), {"A": "a"})("A") == "a"


def parsed(*argv):
    parser = flags.Parser()
    parser.add_argument("--sides", type=flag_types.within(int, least=1, most=9), nargs=2)
    parser.add_argument("--seed", type=flag_types.like(FitConfig, "seed"))
    return parser.parse_args(argv)


def test_numbers_in_range():
    assert parsed("--sides", "1", "9").sides == [1, 9] and parsed("--seed", "2147483647").seed == 2**31 - 1
    for argv, message in ((("--sides", "1", "10"), "^--sides must be 1 to 9; received: 10$"),
                          (("--seed", "-1"), "^--seed must be 0 to 2147483647; received: -1$")):
        with pytest.raises(InputError, match=message):
            parsed(*argv)


@pytest.mark.parametrize("text", ["cpu", "gpu", "gpu:0", "gpu:17"])
def test_devices(text):
    assert flag_types.device(text) == text


@pytest.mark.parametrize("text", ["", "GPU", "gpu:", "gpu:-1", "gpu:1,2", "tpu", "gpu:99999"])
def test_what_is_no_device(text):
    with pytest.raises(argparse.ArgumentTypeError, match=r"must be cpu, gpu or gpu:1"):
        flag_types.device(text)


def test_a_number_or_a_word():
    either = flag_types.NumberOr("best", flag_types.within(float, least=0, most=1))
    assert (either("best"), either("0.5")) == ("best", 0.5)
    assert either.fault("best") == either.fault(0.5) == "" and "must be 0 to 1" in either.fault(2.0)
    with pytest.raises(argparse.ArgumentTypeError, match="must be a number"):
        either("bets")
