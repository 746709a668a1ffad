"""Folds in processes beside each other: that they are, what their errors become, and that none outlives its parent."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from frcnn_keras.crossval import beside
from frcnn_keras.crossval.beside import fitting_workers, train_beside
from frcnn_keras.crossval.cross_validation import cross_validate
from frcnn_keras.errors import InputError
from tests.crossval.beside_by_hand import Endless, Killed, Noted, Refused

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("cores", "free", "folds", "wanted"), [
    (2, 64, 5, 2), (1, 64, 5, 1), (64, 64, 5, 5), (64, 5, 5, 2), (64, 1, 5, 1), (1, 0.5, 5, 1)])
def test_as_many_as_cores_and_memory_allow(monkeypatch, cores, free, folds, wanted):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)))
    monkeypatch.setattr(beside, "_free_memory", lambda: int(free * 2**30))
    assert fitting_workers(folds) == wanted


def test_free_memory_is_what_the_system_says():
    lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    assert 0 < beside._free_memory() <= int(lines["MemTotal"].split()[0]) * 1024


def test_on_a_gpu_one_after_another(monkeypatch):
    monkeypatch.setattr(beside, "_on_gpu", lambda: True)
    assert fitting_workers(5) == 1
    with pytest.raises(InputError, match="--workers 2: on a GPU"):
        train_beside([], 2)


@pytest.mark.slow
def test_they_run_at_the_same_time_with_their_share_of_the_cores_and_say_nothing(tmp_path, capfd):
    train_beside([Noted(tmp_path / f"{number}.txt", 2) for number in range(2)], 2)
    processes, threads = zip(*(path.read_text().split() for path in tmp_path.iterdir()), strict=True)
    assert len({*processes, str(os.getpid())}) == 3 and set(threads) == {str(max(1, os.cpu_count() // 2))}
    told = capfd.readouterr()
    assert told.out == "" and "nor this" not in told.err and "2/2 folds" in told.err


@pytest.mark.slow
def test_an_error_ends_all_of_them_in_its_own_words(tmp_path):
    begun = time.monotonic()
    with pytest.raises(InputError, match=r"^fold.tfrecord: damaged; make it anew$"):
        train_beside([Endless(tmp_path / "a"), Refused()], 2)
    assert time.monotonic() - begun < 120


@pytest.mark.slow
def test_a_process_that_is_killed_is_told(tmp_path):
    with pytest.raises(InputError, match="ended from outside, as a system does that is out of memory"):
        train_beside([Killed(), Endless(tmp_path / "a")], 2)


@pytest.mark.slow
def test_none_outlives_its_parent(tmp_path):
    note = tmp_path / "process"
    parent = subprocess.Popen([sys.executable, "-m", "tests.crossval.beside_by_hand", str(note)], cwd=ROOT,
                              stderr=subprocess.DEVNULL)
    _wait(lambda: note.exists() and note.read_text())
    child = int(note.read_text())
    os.kill(child, 0)  # it is there
    parent.kill()
    parent.wait()
    _wait(lambda: _gone(child))


def _wait(condition, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def _gone(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


@pytest.mark.slow
def test_beside_each_other_they_find_what_they_find_one_by_one(crossed, small_stages, tmp_path):
    """Up to the order of sums: an operation has fewer threads."""
    images, _, alone = crossed
    found = cross_validate(images, tmp_path / "cv", *small_stages, workers=2)
    assert "training beside each other" in found["seconds"] and "training beside each other" not in alone["seconds"]
    assert all((tmp_path / "cv" / "folds" / fold / "detector.keras").exists() for fold in "123")
    for name in ("AP", "AP50"):
        assert found[name]["pooled"] == pytest.approx(alone[name]["pooled"], abs=0.02)


@pytest.mark.slow
def test_not_with_a_strategy(crossed, small_stages, tmp_path):
    with pytest.raises(InputError, match="--workers must be 1 or more, and 1 with --strategy; received: 0"):
        cross_validate(crossed[0], tmp_path / "cv", *small_stages, workers=0)
