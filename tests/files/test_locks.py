import os
import subprocess
import sys
from pathlib import Path

import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.files import locks
from frcnn_keras.files.locks import alone, shared

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no folder can be locked elsewhere")
ROOT = Path(__file__).resolve().parents[2]
HOLD = ("import sys; from pathlib import Path; from frcnn_keras.files import locks\n"
        "with getattr(locks, sys.argv[1])(Path(sys.argv[2])):\n    print('here', flush=True); input()")


def holder(kind, folder):
    """Another process that holds the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, kind, str(folder)], cwd=ROOT, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "here\n"
    return process


def test_a_second_one_is_refused_in_one_line_until_the_first_is_killed(tmp_path):
    first = holder("alone", tmp_path)
    with pytest.raises(InputError, match="another command is at work there.*another --run") as caught, \
            alone(tmp_path, "--run"):
        pass
    assert str(caught.value).startswith(f"{tmp_path}: ") and "\n" not in str(caught.value)
    first.kill()
    first.communicate()
    with alone(tmp_path):
        assert os.listdir(tmp_path) == []  # no lock file


def test_readers_share_and_keep_writers_out(tmp_path):
    first = holder("shared", tmp_path)
    with shared(tmp_path):
        pass
    with pytest.raises(InputError, match="at work"), alone(tmp_path):
        pass
    first.communicate("\n")
    first = holder("alone", tmp_path)
    with pytest.raises(InputError, match="made anew"), shared(tmp_path):
        pass
    first.communicate("\n")


def test_a_folder_is_made_and_goes_again_where_nothing_was_written(tmp_path):
    new = tmp_path / "a" / "b"
    with pytest.raises(RuntimeError), alone(new):
        assert new.is_dir()
        raise RuntimeError
    assert os.listdir(tmp_path) == []
    with alone(new):
        (new / "x").touch()
    assert (new / "x").exists()
    (tmp_path / "empty").mkdir()
    with alone(tmp_path / "empty"):
        pass
    assert (tmp_path / "empty").exists()


def test_a_renamed_folder_is_held_on(tmp_path):
    """Prep holds OUT.partial, and OUT is what it becomes."""
    with alone(tmp_path / "x.partial"):
        os.rename(tmp_path / "x.partial", tmp_path / "x")
        with pytest.raises(InputError, match="at work"), alone(tmp_path / "x"):
            pass
        with alone(tmp_path / "x.partial"):
            pass


@pytest.mark.parametrize("number", ["ENOTSUP", "EBADF", "ENOLCK"])
def test_where_folders_cannot_be_locked_work_goes_on(number, tmp_path, monkeypatch):
    def flock(handle, operation):
        raise OSError(getattr(__import__("errno"), number), "no")

    monkeypatch.setattr(locks.fcntl, "flock", flock)
    with alone(tmp_path / "x"), shared(tmp_path / "x"):
        pass


def test_without_fcntl_work_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "fcntl", None)
    with alone(tmp_path / "x"), alone(tmp_path / "x"):
        pass
