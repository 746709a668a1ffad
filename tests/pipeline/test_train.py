import dataclasses
import hashlib
import json

import numpy as np
import pytest

from data_prep.prepare import prepare
from frcnn_keras.data.prepared import open_prepared
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.errors import InputError
from frcnn_keras.files import to_json
from frcnn_keras.pipeline.begun import REQUEST
from frcnn_keras.pipeline.settings import TrainConfig
from frcnn_keras.pipeline.train import PICTURE, RECORD, splits_of, train
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
NOT_COMPARED = {RECORD, PICTURE, REQUEST, ".frcnn_keras.json"}


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
    out, result = trained
    before, record = content(out), (out / RECORD).read_bytes()
    assert to_json(dataclasses.asdict(train(splits, out, config))) == to_json(dataclasses.asdict(result))
    assert content(out) == before and (out / RECORD).read_bytes() == record  # its seconds are the training's


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


def test_items_of_other_libraries(shapes):
    """What from_items takes, in place of a data set."""
    picture = np.zeros((40, 60, 3), np.uint8)
    items = [(picture + number, [(5, 5, 30, 30)], ["cat"]) for number in range(4)]
    found = splits_of(items, items[:2])
    assert [len(part.dataset.examples) for part in (found.train, found.val)] == [4, 2]
    assert found.val.dataset.class_names == ("cat",)
    assert found.train.dataset.examples[0].boxes.tolist() == [[5, 5, 30, 30]]


@pytest.mark.slow
def test_a_bad_image_to_measure_on_may_be_left_out(splits, config, tmp_path, capsys):
    """Under skip_bad nothing stops for it, scoring no more than training; else it stops before anything is written."""
    first, *others = splits.val.dataset.examples
    cut = dataclasses.replace(first, read=lambda: first.read()[:-60])
    val = dataclasses.replace(splits.val.dataset, examples=(cut, *others))
    short = dataclasses.replace(config, rpn_epochs=1, rcnn_epochs=1)
    found = train(as_splits(splits.train.dataset, val), tmp_path / "run", short, skip_bad=True)
    assert found.metrics["images"] == len(others) and "the PNG is truncated" in capsys.readouterr().err


@pytest.mark.parametrize("settings", [{"val": "x"}, {"holdout": 0.2}])
def test_splits_say_all_themselves(settings, shapes):
    with pytest.raises(InputError, match="leave --val and --holdout out"):
        splits_of(as_splits(shapes, shapes_dataset(3, 9, 120, 160)), **settings)


@pytest.mark.slow
def test_anchor_sizes_of_the_data(splits, config, tmp_path):
    """They are chosen once, of the images to train on: those to measure on have them too, and a second start."""
    auto = dataclasses.replace(config, rpn_epochs=1, rcnn_epochs=1, prep=dataclasses.replace(
        config.prep, anchors=stages.LevelAnchorConfig("auto", config.prep.anchors.ratios)))
    train(splits, tmp_path / "run", auto)
    chosen = [open_prepared(tmp_path / "run" / "prep" / name).config.anchors.sizes for name in ("train", "val")]
    assert chosen[0] == chosen[1] == load(tmp_path / "run").model.geometry.anchor_sizes[0]
    assert chosen[0] not in ((), stages.LevelAnchorConfig().sizes)
    before = content(tmp_path / "run")
    train(splits, tmp_path / "run", auto)
    assert content(tmp_path / "run") == before
