import dataclasses
import hashlib
import json

import pytest

from data_prep.prepare import prepare
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.errors import InputError
from frcnn_keras.pipeline.train import PICTURE, RECORD, TrainConfig, splits_of, train
from frcnn_keras.readers.splits import as_splits, read
from frcnn_keras.runs.detector import load
from frcnn_keras.runs.scoring import score
from frcnn_keras.settings import stages
from frcnn_keras.training.rcnn_stage import train_rcnn
from frcnn_keras.training.rpn_stage import train_rpn
from tests import recognised_sets

RPN = stages.RPNConfig(dataclasses.replace(stages.RPNConfig().fit, warmup=2, precision="float32"), channels=16,
                       proposals=stages.ProposalConfig(after=60))
RCNN = stages.RCNNConfig(dataclasses.replace(stages.RCNNConfig().fit, warmup=2, precision="float32"),
                         stages.StageHeadConfig(width=32, roi_size=3), stages.RegionSamplingConfig(32))
NOT_COMPARED = {RECORD, PICTURE, ".frcnn_keras.json"}


@pytest.fixture(scope="module")
def splits(shapes):
    return as_splits(shapes, shapes_dataset(3, 9, 120, 160))


@pytest.fixture(scope="module")
def config(prep_config):
    return TrainConfig(prep_config, RPN, RCNN, 2, 2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, splits, config):
    out = tmp_path_factory.mktemp("whole") / "run"
    return out, train(splits, out, config)


def content(folder):
    """Hashes of what the stages wrote, by path."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name not in NOT_COMPARED and "evaluation" not in path.parts}


@pytest.mark.slow
def test_its_folders_are_those_of_the_stages(trained, splits, config, tmp_path):
    prep = prepare(splits.train.dataset, tmp_path / "prep" / "train", config.prep)
    val = prepare(splits.val.dataset, tmp_path / "prep" / "val", like=prep, eval_only=True)
    rpn, rcnn, _ = config.stages(12)
    train_rpn(prep.path, tmp_path, rpn, val=val.path)
    train_rcnn(prep.path, tmp_path, rcnn, val=val.path)
    assert content(trained[0]) == content(tmp_path)


@pytest.mark.slow
def test_what_it_ends_with(trained, splits):
    out, result = trained
    assert result.metrics["coco"]["AP"] == pytest.approx(score(load(out), splits.val.dataset).metrics["coco"]["AP"])
    assert result.scored_on == "val" and (out / PICTURE).stat().st_size > 1000
    assert set(result.seconds) >= {"start-up", "reading", "backbone", "neck", "RPN", "proposals", "Fast R-CNN head",
                                   "scoring"}
    stored = json.loads((out / RECORD).read_text())
    assert stored["epochs"] == {"rpn": "2 epochs, as asked", "rcnn": "2 epochs, as asked"}
    assert sum(stored["seconds"].values()) == pytest.approx(sum(result.seconds.values()))
    assert {path.name for path in (out / "evaluation").iterdir()} >= {"metrics.json", "detections.json"}


@pytest.mark.slow
def test_a_second_start_makes_nothing_anew(trained, splits, config):
    out, _ = trained
    before = content(out)
    train(splits, out, config)
    assert content(out) == before


@pytest.mark.slow
def test_a_start_of_other_settings_stops(trained, splits, config):
    other = dataclasses.replace(config, rpn_epochs=3)
    with pytest.raises(InputError, match="epochs: 2 -> 3"):
        train(splits, trained[0], other)


def test_what_would_spoil_training_stops_before_anything_is_written(splits, config, tmp_path):
    first = splits.train.dataset.examples[0]
    cut = dataclasses.replace(first, read=lambda: first.read()[:-60])
    spoilt = dataclasses.replace(splits.train.dataset, examples=(cut, *splits.train.dataset.examples[1:]))
    with pytest.raises(InputError, match=rf"{first.file}: the PNG is truncated"):
        train(as_splits(spoilt, splits.val.dataset), tmp_path / "run", config)
    assert not (tmp_path / "run").exists()


def test_epochs_follow_from_the_images():
    rpn, rcnn, lengths = TrainConfig().stages(80)
    assert (rpn.fit.epochs, rcnn.fit.epochs) == (16, 16) and lengths["rpn"].epochs == 16
    rpn, rcnn, lengths = TrainConfig(rpn_epochs=1).stages(80)
    assert (rpn.fit.epochs, rcnn.fit.epochs) == (1, 16) and lengths["rpn"].reason == "1 epoch, as asked"


def test_what_a_program_gives(shapes, tmp_path):
    """Paths, data sets and splits, in every mixture."""
    others = shapes_dataset(3, 9, 120, 160)
    given = as_splits(shapes, others)
    assert splits_of(given) is given
    assert splits_of(shapes, others) == given
    held = splits_of(shapes, holdout="50%")
    assert held.holdout == 0.5 and 0 < len(held.val.dataset.examples) < len(shapes.examples)
    mine, theirs = recognised_sets.voc(tmp_path / "mine"), recognised_sets.table(tmp_path / "theirs")
    path = splits_of(mine, theirs)
    assert [len(part.dataset.examples) for part in (path.train, path.val)] == [6, 3] and path.recognised is not None
    assert splits_of(read(mine), theirs).val.dataset.fingerprint() == path.val.dataset.fingerprint()
    assert splits_of(mine, read(theirs)).train.dataset.fingerprint() == path.train.dataset.fingerprint()


@pytest.mark.parametrize("settings", [{"val": "x"}, {"holdout": 0.2}])
def test_splits_say_all_themselves(settings, shapes):
    with pytest.raises(InputError, match="leave --val and --holdout out"):
        splits_of(as_splits(shapes, shapes_dataset(3, 9, 120, 160)), **settings)
