"""A cross-validation's folder: begun, started over, finished, and what of others' it leaves alone."""

import dataclasses
import json
import os
import shutil

import pytest

from frcnn_keras.crossval import fold_training
from frcnn_keras.crossval.cross_validation import cross_validate, split
from frcnn_keras.errors import InputError
from frcnn_keras.runs.detector import load

pytestmark = pytest.mark.slow


def test_fresh_leaves_nothing_of_before(crossed, small_stages, prep, tmp_path, monkeypatch):
    """Stopped, it goes on with what is new; folds that are no more go; what others put there stays."""
    images, run, _ = crossed
    rpn, rcnn = small_stages
    other = dataclasses.replace(rcnn, head=dataclasses.replace(rcnn.head, width=24))
    cv = tmp_path / "cv"
    shutil.copytree(run, cv)
    (cv / "folds" / "3" / "thesis.txt").write_text("mine")
    real = fold_training.train_rcnn

    def stopped(prepared, own, *arguments, **settings):
        if own.name == "2":
            raise KeyboardInterrupt
        return real(prepared, own, *arguments, **settings)

    monkeypatch.setattr(fold_training, "train_rcnn", stopped)
    with pytest.raises(KeyboardInterrupt):
        cross_validate(images, cv, rpn, other, fresh=True)
    monkeypatch.undo()
    assert not any((cv / name).exists() for name in ("cv.json", "folds.json", "evaluation/detections.json",
                                                     "folds/3/rpn.json", "folds/3/detector.keras"))
    before = os.stat(cv / "folds" / "1" / "detector.keras").st_mtime_ns
    cross_validate(images, cv, rpn, other)
    assert os.stat(cv / "folds" / "1" / "detector.keras").st_mtime_ns == before
    widths = {fold: load(cv / "folds" / fold).model.rcnn.count_params() for fold in "123"}
    assert len(set(widths.values())) == 1 and (cv / "folds" / "3" / "thesis.txt").read_text() == "mine"
    cross_validate(split(prep, 2), cv, rpn, other, fresh=True)
    assert sorted(path.name for path in (cv / "folds" / "3").iterdir()) == ["thesis.txt"]
    assert {entry["fold"] for entry in json.loads((cv / "folds.json").read_text())} == {1, 2}


@pytest.mark.parametrize("gone", ["folds.json", "evaluation"])
def test_what_is_missing_of_a_finished_one_is_written_anew(crossed, small_stages, tmp_path, monkeypatch, gone):
    images, run, results = crossed
    cv = tmp_path / "cv"
    shutil.copytree(run, cv)
    shutil.rmtree(cv / gone) if (cv / gone).is_dir() else (cv / gone).unlink()
    before = os.stat(cv / "folds" / "1" / "detector.keras").st_mtime_ns
    assert cross_validate(images, cv, *small_stages)["AP"] == results["AP"]
    assert (cv / gone).exists() and os.stat(cv / "folds" / "1" / "detector.keras").st_mtime_ns == before


def test_places_that_are_taken(crossed, small_stages, tmp_path):
    """Told before anything is trained."""
    images, run, _ = crossed
    for name in ("evaluation", "folds"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text("mine")
        with pytest.raises(InputError, match="is no folder"):
            cross_validate(images, tmp_path / name, *small_stages)
        assert [path.name for path in (tmp_path / name).iterdir()] == [name]
    (tmp_path / "full" / "folds" / "1").mkdir(parents=True)
    with pytest.raises(InputError, match="folds: is there already, and nothing says that this package wrote it"):
        cross_validate(images, tmp_path / "full", *small_stages)
    shutil.copytree(run / "folds" / "1", tmp_path / "run")
    with pytest.raises(InputError, match="run: is a run of another command"):
        cross_validate(images, tmp_path / "run", *small_stages)
    assert not (tmp_path / "run" / "crossval.json").exists()
