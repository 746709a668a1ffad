"""The RPN's training: its losses by slow loops, what it starts from and what it leaves."""

import dataclasses
import math

import keras
import numpy as np
import pytest

from frcnn_keras.data import records
from frcnn_keras.data.batches import rpn_batches
from frcnn_keras.data.manifests import ProposalManifest, read_manifest
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.errors import InputError
from frcnn_keras.models.keras_internals import flatten_layers
from frcnn_keras.models.saving import load_weights
from frcnn_keras.models.settings import Proposing
from frcnn_keras.runs.folder import PreparedFacts, weights_fingerprint
from frcnn_keras.runs.parts import load_detector
from frcnn_keras.runs.proposer import load_rpn
from frcnn_keras.runs.request import read_request
from frcnn_keras.settings.detector import ProposalConfig, RPNNetworkConfig
from frcnn_keras.settings.learning import FitConfig, RPNLossConfig, TrainingProposalConfig
from frcnn_keras.settings.stages import RPNConfig
from frcnn_keras.training.rpn_stage import RPNRequest, RPNSize, build_rpn, rpn_stage_model, train_rpn

pytestmark = pytest.mark.slow

FIT = FitConfig(epochs=1, batch=3, warmup=1, precision="float32")
CONFIG = RPNConfig(FIT, channels=6, training=TrainingProposalConfig(40, 12), proposals=ProposalConfig(30, 7, 0.6, 2.0))


def drawn(rpn, seed=0):
    """Weights large enough for logits and deltas that differ."""
    rng = np.random.default_rng(seed)
    rpn.set_weights([rng.normal(0, 0.3, weight.shape).astype(np.float32) for weight in rpn.weights])
    return rpn


def test_an_rpn_for_the_folders_anchors_and_maps(prep):
    rpn = build_rpn(prep, RPNSize(6))
    assert (rpn.anchors_per_position, rpn.hidden, rpn.depth) == (9, 6, 1)
    assert rpn.convolution.kernel.shape == (3, 3, 8, 6)
    assert build_rpn(prep, RPNSize(6, 2)).deeper[0].kernel.shape == (3, 3, 6, 6)
    one, same, other = (build_rpn(prep, RPNSize(6), seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(first, second) for first, second in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


def policies(rpn):
    return {layer.name: layer.dtype_policy.name for layer in flatten_layers(rpn)}


def test_it_is_float32_whatever_the_callers_policy(prep, mixed_policy):
    rpn = build_rpn(prep, RPNSize(6, 2))
    assert set(policies(rpn).values()) == {"float32"}
    assert keras.config.dtype_policy().name == mixed_policy


def test_its_products_are_of_the_precision_that_is_asked_for(prep):
    found = policies(build_rpn(prep, RPNSize(6, 2), "bfloat16"))
    assert found == {"rpn": "mixed_bfloat16", "convolution": "mixed_bfloat16", "convolution2": "mixed_bfloat16",
                     "objectness": "float32", "deltas": "float32"}
    assert keras.config.dtype_policy().name == "float32"


def distance_of(size, kind, beta):
    if kind != "smooth_l1":
        return size if kind == "l1" else size * size
    return size**2 / (2 * beta) if size < beta else size - beta / 2


def losses_by_loop(rpn, batch, box_weight, beta, distance="smooth_l1", linear=False):
    kernel, bias, objectness, object_bias, deltas, delta_bias = (weight.astype(float) for weight in rpn.get_weights())
    kinds, boxes, count = 0.0, 0.0, 0
    for image in range(len(batch["labels"])):
        for tile, anchor, label, target in zip(*(batch[name][image] for name in (
                "tiles", "anchors", "labels", "deltas")), strict=True):
            if label < 0:
                continue
            count += 1
            hidden = np.tensordot(tile.astype(float), kernel, 3) + bias
            hidden = hidden if linear else np.maximum(hidden, 0)
            logit = hidden @ objectness[0, 0, :, anchor] + object_bias[anchor]
            kinds += math.log1p(math.exp(-logit if label else logit))
            for axis in range(4 if label else 0):
                column = 4 * anchor + axis
                size = abs(hidden @ deltas[0, 0, :, column] + delta_bias[column] - target[axis])
                boxes += distance_of(size, distance, beta)
    return kinds / count, box_weight * boxes / count


@pytest.mark.parametrize("box_weight, beta, distance, activation", [
    (1.0, 1 / 9, "smooth_l1", "relu"), (2.5, 1 / 9, "smooth_l1", "relu"), (1.0, 0.8, "smooth_l1", "relu"),
    (1.0, 1 / 9, "l1", "relu"), (2.0, 1 / 9, "mse", "relu"), (1.0, 1 / 9, "mse", "linear")])
def test_losses_by_a_slow_loop(prep, box_weight, beta, distance, activation):
    rpn = drawn(build_rpn(prep, RPNSize(6, activation=activation)))
    batch = next(iter(rpn_batches(prep, 9, batch=3, seed=0, first_epoch=0, epochs=1)))
    model = rpn_stage_model(rpn, RPNLossConfig(box_weight, beta, distance))
    found = model.losses_of(batch)
    plain = {name: values.numpy() for name, values in batch.items()}
    assert set(np.unique(plain["labels"])) >= {0, 1}
    expected = losses_by_loop(rpn, plain, box_weight, beta, distance, activation == "linear")
    assert [float(found[name]) for name in ("objectness_loss", "box_loss")] == pytest.approx(expected, rel=1e-4)
    assert int(model.counted(batch)) == np.sum(plain["labels"] >= 0)


@pytest.fixture(scope="module")
def trained(prep, val_prep, tmp_path_factory):
    """(run folder, history) of an epoch with validation."""
    run = tmp_path_factory.mktemp("trained") / "run"
    return run, train_rpn(prep.path, run, CONFIG, val=val_prep.path)


def test_what_it_leaves(trained, prep):
    run, history = trained
    assert {path.name for path in run.iterdir()} - {"tensorboard"} == {
        "rpn.json", "rpn.weights.h5", "rpn_log.csv", "rpn_curves.png", "rpn_metrics.json", "proposals",
        "proposer.json", "extractor.keras"}
    assert {path.name for path in (run / "proposals").iterdir()} == {"train", "val"}
    assert {"loss", "objectness_loss", "box_loss"} < set(history)
    assert [len(values) for values in history.values()] == [1] * len(history)
    assert sum(name.startswith("recall") for name in history) == 6  # of 100, 300 and 1000, at IoU .5 and .7
    asked = read_request(run / "rpn.json", RPNRequest)
    assert asked == RPNRequest(CONFIG, PreparedFacts.of(prep), RPNSize(6))


def test_recall_is_told_after_each_epoch(prep, val_prep, tmp_path, capsys):
    config = dataclasses.replace(CONFIG, fit=dataclasses.replace(CONFIG.fit, epochs=2))
    history = train_rpn(prep.path, tmp_path / "run", config, val=val_prep.path)
    told = [line for line in capsys.readouterr().err.splitlines() if "recall@300" in line]
    reached = list(zip(history["recall@300/0.5"], history["recall@300/0.7"], strict=True))
    assert [line.partition("  recall@300 ")[2].partition(" (")[0] for line in told] == [
        f"{half:.3f}/{more:.3f}" for half, more in reached] and len(told) == 2


def test_its_proposals_are_the_trained_rpns_and_as_many_as_asked_for(trained, prep, val_prep):
    run, _ = trained
    rpn = build_rpn(prep, RPNSize(6))
    load_weights(rpn, run / "rpn.weights.h5")
    for name, wanted, most in (("train", Proposing(40, 12, 0.6, 2.0), 12), ("val", Proposing(30, 7, 0.6, 2.0), 7)):
        folder = run / "proposals" / name
        manifest = read_manifest(folder, ProposalManifest, "proposals")
        assert manifest.proposing == wanted and manifest.rpn == weights_fingerprint(rpn)
        counts = [len(records.parse_proposals(span.read())["boxes"]) for span in
                  records.spans(folder / shard for shard in manifest.shards)]
        assert len(counts) == len((prep if name == "train" else val_prep).feature_spans) and max(counts) == most


def test_a_runs_rpn_as_it_is(prep, tiny_run, tmp_path):
    """Without epochs: no number but of the weights that another run has."""
    config = dataclasses.replace(CONFIG, fit=dataclasses.replace(FIT, epochs=0), start=str(tiny_run))
    assert train_rpn(prep.path, tmp_path, config) == {}
    assert read_request(tmp_path / "rpn.json", RPNRequest).network == RPNSize(16)  # as large as the other
    rpn = build_rpn(prep, RPNSize(16))
    load_weights(rpn, tmp_path / "rpn.weights.h5")
    for one, other in zip(rpn.get_weights(), load_detector(tiny_run).rpn.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_training_starts_from_a_runs_rpn(prep, tiny_run, tmp_path):
    """A rate of nearly nothing: the weights stay, though the seed would draw others."""
    fit = dataclasses.replace(FIT, optimizer="sgd", learning_rate=1e-12)
    train_rpn(prep.path, tmp_path, dataclasses.replace(CONFIG, fit=fit, start=str(tiny_run)))
    rpn = build_rpn(prep, RPNSize(16))
    load_weights(rpn, tmp_path / "rpn.weights.h5")
    for one, other in zip(rpn.get_weights(), load_detector(tiny_run).rpn.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-7)


@pytest.mark.parametrize("change, settings, words", [
    ({}, {"data": "val"}, "was prepared with --eval-only"),
    ({}, {"data": "val", "from_tiles": True}, "was prepared with --eval-only"),
    ({"start": "absent"}, {}, "absent: holds no detector.keras"),
    ({}, {"data": "absent"}, "no prep folder")])
def test_what_cannot_be_trained_on_is_one_line_and_leaves_nothing(change, settings, words, prep, val_prep, tmp_path):
    data = {"val": val_prep.path, "absent": tmp_path / "absent"}.get(settings.get("data"), prep.path)
    with pytest.raises(InputError, match=words) as caught:
        train_rpn(data, tmp_path / "run", dataclasses.replace(CONFIG, **change),
                  from_tiles=settings.get("from_tiles", False))
    assert "\n" not in str(caught.value) and not (tmp_path / "run").exists()


def test_a_deeper_rpn_is_only_taken_as_it_is(prep, tmp_path, monkeypatch):
    from frcnn_keras.training import rpn_stage

    deep = build_rpn(prep, RPNSize(6, 2))
    monkeypatch.setattr(rpn_stage, "load_rpn", lambda run, geometry, channels: deep)
    with pytest.raises(InputError, match="its RPN has 2 3x3 convolutions, and 3x3 tiles serve only one"):
        train_rpn(prep.path, tmp_path / "run", dataclasses.replace(CONFIG, start="deep"))
    config = dataclasses.replace(CONFIG, start="deep", fit=dataclasses.replace(FIT, epochs=0))
    train_rpn(prep.path, tmp_path / "run", config)
    assert read_request(tmp_path / "run" / "rpn.json", RPNRequest).network == RPNSize(6, 2)


def test_beta_0_trains(prep, tmp_path):
    """L1, with finite losses and weights; the loss is above that of a smooth L1 of the same seed."""
    losses = [train_rpn(prep.path, tmp_path / str(beta), dataclasses.replace(CONFIG, loss=RPNLossConfig(beta=beta)))
              for beta in (0.0, 0.5)]
    assert np.isfinite(losses[0]["loss"]).all() and losses[0]["loss"][0] > losses[1]["loss"][0]


def test_activation_and_initial_weights_are_the_configs(prep, tmp_path):
    """With a rate of nearly nothing the weights are those it began with; the run says what they are of."""
    fit = dataclasses.replace(FIT, optimizer="sgd", learning_rate=1e-12)
    config = dataclasses.replace(CONFIG, fit=fit, network=RPNNetworkConfig("linear", "uniform"))
    train_rpn(prep.path, tmp_path, config)
    asked = read_request(tmp_path / "rpn.json", RPNRequest)
    assert asked.config.network == config.network and asked.network == RPNSize(6, activation="linear")
    rpn = build_rpn(prep, asked.network)
    assert rpn.convolution.activation is keras.activations.linear
    load_weights(rpn, tmp_path / "rpn.weights.h5")
    kernel = np.asarray(rpn.deltas.kernel)
    assert 0.045 < np.abs(kernel).max() <= 0.05 + 1e-6
    assert load_rpn(tmp_path).model.rpn.activation == "linear"


def test_proposing_by_itself_gives_what_was_written(trained, val_prep):
    """Of the validation images, whose proposals are as many as prediction's: to 2e-4 pixels, scores to 1e-5."""
    run, _ = trained
    written = [records.parse_proposals(span.read()) for span in records.spans(
        sorted((run / "proposals" / "val").glob("*.tfrecord")))]
    examples = shapes_dataset(3, 9, 120, 160).examples  # as val_prep has them
    for example, stored, found in zip(examples, written, load_rpn(run).propose(one.read() for one in examples),
                                      strict=True):
        assert len(found.scores) == len(stored["scores"]) == 7
        back = 160 / val_prep.features.preparing.size(120, 160)[1]
        np.testing.assert_allclose(found.boxes, stored["boxes"] * back, atol=2e-4)
        np.testing.assert_allclose(found.scores, stored["scores"], atol=1e-5)


def test_a_run_of_an_older_version_gets_its_extractor_by_a_second_call(prep, tmp_path):
    history = train_rpn(prep.path, tmp_path, CONFIG)
    for name in ("proposer.json", "extractor.keras"):
        (tmp_path / name).unlink()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*") if path.is_file()}
    with pytest.raises(InputError, match="without its feature extractor"):
        load_rpn(tmp_path)
    assert train_rpn(prep.path, tmp_path, CONFIG) == history
    assert load_rpn(tmp_path).proposing == Proposing(30, 7, 0.6, 2.0)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_starting_over_leaves_no_parts_of_the_old_rpn(prep, tmp_path, monkeypatch):
    from frcnn_keras.training import rpn_stage

    train_rpn(prep.path, tmp_path, CONFIG)

    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(rpn_stage, "build_rpn", stop)
    with pytest.raises(KeyboardInterrupt):
        train_rpn(prep.path, tmp_path, CONFIG, fresh=True)
    assert not (tmp_path / "proposer.json").exists() and not (tmp_path / "extractor.keras").exists()
