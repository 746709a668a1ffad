import json
import os
import subprocess
import sys

import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.files import lines as module
from frcnn_keras.files.lines import Lines, read_lines


def test_lines_are_there_when_they_are_written(tmp_path):
    path = tmp_path / "a.jsonl"
    with Lines(path) as lines:
        for number in range(3):
            text = lines.write({"n": number, "name": "käfer\n"})
            assert json.loads(text) == {"n": number, "name": "käfer\n"}
            assert path.read_text().count("\n") == number + 1
    assert [one["n"] for one in read_lines(path)] == [0, 1, 2]
    with Lines(path) as lines:
        lines.write([])
    assert list(read_lines(path)) == [[]]


@pytest.mark.parametrize("there, kept", [
    (b"", []), (b"1\n2\n", [1, 2]), (b'1\n{"a": ', [1]), (b'{"a": ', []), (b"1\n" + b"9" * 200_000, [1]),
    (b"1\n\n2\n", [1, 2])])
def test_it_goes_on_behind_whole_lines(there, kept, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(there)
    assert list(read_lines(path)) == kept
    with Lines(path, go_on=True) as lines:
        lines.write("new")
    assert list(read_lines(path)) == [*kept, "new"]


def test_a_kill_leaves_whole_lines(tmp_path):
    """A process ends itself in the middle, without any of Python's own tidying."""
    program = ("import os, sys\nfrom frcnn_keras.files.lines import Lines\nlines = Lines(sys.argv[1])\n"
               "for number in range(5):\n    lines.write([number] * 9)\nos.kill(os.getpid(), 9)\n")
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "a")], check=False)
    assert list(read_lines(tmp_path / "a")) == [[number] * 9 for number in range(5)]


def test_a_full_disk_leaves_whole_lines(tmp_path, monkeypatch):
    path = tmp_path / "a.jsonl"
    real = os.write
    with Lines(path) as lines:
        lines.write(1)

        def full(file, data):
            if len(data) > 3:
                return real(file, data[:3])
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(module.os, "write", full)
        with pytest.raises(InputError, match="No space left"):
            lines.write([1, 2])
        monkeypatch.undo()
        lines.write(2)
    assert path.read_bytes() == b"1\n2\n"


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="a.jsonl: cannot be read"):
        list(read_lines(tmp_path / "a.jsonl"))
    (tmp_path / "a.jsonl").write_text("1\nnonsense\n")
    with pytest.raises(InputError, match="line 2 is no JSON"):
        list(read_lines(tmp_path / "a.jsonl"))
    with pytest.raises(InputError, match="cannot be written"):
        Lines(tmp_path)
