import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.ops.matching import match, reached


def match_by_loop(overlaps, positive, negative, keep_best):
    anchors, objects = overlaps.shape
    labels, matched = [], []
    for a in range(anchors):
        best, own = 0.0, 0
        for g in range(objects):
            if overlaps[a, g] > best:
                best, own = overlaps[a, g], g
        labels.append(1 if best >= positive else 0 if best < negative else -1)
        matched.append(own)
    for g in range(objects if keep_best else 0):
        best = max([overlaps[a, g] for a in range(anchors)], default=0)
        for a in range(anchors):
            if best > 0 and overlaps[a, g] == best:
                labels[a] = 1
    return labels, matched


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(0, 30), st.integers(0, 5), st.booleans())
def test_equals_a_loop(seed, anchors, objects, keep_best):
    # tenths: ties and values on the thresholds are common, as are objects that nothing overlaps
    tenths = np.random.default_rng(seed).integers(0, 11, (anchors, objects)) * (np.arange(objects) != 2)
    overlaps = (tenths / 10).astype(np.float32)
    labels, matched = match(overlaps, 0.7, 0.3, keep_best)
    expected_labels, expected_matched = match_by_loop(overlaps, np.float32(0.7), np.float32(0.3), keep_best)
    assert labels.numpy().tolist() == expected_labels and matched.numpy().tolist() == expected_matched
    assert labels.dtype == matched.dtype == tf.int32
    assert reached(overlaps).numpy().tolist() == [bool((overlaps[:, g] > 0).any()) for g in range(objects)]


def test_every_anchor_that_ties_is_positive():
    labels, matched = match([[0.4], [0.1], [0.4], [0.35]], 0.7, 0.3, keep_best=True)
    assert labels.numpy().tolist() == [1, 0, 1, -1] and matched.numpy().tolist() == [0, 0, 0, 0]


def test_ties_are_told_to_one_part_in_100_000():
    """What float32 rounds away is a tie, a ten-thousandth less is none."""
    labels, _ = match([[0.5], [0.5 * (1 - 2e-6)], [0.5 * (1 - 1e-4)]], 0.7, 0.3, keep_best=True)
    assert labels.numpy().tolist() == [1, 1, -1]


def test_the_best_anchor_is_positive_however_low_its_overlap():
    assert match([[0.1], [0.05]], 0.7, 0.3, keep_best=True)[0].numpy().tolist() == [1, 0]
    assert match([[0.1], [0.05]], 0.7, 0.3, keep_best=False)[0].numpy().tolist() == [0, 0]


def test_object_that_nothing_reaches_makes_nothing_positive():
    overlaps = [[0.0, 0.9], [0.0, 0.0]]
    assert match(overlaps, 0.7, 0.3, keep_best=True)[0].numpy().tolist() == [1, 0]
    assert reached(overlaps).numpy().tolist() == [False, True]


def test_kept_anchor_regresses_to_the_object_it_overlaps_most():
    # the only anchor near object 0 overlaps object 1 more
    labels, matched = match([[0.2, 0.5], [0.0, 0.8]], 0.7, 0.3, keep_best=True)
    assert labels.numpy().tolist() == [1, 1] and matched.numpy().tolist() == [1, 1]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (4, 0)])
def test_nothing_to_match(shape):
    labels, matched = match(np.zeros(shape, np.float32), 0.7, 0.3, keep_best=True)
    assert labels.numpy().tolist() == matched.numpy().tolist() == [0] * shape[0]
    assert reached(np.zeros(shape, np.float32)).numpy().tolist() == [False] * shape[1]


def test_in_a_graph_of_unknown_shape():
    graph = tf.function(lambda overlaps: match(overlaps, 0.7, 0.3, True),
                        input_signature=[tf.TensorSpec((None, None), tf.float32)])
    assert graph(tf.constant([[0.9], [0.0]]))[0].numpy().tolist() == [1, 0]
    assert graph(tf.zeros((2, 0)))[0].numpy().tolist() == [0, 0]


def test_reached_with_so_much():
    assert reached(np.array([[0.5, 0.0, 0.2], [0.1, 0.0, 0.4]]), 0.4).numpy().tolist() == [True, False, True]
