import os
import threading
import time

import pytest

from frcnn_keras.data.growing_folder import GrowingFolder, Stamp
from frcnn_keras.errors import InputError
from tests.encoded_pictures import encode

JPEG, PNG = encode(".jpg"), encode(".png")


def watched(folder, done=None, say=print, idle=0.4, still=0.1):
    return GrowingFolder(folder, done or {}, say, idle=idle, poll=0.02, still=still)


def names(arrivals):
    return [one.path.name for one in arrivals]


def write(path, data, ago=10.0):
    """A file that was written some seconds ago."""
    path.write_bytes(data)
    os.utime(path, (time.time() - ago,) * 2)


def test_those_that_are_there_come_by_name(tmp_path):
    for name, data in (("b.jpg", JPEG), ("a.PNG", PNG), ("c.txt", JPEG), (".hidden.jpg", JPEG), ("empty.jpg", b"")):
        write(tmp_path / name, data)
    (tmp_path / "d.jpg").mkdir()
    write(tmp_path / "d.jpg" / "e.jpg", JPEG)
    arrivals = list(watched(tmp_path))
    assert names(arrivals) == ["a.PNG", "b.jpg"]
    assert arrivals[0].stamp.bytes == len(PNG) and abs(arrivals[0].stamp.modified - time.time() + 10) < 5


def test_what_was_done_is_not_taken_again_but_another_file_of_its_name_is(tmp_path):
    for name in ("a.jpg", "b.jpg"):
        write(tmp_path / name, JPEG)
    done = {one.path.name: one.stamp for one in watched(tmp_path)}
    assert names(watched(tmp_path, done)) == []
    write(tmp_path / "b.jpg", PNG, ago=5)
    assert names(watched(tmp_path, done)) == ["b.jpg"]
    assert names(watched(tmp_path, {"a.jpg": Stamp(1, 2.0), "c.jpg": Stamp(1, 2.0)})) == ["a.jpg", "b.jpg"]


def test_half_of_a_picture_waits(tmp_path):
    """It is written in three parts, with pauses that are longer than a file must stand still."""
    parts = JPEG[:300], JPEG[300:600], JPEG[600:]
    came = {}

    def writing():
        with open(tmp_path / "slow.jpg", "wb") as file:
            for part in parts:
                file.write(part)
                file.flush()
                time.sleep(0.3)
        came["written"] = time.monotonic()

    writer = threading.Thread(target=writing)
    writer.start()
    taken = [(one.path.name, one.path.read_bytes() == JPEG) for one in watched(tmp_path, idle=2.0)]
    writer.join()
    assert taken == [("slow.jpg", True)]


def test_one_that_is_just_written_waits_until_it_stands_still(tmp_path):
    """Its end is there, as a copy that is not done in order leaves it."""
    (tmp_path / "a.jpg").write_bytes(JPEG)
    folder = watched(tmp_path, still=30.0, idle=0.3)
    assert names(folder) == []
    os.utime(tmp_path / "a.jpg", (time.time() - 60,) * 2)
    assert names(watched(tmp_path, still=30.0, idle=0.3)) == ["a.jpg"]


def test_they_come_while_it_grows(tmp_path):
    taken = []
    folder = watched(tmp_path, idle=None)

    def taking():
        for one in folder:
            taken.append(one.path.name)

    reader = threading.Thread(target=taking)
    reader.start()
    for number in range(4):
        (tmp_path / "part").write_bytes(JPEG)
        os.rename(tmp_path / "part", tmp_path / f"{number}.jpg")
        until = time.monotonic() + 20
        while len(taken) <= number and time.monotonic() < until:
            time.sleep(0.01)
        os.remove(tmp_path / f"{number}.jpg")  # who takes them away when they are done
    folder.close()
    reader.join(20)
    assert not reader.is_alive() and taken == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]
    assert len(folder.done) <= 1, "memory does not grow with what was there"


def test_one_that_stays_damaged_is_said_once(tmp_path, monkeypatch):
    from frcnn_keras.data import growing_folder

    monkeypatch.setattr(growing_folder, "_HUNG", 0.2)
    write(tmp_path / "a.jpg", JPEG[:-5])
    write(tmp_path / "b.jpg", JPEG)
    said = []
    assert names(watched(tmp_path, say=said.append, idle=0.8)) == ["b.jpg"]
    assert len(said) == 1 and "a.jpg" in said[0] and "truncated" in said[0]


def test_folders_that_are_not_there(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        watched(tmp_path / "absent")
    (tmp_path / "gone").mkdir()
    folder = watched(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(InputError, match="cannot be listed"):
        list(folder)
