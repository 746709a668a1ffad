import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.ops import portable_nms as greedy
from frcnn_keras.ops import postprocessing as detections
from frcnn_keras.ops import proposals


def random_boxes(rng, *shape):
    corner = rng.uniform(0, 60, (*shape, 2))
    return np.concatenate([corner, corner + rng.uniform(5, 50, (*shape, 2))], -1).astype(np.float32)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 60), st.sampled_from([1, 5, 70]),
       st.sampled_from([0.0, 0.3, 0.7]))
def test_keeps_what_the_combined_operation_keeps_of_ranked_boxes(seed, levels, count, limit, threshold):
    rng = np.random.default_rng(seed)
    boxes, usable = random_boxes(rng, levels, count), rng.random((levels, count)) < 0.8
    places, real = greedy.suppress_ranked(tf.constant(boxes), usable, limit, threshold)
    wanted, wanted_real = proposals.suppress_ranked(tf.constant(boxes), usable, limit, threshold)
    np.testing.assert_array_equal(real, wanted_real)
    np.testing.assert_array_equal(places, wanted)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 5), st.sampled_from([1, 20, 100]),
       st.sampled_from([0.3, 0.5]))
def test_keeps_what_the_combined_operation_keeps_of_every_class(seed, regions, classes, limit, threshold):
    rng = np.random.default_rng(seed)
    boxes = random_boxes(rng, regions, classes)
    scores = rng.permutation(regions * classes).reshape(regions, classes).astype(np.float32) / 200  # one is 0; no ties
    scores[rng.random(scores.shape) < 0.3] = 0
    for one, other in zip(greedy.suppress_classes(boxes, scores, limit, threshold),
                          detections.suppress_classes(boxes, scores, limit, threshold), strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype


def kept(boxes, scores, limit=4, threshold=0.5):
    places, real = greedy.suppress(np.array([boxes], np.float32), np.array([scores], np.float32), limit, threshold)
    return places.numpy()[0][real.numpy()[0]].tolist()


def test_the_first_of_equal_scores_wins():
    same = [[0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10], [20, 0, 30, 9]]
    assert kept(same, [1, 1, 1, 1]) == [0, 2]


def test_only_overlaps_above_the_threshold_suppress():
    half = [[0, 0, 20, 10], [0, 0, 10, 10]]  # IoU is exactly a half
    assert kept(half, [1, 2], threshold=0.5) == [1, 0]
    assert kept(half, [1, 2], threshold=0.49) == [1]


def test_a_suppressed_box_suppresses_nothing():
    chain = [[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]]  # IoU of neighbours 6 / 14, of the outer two 2 / 18
    assert kept(chain, [3, 2, 1], threshold=0.4) == [0, 2]
    assert kept(chain, [2, 3, 1], threshold=0.4) == [1]


def test_boxes_of_unlike_groups_and_without_score():
    boxes = np.array([[[0, 0, 10, 10], [0, 0, 10, 10]], [[0, 0, 10, 10], [0, 0, 0, 0]]], np.float32)
    places, real = greedy.suppress(boxes, np.array([[1, 2], [1, 0]], np.float32), 2, 0.5)
    assert places.numpy().tolist() == [[1, 0], [0, 0]] and real.numpy().tolist() == [[True, False], [True, False]]
    assert not greedy.suppress(boxes, np.zeros((2, 2), np.float32), 2, 0.5)[1].numpy().any()


def test_a_threshold_of_one_suppresses_nothing_and_takes_nothing_twice():
    assert kept([[0, 0, 10, 10], [0, 0, 10, 10]], [2, 1], threshold=1.0) == [0, 1]


def test_stops_at_the_limit():
    apart = [[20 * i, 0, 20 * i + 10, 10] for i in range(6)]
    assert kept(apart, [1, 6, 5, 4, 3, 2], limit=3) == [1, 2, 3]
