import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.ops.losses import rcnn_losses, rpn_losses, smooth_l1


def smooth_l1_of(difference, beta):
    return difference**2 / (2 * beta) if abs(difference) < beta else abs(difference) - beta / 2


def test_smooth_l1_by_hand():
    values = smooth_l1(tf.constant([0.0, 0.5, -0.5, 1.0, -3.0]), 1.0)
    np.testing.assert_allclose(values, [0, 0.125, 0.125, 0.5, 2.5])
    # sigma = 3: 0.5 * 9 * d^2 below 1/9, |d| - 0.5 / 9 above
    np.testing.assert_allclose(smooth_l1(tf.constant([0.1, 1.0]), 1 / 9), [4.5 * 0.01, 1 - 0.5 / 9], rtol=1e-6)


@pytest.mark.parametrize("beta", [0, 0.0, 1e-300, 1e-10])
def test_beta_0_is_l1(beta):
    """|d|, its gradient the sign, which is 0 at 0."""
    difference = tf.Variable([0.0, -0.0, 1e-30, -1e-12, 0.5, -3.0, 1e30])
    with tf.GradientTape() as tape:
        values = smooth_l1(difference, beta)
    np.testing.assert_array_equal(values, np.abs(difference.numpy()))
    np.testing.assert_array_equal(tape.gradient(values, difference), [0, 0, 1, -1, 1, -1, 1])


def test_beta_near_0_is_near_l1():
    difference = np.linspace(-2, 2, 401, dtype=np.float32)
    found = smooth_l1(tf.constant(difference), 1e-6)
    np.testing.assert_allclose(found, smooth_l1(tf.constant(difference), 0), atol=1e-6)


def test_both_networks_losses_with_beta_0_by_hand():
    """RPN: of the first anchor |1| + |-2| + |0| + |0.5|, over two sampled. Head: of its own class's deltas alone."""
    deltas = tf.Variable([[1.0, -2.0, 0.0, 0.5], [7.0, 7.0, 7.0, 7.0]])
    with tf.GradientTape() as tape:
        boxes = rpn_losses(tf.zeros(2), deltas, tf.constant([1, 0]), tf.zeros((2, 4)), beta=0)[1]
    assert float(boxes) == pytest.approx(3.5 / 2)
    np.testing.assert_allclose(tape.gradient(boxes, deltas), [[0.5, -0.5, 0, 0.5], [0, 0, 0, 0]])
    deltas = tf.Variable([[[9.0, 9, 9, 9], [1.0, -2.0, 0.0, 0.5]]])
    with tf.GradientTape() as tape:
        boxes = rcnn_losses(tf.zeros((1, 2)), deltas, tf.constant([1]), tf.constant([[1.0, 0, 0, 0]]),
                            tf.constant([True]), beta=0)[1]
    assert float(boxes) == pytest.approx(2.5)
    np.testing.assert_allclose(tf.convert_to_tensor(tape.gradient(boxes, deltas)), [[[0, 0, 0, 0], [0, -1, 0, 1]]])


def test_rpn_losses_by_hand():
    logits, labels = tf.constant([0.0, 2.0, -1.0, 50.0]), tf.constant([1, 0, 0, -1])
    deltas = tf.constant([[1.0, 0, 0, 0.1], [9, 9, 9, 9], [9, 9, 9, 9], [9, 9, 9, 9]])
    entropy, boxes = rpn_losses(logits, deltas, labels, tf.zeros((4, 4)))
    assert float(entropy) == pytest.approx((math.log(2) + math.log(1 + math.e**2) + math.log(1 + math.e**-1)) / 3)
    assert float(boxes) == pytest.approx((1 - 1 / 18 + 4.5 * 0.01) / 3)  # summed over coordinates, over 3 sampled


@settings(derandomize=True, deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(5,), (2, 7), (2, 3, 4)]))
def test_rpn_losses_equal_a_loop(seed, shape):
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(size=shape), rng.integers(-1, 2, shape)
    deltas, targets = rng.normal(size=(2, *shape, 4)) * 0.3
    entropy = boxes = sampled = 0.0
    for place in np.ndindex(shape):
        if labels[place] >= 0:
            sampled += 1
            probability = 1 / (1 + math.exp(-logits[place]))
            entropy -= math.log(probability if labels[place] else 1 - probability)
        if labels[place] == 1:
            boxes += sum(smooth_l1_of(d, 1 / 9) for d in deltas[place] - targets[place])
    found = rpn_losses(logits, deltas, labels, targets)
    np.testing.assert_allclose(found, [entropy / max(sampled, 1), boxes / max(sampled, 1)], rtol=1e-5)


@settings(derandomize=True, deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(5,), (2, 7)]), st.integers(2, 5))
def test_rcnn_losses_equal_a_loop(seed, shape, classes):
    rng = np.random.default_rng(seed)
    logits, deltas = rng.normal(size=(*shape, classes)), rng.normal(size=(*shape, classes, 4))
    labels, targets, valid = rng.integers(0, classes, shape), rng.normal(size=(*shape, 4)), rng.random(shape) < 0.8
    entropy = boxes = 0.0
    for place in np.ndindex(shape):
        if valid[place]:
            entropy += math.log(sum(math.exp(z) for z in logits[place])) - logits[place][labels[place]]
            if labels[place] > 0:
                boxes += sum(smooth_l1_of(d, 1.0) for d in deltas[place][labels[place]] - targets[place])
    counted = max(valid.sum(), 1)
    found = rcnn_losses(logits, deltas, labels, targets, valid)
    np.testing.assert_allclose(found, [entropy / counted, boxes / counted], rtol=1e-5)


def test_nothing_sampled_is_zero_with_zero_gradients():
    logits, deltas = tf.Variable([1.0, 2.0]), tf.Variable(tf.ones((2, 4)))
    with tf.GradientTape() as tape:
        losses = rpn_losses(logits, deltas, tf.constant([-1, -1]), tf.zeros((2, 4)))
        total = tf.add_n(losses)
    assert [float(loss) for loss in losses] == [0, 0]
    assert not any(gradient.numpy().any() for gradient in tape.gradient(total, [logits, deltas]))
    none = rcnn_losses(tf.ones((2, 3)), tf.ones((2, 3, 4)), tf.constant([0, 1]), tf.zeros((2, 4)), tf.zeros(2, tf.bool))
    assert [float(loss) for loss in none] == [0, 0]


def test_image_without_objects_has_no_box_loss():
    entropy, boxes = rpn_losses(tf.zeros(3), tf.ones((3, 4)), tf.zeros(3, tf.int32), tf.zeros((3, 4)))
    assert float(entropy) == pytest.approx(math.log(2)) and float(boxes) == 0
    entropy, boxes = rcnn_losses(tf.zeros((3, 4)), tf.ones((3, 4, 4)), tf.zeros(3, tf.int32), tf.zeros((3, 4)),
                                 tf.ones(3, tf.bool))
    assert float(entropy) == pytest.approx(math.log(4)) and float(boxes) == 0


def test_box_gradients_reach_only_positives_of_their_own_class():
    deltas = tf.Variable(tf.zeros((3, 3, 4)))
    with tf.GradientTape() as tape:
        loss = rcnn_losses(tf.zeros((3, 3)), deltas, tf.constant([2, 0, 1]), tf.ones((3, 4)) * 5,
                           tf.constant([True, True, False]))[1]
    gradient = tf.convert_to_tensor(tape.gradient(loss, deltas)).numpy()
    expected = np.zeros((3, 3, 4))
    expected[0, 2] = -1 / 2  # linear part, two valid regions; the third is not valid, the second background
    np.testing.assert_allclose(gradient, expected)


def test_half_precision_is_summed_in_float32():
    logits, deltas = tf.cast(tf.fill([4096], 3.0), tf.float16), tf.cast(tf.fill((4096, 4), 8.0), tf.float16)
    entropy, boxes = rpn_losses(logits, deltas, tf.ones([4096], tf.int32), tf.zeros((4096, 4)))
    assert entropy.dtype == boxes.dtype == tf.float32
    # in half precision either sum would be infinite or wrong in its third digit
    np.testing.assert_allclose([entropy, boxes], [math.log(1 + math.e**-3), 4 * (8 - 1 / 18)], rtol=1e-5)


def test_a_head_that_only_classifies_has_no_box_loss():
    rng = np.random.default_rng(0)
    logits, labels, targets = rng.normal(size=(6, 3)), rng.integers(0, 3, 6), rng.normal(size=(6, 4))
    valid = np.array([True] * 5 + [False])
    with_boxes = rcnn_losses(logits, rng.normal(size=(6, 3, 4)), labels, targets, valid)
    alone = rcnn_losses(logits, None, labels, targets, valid)
    assert float(alone[0]) == float(with_boxes[0]) > 0 == float(alone[1]) and float(with_boxes[1]) > 0


@pytest.mark.parametrize("distance, first, gradient", [
    ("smooth_l1", (1 - 1 / 18) + (2 - 1 / 18) + 4.5 * 0.01, [1, -1, 0, 0.9]), ("l1", 3.1, [1, -1, 0, 1]),
    ("mse", 1 + 4 + 0.01, [2, -4, 0, 0.2])])
def test_each_distance_of_the_rpns_boxes_by_hand(distance, first, gradient):
    """Of the one positive, differences of 1, -2, 0 and 0.1; divided by the two sampled."""
    deltas = tf.Variable([[1.0, -2.0, 0.0, 0.1], [7.0, 7.0, 7.0, 7.0], [9.0, 9.0, 9.0, 9.0]])
    with tf.GradientTape() as tape:
        boxes = rpn_losses(tf.zeros(3), deltas, tf.constant([1, 0, -1]), tf.zeros((3, 4)), distance=distance)[1]
    assert float(boxes) == pytest.approx(first / 2, rel=1e-6)
    np.testing.assert_allclose(tape.gradient(boxes, deltas), np.array([gradient, [0] * 4, [0] * 4]) / 2, rtol=1e-5)
