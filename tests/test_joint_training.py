"""The joint trainer: a step, its parts, averages, precision, resuming."""

import csv
import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras import config as configs
from frcnn_keras.errors import InputError
from frcnn_keras.inference import load
from frcnn_keras.joint_losses import LOSSES
from frcnn_keras.joint_training import (
    JointModel,
    JointTraining,
    averaged,
    files_of,
    has_depthwise,
    joint_losses,
    make_optimizer,
    settled_precision,
)
from frcnn_keras.training import Keeper
from tests.test_joint_losses import UNLIKE, batch_of, detector, image

LOSS = configs.JointLossConfig(samples=16, before=60, after=20, regions=12, positive=0.6, foreground=0.4)
FIT = configs.ImageFitConfig(epochs=2, batch=2, learning_rate=1e-3, warmup=1, precision="float32")
CONFIG = configs.FinetuneConfig(FIT, configs.AugmentConfig(jitter_shorter=(40, 56), brightness=0.2), LOSS, 0)
FOUR = [*UNLIKE, image(56, 56, 2, 9)]


@pytest.fixture(scope="module")
def few(shapes):
    """Four images of shapes; the small detector of test_joint_losses knows three classes, so the fourth is left out."""
    def known(example):
        keep = example.labels <= 3
        return dataclasses.replace(example, **{name: getattr(example, name)[keep]
                                               for name in ("boxes", "labels", "difficult", "crowd")})

    return dataclasses.replace(shapes, examples=tuple(known(example) for example in shapes.examples[:4]),
                               class_names=("a", "b", "c"))


def step_model(parts=1, optimizer=None, clip=0.0, **fit):
    model = JointModel(joint_losses(detector(), LOSS), parts)
    fit = dataclasses.replace(FIT, **fit)
    made = optimizer or make_optimizer(fit, "sgd", learning_rate=0.05, momentum=0.0, weight_decay=0.0)
    model.clip_norm = clip
    model.compile(optimizer=made, jit_compile=False)
    made.build(model.network.trainable_variables)
    return model


def weights(model):
    return [np.asarray(weight) for weight in model.network.trainable_variables]


def close(one, other, **tolerance):
    for first, second in zip(one, other, strict=True):
        np.testing.assert_allclose(first, second, **tolerance)


@pytest.mark.parametrize("parts, clip", [(2, 0.05), (4, 0.0)])
def test_a_step_in_parts_is_the_step(parts, clip):
    whole, divided = step_model(clip=clip), step_model(parts, clip=clip)
    before = weights(whole)
    close(before, weights(divided), rtol=0)
    found = [tf.function(model.train_step)(batch_of(FOUR)) for model in (whole, divided)]
    assert float(found[0]["loss"]) == pytest.approx(float(found[1]["loss"]), rel=1e-5)
    close(weights(whole), weights(divided), rtol=1e-4, atol=1e-6)
    moved = np.sqrt(sum(np.sum(np.square(new - old)) for new, old in zip(weights(whole), before)))
    assert moved > 1e-4 and (not clip or moved == pytest.approx(0.05 * clip, rel=1e-3))


def test_two_replicas_halves_sum_to_the_step():
    """With the count of all replicas' images, gradients of each one's part add up to the whole batch's."""
    model = step_model()
    losses, whole = model.gradients(batch_of(FOUR))
    parts = [model.gradients(batch_of(part), 4) for part in (FOUR[:1], FOUR[1:])]
    for name in LOSSES:
        assert float(losses[name]) == pytest.approx(sum(float(part[0][name]) for part in parts), rel=1e-5)
    close(whole, [one + other for one, other in zip(parts[0][1], parts[1][1])], rtol=1e-4, atol=1e-6)


def test_the_logged_loss_is_the_sum_of_the_four():
    found = step_model().train_step(batch_of(FOUR[:2]))
    assert set(found) == {"loss", *LOSSES}
    assert float(found["loss"]) == pytest.approx(sum(float(found[name]) for name in LOSSES), rel=1e-6)


def test_averages_are_those_of_the_weights_so_far():
    model = step_model(ema=0.75)
    seen = []
    for number in range(4):
        model.train_step(batch_of(FOUR[number % 3:number % 3 + 2]))
        seen.append(weights(model))
    expected = seen[0]
    for later in seen[1:]:
        expected = [0.75 * average + 0.25 * value for average, value in zip(expected, later)]
    with averaged(model.optimizer, model.network.trainable_variables, 0.75):
        close(weights(model), expected, rtol=1e-5, atol=1e-7)
    close(weights(model), seen[-1], rtol=0)
    with averaged(model.optimizer, model.network.trainable_variables, 0.0):
        close(weights(model), seen[-1], rtol=0)


@pytest.mark.parametrize("clip", [0.0, 0.05])
def test_float16s_loss_scale_leaves_the_step_and_drops_what_overflows(clip):
    plain = step_model(clip=clip)
    scaled = step_model(precision="mixed_float16", clip_norm=clip)
    assert isinstance(scaled.optimizer, keras.optimizers.LossScaleOptimizer)
    scaled.clip_norm = clip
    for model in (plain, scaled):
        model.train_step(batch_of(FOUR[:2]))
    close(weights(plain), weights(scaled), rtol=1e-4, atol=1e-6)
    before, scale = weights(scaled), float(scaled.optimizer.dynamic_scale)
    spoilt = batch_of(FOUR[:2])
    spoilt["images"] = spoilt["images"] * np.float32(3e38)
    scaled.train_step(spoilt)
    close(weights(scaled), before, rtol=0)
    assert float(scaled.optimizer.dynamic_scale) == scale / 2


def test_auto_precision(monkeypatch, tiny_backbone):
    model = detector()
    monkeypatch.setattr("frcnn_keras.joint_training.resolve_precision", lambda wanted: "bfloat16")
    assert settled_precision(model, "auto") == ("mixed_bfloat16", True)
    depthwise = keras.Sequential([keras.Input((None, None, 3)), keras.layers.DepthwiseConv2D(3)])
    model.extractor = depthwise
    assert has_depthwise(model) and settled_precision(model, "auto") == ("mixed_bfloat16", False)
    assert settled_precision(model, "mixed_bfloat16") == ("mixed_bfloat16", True)
    monkeypatch.setattr("frcnn_keras.joint_training.resolve_precision", lambda wanted: "float32")
    assert settled_precision(model, "auto")[0] == "float32"


def training(out, few, config=CONFIG, validation=False):
    out.mkdir(exist_ok=True)
    return JointTraining("tune", detector(), few, few if validation else None, out, config)


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


class Killed(BaseException):
    """Stands for the end of the process."""


VARIANTS = {"float16 with averages": {"precision": "mixed_float16", "ema": 0.5, "accumulate": 2},
            "bfloat16": {"precision": "mixed_bfloat16", "optimizer": "sgd", "weight_decay": 0.01}}


@pytest.mark.parametrize("name", VARIANTS)
def test_killed_after_an_epoch_it_ends_in_the_same_bytes(name, tmp_path, few, monkeypatch):
    config = dataclasses.replace(CONFIG, fit=dataclasses.replace(FIT, **VARIANTS[name]))
    training(tmp_path / "whole", few, config).run()
    real = Keeper.on_epoch_end

    def end(self, epoch, logs=None):
        if epoch == 1:
            raise Killed
        real(self, epoch, logs)

    monkeypatch.setattr(Keeper, "on_epoch_end", end)
    with pytest.raises(Killed):
        training(tmp_path / "killed", few, config).run()
    assert "tune_state.npz" in files(tmp_path / "killed") and "detector.keras" not in files(tmp_path / "killed")
    monkeypatch.setattr(Keeper, "on_epoch_end", real)
    training(tmp_path / "killed", few, config).run()
    whole, killed = files(tmp_path / "whole"), files(tmp_path / "killed")
    assert whole.keys() == killed.keys() == set(files_of("tune")) - {"tune_state.npz", "tune_best.weights.h5"}
    assert [name for name in whole if whole[name] != killed[name]] == []


def test_what_is_saved_is_a_detector_like_any_other(tmp_path, few):
    config = dataclasses.replace(CONFIG, fit=dataclasses.replace(FIT, precision="mixed_bfloat16", epochs=1))
    run = training(tmp_path, few, config)
    start = [np.asarray(weight) for weight in run.detector.weights]
    run.run()
    again = load(tmp_path)
    assert {layer.dtype_policy.name for layer in again.model._flatten_layers()} == {"float32"}
    moved = [not np.array_equal(one, other) for one, other in zip(start, again.model.weights, strict=True)]
    assert all(moved)
    found, = again.predict(few.examples[0].read())
    expected, = run.inference.predict(few.examples[0].read())
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-3)
    with open(tmp_path / "tune_log.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1 and set(rows[0]) == {"epoch", "loss", *LOSSES}


def test_the_best_epoch_is_kept_and_measured_with_averages(tmp_path, few, monkeypatch):
    """AP falls by decree after the first epoch: what is saved are the averages of that epoch."""
    scores = iter([0.6, 0.5])
    monkeypatch.setattr("frcnn_keras.joint_training.coco_metrics",
                        lambda *_: {"AP": next(scores), "AP50": 0.7})
    kept = []
    real = JointTraining.measure

    def measure(self, epoch):
        with averaged(self.model.optimizer, self.detector.trainable_variables, 0.9):
            kept.append([np.asarray(weight) for weight in self.detector.trainable_variables])
        return real(self, epoch)

    monkeypatch.setattr(JointTraining, "measure", measure)
    config = dataclasses.replace(CONFIG, fit=dataclasses.replace(FIT, ema=0.9))
    run = training(tmp_path, few, config, validation=True)
    found = run.run()
    assert found["AP"] == 0.5 and len(kept) == 2
    saved = load(tmp_path).model
    close(kept[0], [np.asarray(weight) for weight in saved.trainable_variables], rtol=0)
    assert any(not np.array_equal(one, other) for one, other in zip(*kept))


def test_a_second_start_has_nothing_to_do(tmp_path, few, capsys):
    found = training(tmp_path, few).run()
    before = files(tmp_path)
    assert training(tmp_path, few).run() == pytest.approx(found)
    assert "trained already" in capsys.readouterr().err and files(tmp_path) == before


def test_it_learns(tmp_path, few):
    config = configs.FinetuneConfig(dataclasses.replace(FIT, epochs=8, learning_rate=3e-3), configs.AugmentConfig(),
                                    LOSS, 0)
    run = training(tmp_path, few, config)
    run.run()
    with open(tmp_path / "tune_log.csv", encoding="utf-8") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize("change, message", [({"accumulate": 3}, "--accumulate 3"), ({"batch": 9}, "--batch 9")])
def test_parts_that_do_not_fit(tmp_path, few, change, message):
    config = dataclasses.replace(CONFIG, fit=dataclasses.replace(FIT, **change))
    with pytest.raises(InputError, match=message):
        training(tmp_path, few, config).run()


def test_a_broken_image_is_one_line(tmp_path, few):
    broken = dataclasses.replace(few.examples[1], read=lambda: b"no image", file="there/bad.png")
    with pytest.raises(InputError, match="^there/bad.png: ") as caught:
        training(tmp_path, dataclasses.replace(few, examples=(few.examples[0], broken))).run()
    assert "\n" not in str(caught.value)
