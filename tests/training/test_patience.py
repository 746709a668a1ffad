"""When a training stops because AP no longer rises, and which epoch it keeps."""

import dataclasses
import math
import shutil

import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.settings.image_trainers import FinetuneConfig
from frcnn_keras.settings.learning import ScoredFitConfig
from frcnn_keras.settings.stages import RCNNConfig, StageHeadConfig
from frcnn_keras.training import stage
from frcnn_keras.training.finetune import finetune
from frcnn_keras.training.patience import best_epoch, is_patience_spent
from frcnn_keras.training.rcnn_stage import train_rcnn

NAN = math.nan


@pytest.mark.parametrize("precisions, best", [
    ([.3], 1), ([.3, .5, .4], 2), ([.3, .5, .5], 2), ([NAN, .1, .2], 3), ([NAN, NAN], 1), ([.2, NAN, .1], 1)])
def test_the_first_epoch_that_none_has_passed(precisions, best):
    assert best_epoch(precisions) == best


@pytest.mark.parametrize("precisions, patience, spent", [
    ([], 1, False), ([.5, .4, .3, .2], 0, False), ([.5], 1, False), ([.5, .5], 1, True), ([.5, .4], 2, False),
    ([.5, .4, .4], 2, True), ([.5, .4, .6], 2, False), ([.5, .4, .6, .5, .5], 2, True), ([NAN, NAN], 1, True)])
def test_how_long_ap_may_stay(precisions, patience, spent):
    assert is_patience_spent(precisions, patience) is spent


CONFIG = RCNNConfig(ScoredFitConfig(epochs=9, batch=3, warmup=1, precision="float32", patience=2),
                    StageHeadConfig(width=10, roi_size=3))


@pytest.fixture
def measured(monkeypatch):
    """AP of the epochs to come; measuring after the last of them is a fault."""
    values = []

    def metrics(*arguments):
        value = values.pop(0)
        return {"AP": value, "AP50": value}

    monkeypatch.setattr(stage, "coco_metrics", metrics)
    return values


@pytest.fixture
def run(tiny_run, tmp_path):
    """A run with an RPN and proposals, of another head."""
    run = shutil.copytree(tiny_run, tmp_path / "run")
    for path in (*run.glob("rcnn*"), run / "detector.keras"):
        path.unlink()
    shutil.copytree(run / "proposals" / "train", run / "proposals" / "val")  # it is measured on what it is trained on
    return run


@pytest.mark.slow
def test_the_head_stops_and_keeps_the_best(run, prep, measured, capsys):
    measured += [.1, .3, .3, .2, .9]
    history = train_rcnn(prep.path, run, CONFIG, val=prep.path)
    assert history["AP"] == [.1, .3, .3, .2] and measured == [.9]
    told = capsys.readouterr().err
    assert "rcnn: AP has not risen for 2 epochs: stopped" in told
    assert f"rcnn: kept epoch 2 of 4, the best, AP 0.300: {run / 'detector.keras'}" in told
    assert train_rcnn(prep.path, run, CONFIG, val=prep.path) == history and measured == [.9]


@pytest.mark.slow
def test_a_kill_between_the_last_epoch_and_the_artefact(run, prep, measured, monkeypatch, capsys):
    measured += [.3, .2, .2, .9]

    def killed(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(stage.Stage, "_finish", killed)
        train_rcnn(prep.path, run, CONFIG, val=prep.path)
    capsys.readouterr()
    assert train_rcnn(prep.path, run, CONFIG, val=prep.path)["AP"] == [.3, .2, .2] and measured == [.9]
    assert "rcnn: all 3 epochs are done already" in capsys.readouterr().err


@pytest.mark.slow
def test_a_resumed_training_counts_on(run, prep, measured, monkeypatch):
    """Killed after the second epoch: patience is counted from the best of the first part."""
    measured += [.3, .2]
    with pytest.raises(IndexError):
        train_rcnn(prep.path, run, CONFIG, val=prep.path)
    measured += [.1, .9]
    assert train_rcnn(prep.path, run, CONFIG, val=prep.path)["AP"] == [.3, .2, .1] and measured == [.9]


@pytest.mark.slow
def test_without_patience_all_epochs_train(run, prep, measured):
    measured += [.3, .2, .1]
    config = dataclasses.replace(CONFIG, fit=dataclasses.replace(CONFIG.fit, epochs=3, patience=0))
    assert train_rcnn(prep.path, run, config, val=prep.path)["AP"] == [.3, .2, .1]


@pytest.mark.slow
def test_the_whole_detector_stops_too(tiny_run, shapes, tmp_path, measured):
    measured += [.3, .2, .9]
    base = FinetuneConfig()
    config = dataclasses.replace(base, fit=dataclasses.replace(base.fit, epochs=5, patience=1))
    history = finetune(tiny_run, shapes, tmp_path / "out", config, validation=shapes)
    assert history["AP"] == [.3, .2] and measured == [.9]


@pytest.mark.slow
def test_images_to_measure_on_are_needed(run, prep):
    with pytest.raises(InputError, match="--patience 2 counts epochs since AP rose, and there are no images"):
        train_rcnn(prep.path, run, CONFIG)
    assert not (run / "rcnn.json").exists()
