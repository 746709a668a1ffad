"""The head's training: its losses by slow loops, what its regions are of, and the detector that it saves."""

import dataclasses
import json
import math
import shutil

import numpy as np
import pytest

from frcnn_keras.data.batches import feature_maps, region_batches
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.errors import InputError
from frcnn_keras.files import seal, write_json
from frcnn_keras.models.saving import load_model, load_weights, save_weights
from frcnn_keras.models.settings import Detecting, LevelPooling, Pooling, Proposing
from frcnn_keras.runs.detector import Detector
from frcnn_keras.runs.folder import PreparedFacts, weights_fingerprint
from frcnn_keras.runs.request import read_request
from frcnn_keras.settings.detector import DetectionConfig
from frcnn_keras.settings.learning import HeadLossConfig, RegionSamplingConfig, ScoredFitConfig
from frcnn_keras.settings.stages import RCNNConfig, StageHeadConfig
from frcnn_keras.training.proposals import write_proposals
from frcnn_keras.training.rcnn_head import build_rcnn
from frcnn_keras.training.rcnn_stage import (
    RCNNRequest,
    RCNNStage,
    Source,
    example_of,
    rcnn_stage_model,
    train_rcnn,
)
from frcnn_keras.training.rpn_stage import RPNSize, build_rpn

pytestmark = pytest.mark.slow

HEAD = StageHeadConfig(width=10, roi_size=3)
CONFIG = RCNNConfig(ScoredFitConfig(epochs=1, batch=3, warmup=1, precision="float32"), HEAD, RegionSamplingConfig(24),
                    detections=DetectionConfig(0.1, 0.4, 6))
PROPOSING = Proposing(50, 20)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, prep, tiny_run):
    """A run folder with an RPN and its proposals, not yet with a head of these settings. Not to be changed."""
    run = tmp_path_factory.mktemp("head") / "run"
    run.mkdir()
    for name in ("rpn.json", "rpn.weights.h5"):
        shutil.copy(tiny_run / name, run / name)
    shutil.copytree(tiny_run / "proposals", run / "proposals")
    return run


@pytest.fixture
def run(trained, tmp_path):
    """The same, to be changed."""
    return shutil.copytree(trained, tmp_path / "run")


def rpn_of(run, prep):
    rpn = build_rpn(prep, RPNSize(16))
    load_weights(rpn, run / "rpn.weights.h5")
    return rpn


def stage_of(run, prep, config=CONFIG, validation=None):
    rpn = rpn_of(run, prep)
    train = Source.open(prep, run / "proposals" / "train", weights_fingerprint(rpn))
    return RCNNStage(train, validation, rpn, PROPOSING, config, run)


def drawn(rcnn, seed=0):
    rng = np.random.default_rng(seed)
    rcnn.set_weights([rng.normal(0, 0.3, weight.shape).astype(np.float32) for weight in rcnn.weights])
    return rcnn


def losses_by_loop(logits, deltas, batch, beta):
    """From the head's outputs (B * R, N) and (B * R, N, 4)."""
    kinds, boxes, count = 0.0, 0.0, 0
    flat = {name: batch[name].reshape(-1, *batch[name].shape[2:]) for name in ("labels", "deltas", "valid")}
    for region in np.flatnonzero(flat["valid"]):
        count += 1
        label, row = flat["labels"][region], logits[region].astype(float)
        kinds += math.log(np.exp(row).sum()) - row[label]
        for axis in range(4 if label else 0):
            size = abs(float(deltas[region, label, axis]) - float(flat["deltas"][region, axis]))
            boxes += size**2 / (2 * beta) if size < beta else size - beta / 2
    return kinds / count, boxes / count


@pytest.mark.parametrize("beta", [1.0, 0.05])
def test_losses_by_a_slow_loop(trained, prep, beta):
    rcnn = drawn(build_rcnn(prep, HEAD))
    batch = next(iter(stage_of(trained, prep).batches(0)))
    model = rcnn_stage_model(rcnn, HeadLossConfig(beta))
    plain = {name: values.numpy() for name, values in batch.items()}
    assert plain["labels"].any() and plain["pooled"].shape == (3, 24, 3, 3, 8)
    logits, deltas = (part.numpy() for part in rcnn(plain["pooled"].reshape(-1, 3, 3, 8)))
    expected = losses_by_loop(logits, deltas, plain, beta)
    found = model.losses_of(batch)
    assert [float(found[name]) for name in ("class_loss", "box_loss")] == pytest.approx(expected, rel=1e-4)
    assert int(model.counted(batch)) == plain["valid"].sum()


def test_the_head_learns_in_the_units_that_its_detector_decodes_in(trained, prep):
    stage = stage_of(trained, prep)
    one = next(iter(stage.batches(0)))
    stage.detecting = dataclasses.replace(stage.detecting, scales=(0.2, 0.1, 0.1, 0.2))
    other = next(iter(stage.batches(0)))
    assert np.any(one["deltas"])
    np.testing.assert_allclose(other["deltas"], one["deltas"] * np.float32([0.5, 1, 2, 1]), rtol=1e-6)
    stage.model = stage.build()
    assert stage.assemble(None).detecting.scales == (0.2, 0.1, 0.1, 0.2)


def test_its_batches_are_the_settings(trained, prep):
    """Those of the regions, the pooling, the seed and the precision, each in its place."""
    config = dataclasses.replace(CONFIG, head=dataclasses.replace(HEAD, roi_op="pool"), fit=dataclasses.replace(
        CONFIG.fit, epochs=2, seed=3, precision="bfloat16"))
    stage = stage_of(trained, prep, config)
    by_hand = region_batches(prep, stage.proposals, pooling=Pooling(op="pool", size=3), sampling=config.regions,
                             scales=(0.1, 0.1, 0.2, 0.2), batch=3, seed=3, first_epoch=1, epochs=2, dtype="bfloat16")
    one, other = next(iter(stage.batches(1))), next(iter(by_hand))
    assert all(one[name].dtype == other[name].dtype and np.array_equal(one[name], other[name]) for name in one)


def test_the_features_say_which_levels_are_pooled(trained, prep):
    features = dataclasses.replace(prep.features, pooling=LevelPooling(1, 1.0))
    stage = stage_of(trained, dataclasses.replace(prep, features=features))
    assert stage.pooling == Pooling(1, 1.0, "align", 3)
    assert stage_of(trained, prep).pooling == Pooling(None, 0.0, "align", 3)


def test_what_it_assembles_is_of_its_settings(trained, prep):
    stage = stage_of(trained, prep)
    stage.model = stage.build()
    drawn(stage.rcnn)
    model = stage.assemble(None)
    assert model.geometry == prep.geometry and model.preparing == prep.features.preparing
    assert model.proposing == PROPOSING and model.pooling == Pooling(op="align", size=3)
    assert model.detecting == Detecting(0.1, 0.4, 6) and model.class_names == prep.class_names
    for one, other in zip(model.rcnn.get_weights(), stage.rcnn.get_weights(), strict=True):
        assert np.array_equal(one, other)
    assert model.rcnn is not stage.rcnn  # which goes on training


def test_an_object_in_pixels_of_the_image_as_given(prep, shapes):
    """The features' boxes are of the resized image: 96 x 124 (124.8, cut) of 120 x 156."""
    record = next(iter(feature_maps(prep)))
    back = np.array([156 / 124, 120 / 96] * 2, np.float32)
    found, example = example_of(record, back), shapes.examples[0]
    assert (found.id, found.height, found.width) == (str(example.id), 120, 156)
    np.testing.assert_allclose(found.boxes, example.boxes, atol=1e-4)
    assert found.labels.tolist() == example.labels.tolist() and not found.ignored.any()


@pytest.mark.parametrize("ignored, crowd, difficult", [(True, True, False), (True, False, True), (False,) * 3])
def test_difficult_and_crowd_objects_are_told_apart(prep, ignored, crowd, difficult):
    record = next(iter(feature_maps(prep)))
    count = len(record["labels"])
    record |= {"ignored": record["labels"] > (0 if ignored else 99), "crowd": record["labels"] > (0 if crowd else 99)}
    found = example_of(record, np.ones(4, np.float32))
    assert found.crowd.tolist() == [crowd] * count and found.difficult.tolist() == [difficult] * count


def test_validation_finds_what_the_whole_detector_finds(trained, prep, val_prep, tmp_path):
    """From cached maps and proposals, in pixels of the images as given: as from the images, but for float16."""
    rpn = rpn_of(trained, prep)
    write_proposals(rpn, val_prep, tmp_path / "val", PROPOSING, weights_fingerprint(rpn))
    validation = Source.open(val_prep, tmp_path / "val", weights_fingerprint(rpn))
    config = dataclasses.replace(CONFIG, detections=DetectionConfig(0.0, 1.0, 50))
    stage = stage_of(trained, prep, config, validation)
    stage.model = stage.build()
    drawn(stage.rcnn)
    examples, detections = stage.detect_validation()
    whole = Detector(stage.assemble(load_model(prep.extractor_path)))
    for example, found, stored in zip(shapes_dataset(3, 9, 120, 160).examples, detections, examples, strict=True):
        (expected,) = whole.predict(example.read())
        assert stored.id == str(example.id) and len(found) == len(expected) == 50
        np.testing.assert_allclose(stored.boxes, example.boxes, atol=1e-3)
        np.testing.assert_allclose(found.scores, expected.scores, atol=0.02)
        assert found.boxes[:, 2].max() <= 160.01 and found.boxes[:, 2].max() > 128  # wider than the resized image


@pytest.fixture(scope="module")
def finished(trained, prep, tmp_path_factory):
    """(run folder, history) of a head that was trained. Not to be changed."""
    run = shutil.copytree(trained, tmp_path_factory.mktemp("finished") / "run")
    return run, train_rcnn(prep.path, run, CONFIG)


def test_what_it_leaves(finished, trained, prep):
    run, history = finished
    assert {path.name for path in run.iterdir()} - {path.name for path in trained.iterdir()} - {"tensorboard"} == {
        "rcnn.json", "rcnn_log.csv", "rcnn_curves.png", "rcnn_metrics.json", "detector.keras"}
    assert {name: len(values) for name, values in history.items()} == {"loss": 1, "class_loss": 1, "box_loss": 1}
    asked = read_request(run / "rcnn.json", RCNNRequest)
    rpn = weights_fingerprint(rpn_of(run, prep))
    assert asked == RCNNRequest(CONFIG, PreparedFacts.of(prep), rpn, None)


def test_the_detector_has_the_runs_rpn_and_the_folders_extractor(finished, prep):
    model = load_model(finished[0] / "detector.keras")
    assert weights_fingerprint(model.rpn) == weights_fingerprint(rpn_of(finished[0], prep))
    assert weights_fingerprint(model.extractor) == prep.features.extractor
    assert model.proposing == Proposing(6000, 60) and model.detecting == Detecting(0.1, 0.4, 6)  # tiny_run's, CONFIG's


@pytest.mark.parametrize("name", ["rpn.json", "rpn.weights.h5"])
def test_without_an_rpn(name, run, prep):
    (run / name).unlink()
    with pytest.raises(InputError, match=f"^{run}: holds no trained RPN; run .*train-rpn with this --run first"):
        train_rcnn(prep.path, run, CONFIG)


def test_an_rpn_of_another_prep_folder(run, prep):
    stored = json.loads((run / "rpn.json").read_text())
    stored["data"]["prep_seed"] = 5
    del stored["seal"]
    write_json(run / "rpn.json", seal(stored))
    with pytest.raises(InputError, match="trained on another prep folder than .*prep_seed: 5 -> 0.*same --data"):
        train_rcnn(prep.path, run, CONFIG)


def test_other_weights_than_the_proposals_are_of(run, prep):
    rpn = rpn_of(run, prep)
    rpn.set_weights([weight + 1 for weight in rpn.get_weights()])
    save_weights(rpn, run / "rpn.weights.h5")
    with pytest.raises(InputError, match="made by another RPN"):
        train_rcnn(prep.path, run, CONFIG)


def test_images_to_measure_on_without_proposals(run, prep, val_prep):
    with pytest.raises(InputError, match="proposals/val: no proposals; run .*train-rpn"):
        train_rcnn(prep.path, run, CONFIG, val=val_prep.path)
    assert not (run / "rcnn.json").exists()


def test_beta_0_trains(run, prep):
    history = train_rcnn(prep.path, run, dataclasses.replace(CONFIG, loss=HeadLossConfig(beta=0.0)))
    assert np.isfinite(history["loss"]).all()
