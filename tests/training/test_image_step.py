"""A step, its parts, the averages and the loss scale."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.training.image_losses import LOSSES, ImageLosses
from frcnn_keras.training.image_step import ImageStepModel, averaged, decay_of, make_optimizer
from tests.closeness import close
from tests.detectors import uneven_detector
from tests.joint_batches import FIT, LOSS, UNLIKE, batch_of, image

pytestmark = pytest.mark.slow

FOUR = [*UNLIKE, image(56, 56, 2, 9)]


def step_model(parts=1, optimizer=None, clip=0.0, decay=0.0, **fit):
    model = ImageStepModel(ImageLosses(uneven_detector(), LOSS), parts)
    fit = dataclasses.replace(FIT, **fit)
    made = optimizer or make_optimizer(fit, (), decay, "sgd", learning_rate=0.05, momentum=0.0, weight_decay=0.0)
    model.clip_norm = clip
    model.compile(optimizer=made, jit_compile=False)
    made.build(model.network.trainable_variables)
    return model


def weights(model):
    return [np.asarray(weight) for weight in model.network.trainable_variables]


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
    model = step_model(decay=0.75)
    seen = []
    for number in range(4):
        model.train_step(batch_of(FOUR[number % 3:number % 3 + 2]))
        seen.append(weights(model))
    expected = seen[0]
    for later in seen[1:]:
        expected = [0.75 * average + 0.25 * value for average, value in zip(expected, later)]
    with averaged(model.optimizer, model.network.trainable_variables):
        close(weights(model), expected, rtol=1e-5, atol=1e-7)
    close(weights(model), seen[-1], rtol=0)
    plain = step_model()
    before = weights(plain)
    with averaged(plain.optimizer, plain.network.trainable_variables):
        close(weights(plain), before, rtol=0)


@pytest.mark.parametrize("epochs, steps, decay", [(0, 100, 0), (1, 1, 0), (0.5, 1, 0), (1, 2, 0.5), (0.7, 143, 0.99001),
                                                  (2, 50, 0.99), (3, 1000, 1 - 1 / 3000)])
def test_decay_by_hand(epochs, steps, decay):
    assert decay_of(epochs, steps) == pytest.approx(decay, abs=1e-5)


@pytest.mark.parametrize("clip", [0.0, 0.05])
def test_float16s_loss_scale_leaves_the_step_and_drops_what_overflows(clip):
    plain = step_model(clip=clip)
    scaled = step_model(precision="float16", clip_norm=clip)
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


@pytest.mark.parametrize("precision, scale", [("float32", 1.0), ("float16", 2.0**15)])  # Keras's first loss scale
def test_the_backbones_rate_by_hand(precision, scale):
    fit = dataclasses.replace(FIT, precision=precision, backbone_rate=0.25, clip_norm=0.0)
    slow, other = variables = [keras.Variable(np.ones((1,), np.float32)) for _ in range(2)]
    optimizer = make_optimizer(fit, [slow], 0.0, "sgd", learning_rate=0.1, momentum=0.0, weight_decay=0.0)
    optimizer.apply_gradients([(tf.constant([2.0 * scale]), variable) for variable in variables])
    np.testing.assert_allclose(np.concatenate([slow, other]), [1 - 0.25 * 0.2, 1 - 0.2], rtol=1e-5)
