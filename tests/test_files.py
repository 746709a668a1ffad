import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.files import (
    fingerprint,
    keep_folder,
    read_json,
    to_json,
    whole_file,
    whole_folder,
    write_json,
    write_whole,
)


def test_json_takes_numpy():
    value = {"a": np.float32(0.5), "b": np.arange(2), "c": (np.int64(3), np.nan, np.bool_(True)), 4: [math.inf, None]}
    assert json.loads(to_json(value)) == {"a": 0.5, "b": [0, 1], "c": [3, None, True], "4": [None, None]}


def test_json_reads_back_in_order(tmp_path):
    value = {"b": [1, 2.5, "Ω"], "a": {"z": True, "y": None}}
    write_json(tmp_path / "v.json", value)
    read = read_json(tmp_path / "v.json")
    assert read == value and list(read) == ["b", "a"] and list(read["a"]) == ["z", "y"]
    assert "Ω" in (tmp_path / "v.json").read_text("utf-8")


def test_reading_says_what_is_wrong(tmp_path):
    with pytest.raises(InputError, match="absent.json: not found; is the stage"):
        read_json(tmp_path / "absent.json")
    for content in (b'{"a": ', b"\xff\xfe", b""):
        (tmp_path / "broken.json").write_bytes(content)
        with pytest.raises(InputError, match="broken.json: cannot be read as JSON .*--fresh"):
            read_json(tmp_path / "broken.json")


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "metrics.json"
    write_json(path, {"AP": 0.5})

    def full(self, data):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"x")
    assert json.loads(path.read_text()) == {"AP": 0.5}
    assert os.listdir(tmp_path) == ["metrics.json"]


def test_what_a_killed_writer_leaves_is_gone_after_the_next(tmp_path):
    path = tmp_path / ("n" * 250 + ".json")  # the longest name that most disks take
    code = ("import os, sys; from frcnn_keras.files import write_whole; os.replace = lambda *a: os._exit(9); "
            "write_whole(sys.argv[1], b'half')")
    root = Path(__file__).resolve().parents[1]
    assert subprocess.run([sys.executable, "-c", code, str(path)], cwd=root, check=False).returncode == 9
    assert len(os.listdir(tmp_path)) == 1 and not path.exists()
    write_whole(path, b"whole")
    assert os.listdir(tmp_path) == [path.name] and path.read_bytes() == b"whole"


def test_a_whole_file_gets_its_name_at_the_end(tmp_path):
    path = tmp_path / ("n" * 250 + ".json")
    with whole_file(path) as temporary:
        assert temporary.parent == tmp_path and temporary.name[0] == "."
        temporary.write_bytes(b"first")
        assert not path.exists()
    assert path.read_bytes() == b"first" and os.listdir(tmp_path) == [path.name]
    with pytest.raises(KeyboardInterrupt), whole_file(path) as temporary:
        temporary.write_bytes(b"second")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"first" and os.listdir(tmp_path) == [path.name]
    with whole_file(tmp_path / "a.keras", ".keras") as temporary:
        assert temporary.suffix == ".keras"
        temporary.write_bytes(b"")
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "absent" / "a") as temporary:
        temporary.write_bytes(b"")


def test_a_whole_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done = []
    for name in ("fsync", "replace", "rename"):
        monkeypatch.setattr(os, name, lambda *values, name=name, real=getattr(os, name): done.append(name)
                            or real(*values))
    with whole_file(tmp_path / "a") as temporary:
        temporary.write_bytes(b"a")
    assert done == ["fsync", "replace", "fsync"]
    done.clear()
    with whole_folder(tmp_path / "b") as folder:
        (folder / "c").mkdir()
        (folder / "c" / "d").write_bytes(b"d")
    assert done == ["fsync"] * 3 + ["rename", "fsync"]


def tree(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_whole_folder_takes_the_place_of_an_older_one(tmp_path):
    with whole_folder(tmp_path / "1") as folder:
        (folder / "a").write_text("first")
        assert not (tmp_path / "1").exists() and folder.parent == tmp_path
    for error in (KeyboardInterrupt, OSError):
        with pytest.raises(error), whole_folder(tmp_path / "1") as folder:
            (folder / "b").write_text("half")
            raise error
        assert tree(tmp_path) == {"1/a": "first"} and os.listdir(tmp_path) == ["1"]
    with whole_folder(tmp_path / "1") as folder:
        (folder / "b").write_text("second")
        assert tree(tmp_path / "1") == {"a": "first"}
    assert tree(tmp_path) == {"1/b": "second"} and os.listdir(tmp_path) == ["1"]


def test_an_older_folder_comes_back_where_the_new_one_cannot_take_its_name(tmp_path, monkeypatch):
    with whole_folder(tmp_path / "1") as folder:
        (folder / "a").write_text("first")
    real = os.rename

    def rename(source, target):
        if Path(source).suffix == ".tmp":
            raise OSError("no")
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(OSError, match="no"), whole_folder(tmp_path / "1") as folder:
        (folder / "a").write_text("second")
    assert tree(tmp_path) == {"1/a": "first"} and os.listdir(tmp_path) == ["1"]


@pytest.mark.skipif(os.name != "posix", reason="asks whether a process runs")
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_killed_processes_left_goes_and_what_others_write_stays(tmp_path, kind):
    """Two processes write the same: one is killed, one goes on beside us."""
    code = ("import sys; from frcnn_keras import files\n"
            "with getattr(files, 'whole_' + sys.argv[1])(sys.argv[2]) as path:\n"
            "    (path if sys.argv[1] == 'file' else path / 'x').write_text('other')\n"
            "    print('here', flush=True); input()")
    arguments = [sys.executable, "-c", code, kind, str(tmp_path / "a")]
    root = Path(__file__).resolve().parents[1]
    processes = [subprocess.Popen(arguments, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                 for _ in range(2)]
    assert [process.stdout.readline() for process in processes] == ["here\n"] * 2
    killed, other = processes
    killed.kill()
    killed.communicate()
    assert len(os.listdir(tmp_path)) == 2
    with (whole_file if kind == "file" else whole_folder)(tmp_path / "a") as path:
        (path if kind == "file" else path / "x").write_text("mine")
    assert len(os.listdir(tmp_path)) == 2
    other.communicate("\n")
    assert other.returncode == 0 and os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a" / ("" if kind == "file" else "x")).read_text() == "other"


def test_fingerprint_tells_apart_what_differs():
    array = np.arange(6, dtype=np.float32)
    parts = [(array,), (array.reshape(2, 3),), (array.astype(np.float64),), (array[::-1],), (b"x",), ("x",),
             ({"a": 1},), ({"a": 2},), (array, array)]
    assert len({fingerprint(*part) for part in parts}) == len(parts)
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint(array.reshape(2, 3).T) == fingerprint(np.ascontiguousarray(
        array.reshape(2, 3).T))


def test_a_finished_folder_takes_the_place_of_an_older_one(tmp_path):
    for name, text in (("out", "old"), ("out.partial", "new")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text(text)
    keep_folder(tmp_path / "out.partial", tmp_path / "out")
    assert (tmp_path / "out" / "a").read_text() == "new" and [path.name for path in tmp_path.iterdir()] == ["out"]
