import sys

import pytest

from frcnn_keras.errors import InputError, command, one_line


@pytest.mark.parametrize("message, line", [
    ("a\nb\t c .", "a b c"), ("", "KeyError"), ("x" * 300, "x" * 200), ("one word", "one word")])
def test_one_line(message, line):
    error = InputError(message) if message.strip() else KeyError()
    assert one_line(error) == line


def test_a_limit():
    assert one_line(InputError("abc def"), 4) == "abc"


@pytest.mark.parametrize("program, spelled", [
    ("/usr/local/bin/frcnn", "frcnn prep"), ("C:/Scripts/frcnn.exe", "frcnn prep"), ("frcnn", "frcnn prep"),
    ("/home/a/frcnn_keras/__main__.py", "python -m frcnn_keras prep"), ("pytest", "python -m frcnn_keras prep"),
    ("", "python -m frcnn_keras prep")])
def test_a_command_is_spelled_as_the_process_was_started(program, spelled, monkeypatch):
    monkeypatch.setattr(sys, "argv", [program])
    assert command("prep") == spelled
