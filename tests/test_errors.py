import sys

import pytest

from frcnn_keras.errors import InputError, command, one_line


@pytest.mark.parametrize("message, line", [
    ("a\nb\t c .", "a b c"), ("", "KeyError"), ("x" * 300, "x" * 200), ("one word", "one word")])
def test_one_line(message, line):
    error = InputError(message) if message.strip() else KeyError()
    assert one_line(error) == line


@pytest.mark.parametrize("message, line", [
    ("a.xml: class 'caf\u00e9, \"x\"'", None), ("a\r\nb\tc\u2028d\x1ce", "a  b c d e"), ("\x1b[31mred", "\\x1b[31mred"),
    ("\ud800 \x00 \u202e", "\\ud800 \\x00 \\u202e"), ("a  b", None), ("", None)])
def test_nothing_in_a_message_acts_on_a_terminal(message, line):
    assert str(InputError(message)) == (message if line is None else line)


def test_a_line_without_end_loses_its_middle():
    assert str(InputError("x" * 1500)) == "x" * 1500
    line = str(InputError("a.json: " + "x" * 10**6 + "; make it anew"))
    assert len(line) == 1500 and line.startswith("a.json: xx") and line.endswith("xx; make it anew") and " ... " in line


def test_a_limit():
    assert one_line(InputError("abc def"), 4) == "abc"


@pytest.mark.parametrize("program, spelled", [
    ("/usr/local/bin/frcnn", "frcnn prep"), ("C:/Scripts/frcnn.exe", "frcnn prep"), ("frcnn", "frcnn prep"),
    ("/home/a/frcnn_keras/__main__.py", "python -m frcnn_keras prep"), ("pytest", "python -m frcnn_keras prep"),
    ("", "python -m frcnn_keras prep")])
def test_a_command_is_spelled_as_the_process_was_started(program, spelled, monkeypatch):
    monkeypatch.setattr(sys, "argv", [program])
    assert command("prep") == spelled
