import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from frcnn_keras.files import whole_file, write_json, write_whole
from frcnn_keras.files.whole import is_temporary, temporary_name, tidy_folder


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
    root = Path(__file__).resolve().parents[2]
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


@pytest.mark.skipif(os.name != "posix", reason="asks whether a process runs")
def test_what_killed_processes_left_goes_and_what_others_write_stays(tmp_path):
    """Two processes write the same: one is killed, one goes on beside us."""
    code = ("import sys; from frcnn_keras.files import whole_file\n"
            "with whole_file(sys.argv[1]) as path:\n"
            "    path.write_text('other')\n"
            "    print('here', flush=True); input()")
    arguments = [sys.executable, "-c", code, str(tmp_path / "a")]
    root = Path(__file__).resolve().parents[2]
    processes = [subprocess.Popen(arguments, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                 for _ in range(2)]
    assert [process.stdout.readline() for process in processes] == ["here\n"] * 2
    killed, other = processes
    killed.kill()
    killed.communicate()
    assert len(os.listdir(tmp_path)) == 2
    with whole_file(tmp_path / "a") as path:
        path.write_text("mine")
    assert len(os.listdir(tmp_path)) == 2
    other.communicate("\n")
    assert other.returncode == 0 and os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "other"


def test_names_are_unique_within_the_process(tmp_path):
    names = {temporary_name(tmp_path / "a") for _ in range(5)} | {temporary_name(tmp_path / "b", ".keras")}
    assert len(names) == 6 and all(is_temporary(path.name) for path in names)
    assert not any(map(is_temporary, ("a.tmp", ".tmp", ".a.1.2.tmp", ".0123456789abcdef.tmp", "config.json")))


def test_a_folder_is_tidied_of_this_machines_dead_processes(tmp_path):
    ours = temporary_name(tmp_path / "a")
    dead = ours.with_name(ours.name.replace(str(os.getpid()), str(2**22 + 1)))
    other = dead.with_name(f".0000{dead.name[5:]}")  # another machine's
    for path in (ours, dead, other, tmp_path / "mine.tmp"):
        path.touch()
    tidy_folder(tmp_path)
    assert set(tmp_path.iterdir()) == {ours, other, tmp_path / "mine.tmp"}
