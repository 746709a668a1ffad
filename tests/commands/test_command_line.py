import errno
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from frcnn_keras.__main__ import COMMANDS
from frcnn_keras.__main__ import main as frcnn
from frcnn_keras.commands import command_line as cli
from frcnn_keras.errors import InputError
from frcnn_keras.runtime import VERSION

ROOT = Path(__file__).resolve().parents[2]


def outcome(capsys, main, argv=()):
    """(exit code, stderr) of a command whose work is `main`."""
    parser = cli.parser("python -m stage", "does a thing")
    parser.add_argument("--count", type=int, default=3)
    code = cli.run(parser, main, list(argv))
    return code, capsys.readouterr().err


def raising(error):
    def main(args):
        raise error

    return main


@pytest.mark.parametrize("error, code", [
    (InputError("a.xml: object 3: the box\nhas no area"), 2),
    (OSError(errno.ENOSPC, "No space left on device", "work/prep/x.tfrecord"), 2),
    (OSError(errno.EDQUOT, "Disk quota exceeded"), 2),
    (OSError(errno.EACCES, "Permission denied", "work/x"), 1),
    (RuntimeError("line one\nline two"), 1),
    (FloatingPointError("the loss is nan"), 1),
    (MemoryError(), 1),
])
def test_an_error_is_one_line_with_its_exit_code(error, code, capsys):
    found, text = outcome(capsys, raising(error))
    assert found == code
    assert text.count("\n") == 1 and text.startswith("stage: ") and "Traceback" not in text


def test_messages_say_what_is_needed(capsys):
    assert "a.xml: object 3" in outcome(capsys, raising(InputError("a.xml: object 3: bad")))[1]
    text = outcome(capsys, raising(OSError(errno.ENOSPC, "No space left on device", "work/x")))[1]
    assert "disk is full" in text and "work/x" in text and "same command again" in text
    text = outcome(capsys, raising(RuntimeError("broken")))[1]
    assert "RuntimeError: broken" in text and "--debug" in text


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_tensorflows_own_error_of_a_full_disk_ends_with_2(capsys):
    import tensorflow as tf

    def main(args):
        with tf.io.TFRecordWriter("/dev/full") as writer:
            for _ in range(100):
                writer.write(bytes(100_000))

    code, text = outcome(capsys, main)
    assert code == 2 and "disk is full" in text


def test_interrupt_ends_with_130(capsys):
    code, text = outcome(capsys, raising(KeyboardInterrupt()))
    assert code == 130 and "interrupted" in text and "Traceback" not in text


@pytest.mark.parametrize("value, code", [(None, 0), (0, 0), (1, 1), (2, 2)])
def test_the_returned_code_is_passed_on(value, code, capsys):
    assert outcome(capsys, lambda args: value)[0] == code


def test_debug_shows_the_traceback(capsys):
    code, text = outcome(capsys, raising(InputError("wrong")), ["--debug"])
    assert code == 2 and "Traceback" in text and text.endswith("stage: error: wrong\n")


def test_wrong_usage_ends_with_2(capsys):
    with pytest.raises(SystemExit) as caught:
        outcome(capsys, lambda args: 0, ["--count", "many"])
    assert caught.value.code == 2


def test_a_mistyped_flag_is_answered_with_the_nearest(capsys):
    with pytest.raises(SystemExit) as caught:
        outcome(capsys, lambda args: 0, ["--cuont", "3"])
    assert caught.value.code == 2 and "did you mean --count?" in capsys.readouterr().err


def test_config_file_and_flag(capsys, tmp_path):
    path = tmp_path / "s.toml"
    path.write_text("[stage]\ncount = 8\n")
    seen = []
    outcome(capsys, lambda args: seen.append(args.count), ["--config", str(path)])
    outcome(capsys, lambda args: seen.append(args.count), [f"--config={path}", "--count", "9"])
    assert seen == [8, 9]
    path.write_text("cuont = 8\n")
    code, text = outcome(capsys, lambda args: seen.append(0), ["--config", str(path)])
    assert code == 2 and "cuont" in text and "count" in text and len(seen) == 2


def test_no_command_and_unknown_command(capsys):
    assert frcnn([]) == 2
    assert frcnn(["detetc"]) == 2
    text = capsys.readouterr().err
    assert "'detetc'" in text and "predict" in text
    assert frcnn(["evalute"]) == 2 and "did you mean evaluate?" in capsys.readouterr().err
    assert frcnn(["--version"]) == 0 and VERSION in capsys.readouterr().out
    assert frcnn(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


HELP = """
import runpy, sys
start, sys.argv = sys.argv[1], sys.argv[2:]
sys.path.insert(0, ".")
try:
    (runpy.run_path if start.endswith(".py") else runpy.run_module)(start, run_name="__main__")
except SystemExit as end:
    heavy = [name for name in ("tensorflow", "keras", "matplotlib") if name in sys.modules]
    sys.exit(f"imported {heavy}" if heavy else end.code)
"""


@pytest.mark.parametrize("start, argv", [("data_prep", []), ("train_rpn.py", []), ("train_rcnn.py", []),
                                         *(("frcnn_keras", [name]) for name in COMMANDS)])
def test_help_answers_without_tensorflow(start, argv):
    done = subprocess.run([sys.executable, "-c", HELP, start, start, *argv, "--help"], cwd=ROOT, capture_output=True,
                          text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage:") and "--config" in done.stdout and "--debug" in done.stdout


@pytest.mark.parametrize("program, spelled", [("/bin/frcnn", "frcnn"), ("__main__.py", "python -m frcnn_keras")])
@pytest.mark.parametrize("name", COMMANDS)
def test_help_spells_commands_as_the_process_was_started(name, program, spelled, monkeypatch):
    monkeypatch.setattr(sys, "argv", [program])
    text = importlib.import_module(f"frcnn_keras.commands.{name.replace('-', '_')}").build_parser().format_help()
    assert text.startswith(f"usage: {spelled} {name} ") and f"\n  {spelled} {name} " in text and "{frcnn}" not in text
    assert (" -m frcnn_keras" in text) == (spelled != "frcnn")


def test_importing_the_package_imports_no_tensorflow():
    code = "import sys, frcnn_keras; frcnn_keras.InputError; dir(frcnn_keras); sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
