import math

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.ops.proposals import propose

HEIGHT, WIDTH = 80, 100


def decode_one(delta, anchor):
    width, height = anchor[2] - anchor[0], anchor[3] - anchor[1]
    x, y = anchor[0] + width / 2 + delta[0] * width, anchor[1] + height / 2 + delta[1] * height
    width, height = width * math.exp(min(delta[2], math.log(62.5))), height * math.exp(min(delta[3], math.log(62.5)))
    return [min(max(x - width / 2, 0), WIDTH), min(max(y - height / 2, 0), HEIGHT),
            min(max(x + width / 2, 0), WIDTH), min(max(y + height / 2, 0), HEIGHT)]


def iou(a, b):
    shared = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def suppress(ranked, threshold):
    """Greedy NMS of (score, box) in falling order of score."""
    kept = []
    for score, box in ranked:
        if all(iou(box, other) <= threshold for _, other in kept):
            kept.append((score, box))
    return kept


def propose_by_loop(logits, deltas, anchors, before, after, threshold, min_size):
    found = []
    for level in zip(logits, deltas, anchors):
        best = sorted(zip(*(part.astype(float) for part in level)), key=lambda item: -item[0])[:before]
        boxes = [(logit, decode_one(delta, anchor)) for logit, delta, anchor in best]
        large = [(logit, box) for logit, box in boxes if min(box[2] - box[0], box[3] - box[1]) >= min_size]
        found += suppress(large, threshold)[:after]
    return sorted(found, key=lambda item: -item[0])[:after]


def random_level(rng, count):
    corner = rng.uniform(-20, [WIDTH, HEIGHT], (count, 2))
    anchors = np.concatenate([corner, corner + rng.uniform(8, 50, (count, 2))], 1).astype(np.float32)
    return rng.normal(size=count).astype(np.float32), rng.normal(0, 0.4, (count, 4)).astype(np.float32), anchors


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 60), min_size=1, max_size=3), st.sampled_from([5, 30, 100]),
       st.sampled_from([4, 25, 80]), st.sampled_from([0.3, 0.7]), st.sampled_from([1e-3, 12.0]))
def test_equals_a_loop(seed, sizes, before, after, threshold, min_size):
    rng = np.random.default_rng(seed)
    logits, deltas, anchors = zip(*(random_level(rng, size) for size in sizes))
    found = propose(logits, deltas, anchors, HEIGHT, WIDTH, before=before, after=after, iou_threshold=threshold,
                    min_size=min_size)
    expected = propose_by_loop(logits, deltas, anchors, before, after, threshold, min_size)
    count = len(expected)
    assert found.valid.numpy().tolist() == [True] * count + [False] * (after - count)
    assert found.boxes.shape == (after, 4) and found.scores.shape == (after,)
    np.testing.assert_allclose(found.boxes[:count], np.reshape([box for _, box in expected], (-1, 4)), atol=1e-3)
    np.testing.assert_allclose(found.scores[:count], [1 / (1 + math.exp(-logit)) for logit, _ in expected], rtol=1e-5)
    assert not found.boxes[count:].numpy().any() and not found.scores[count:].numpy().any()


def simple(boxes, logits, **settings):
    """Proposals of one level whose deltas are 0."""
    boxes = np.array(boxes, np.float32)
    settings = {"before": 8, "after": 4} | settings
    found = propose((np.array(logits, np.float32),), (np.zeros_like(boxes),), (boxes,), HEIGHT, WIDTH, **settings)
    return found.boxes.numpy()[found.valid.numpy()].tolist()


def test_order_survives_a_saturated_sigmoid():
    boxes = [[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]]
    assert simple(boxes, [40, 60, 50]) == [boxes[1], boxes[2], boxes[0]]


def test_the_first_of_equal_logits_wins():
    same = [[0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10], [20, 0, 30, 9]]
    assert simple(same, [-3, -3, -3, -3]) == [same[0], same[2]]


def test_only_overlaps_above_the_threshold_suppress():
    half = [[0, 0, 20, 10], [0, 0, 10, 10]]  # IoU is exactly a half
    assert simple(half, [2, 1], iou_threshold=0.5) == half
    assert simple(half, [2, 1], iou_threshold=0.49) == half[:1]


def test_pixels_beyond_one_are_not_clipped_to_one():
    assert simple([[40, 30, 90, 70]], [0]) == [[40, 30, 90, 70]]


def test_what_clipping_leaves_without_area_is_dropped():
    outside = [[-30, 0, -10, 20], [WIDTH, 0, WIDTH + 20, 20], [0, -9, 20, 0]]
    assert simple([*outside, [-10, -10, 20, 20]], [9, 8, 7, 1]) == [[0, 0, 20, 20]]
    assert simple(outside, [9, 8, 7], min_size=0.0) == []


def test_the_least_size_itself_is_enough():
    boxes = [[0, 0, 4, 20], [40, 0, 60, 4], [0, 40, 3.75, 60], [40, 40, 60, 43.75]]
    assert simple(boxes, [4, 3, 2, 1], min_size=4.0) == boxes[:2]
    assert simple(boxes, [4, 3, 2, 1], min_size=3.75) == boxes


def test_levels_do_not_suppress_each_other():
    box = np.array([[10, 10, 40, 40]], np.float32)
    found = propose((np.array([1], np.float32), np.array([3], np.float32)), (np.zeros((1, 4)),) * 2, (box, box + 1),
                    HEIGHT, WIDTH, before=4, after=3)
    assert found.boxes.numpy().tolist() == [[11, 11, 41, 41], [10, 10, 40, 40], [0, 0, 0, 0]]


def test_of_equal_logits_the_finer_levels_comes_first():
    fine, coarse = np.array([[10, 10, 40, 40]], np.float32), np.array([[50, 10, 90, 50]], np.float32)
    found = propose((np.array([2], np.float32),) * 2, (np.zeros((1, 4)),) * 2, (fine, coarse), HEIGHT, WIDTH, before=4,
                    after=1)
    assert found.boxes.numpy().tolist() == fine.tolist()


def test_unsure_proposals_are_dropped():
    boxes = [[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [40, 1, 50, 11]]
    assert simple(boxes, [-2.9, 3, -3.1, -2.8], score_threshold=0.05) == [boxes[1], boxes[3], boxes[0]]
    assert simple(boxes[:2], [0, -0.01], score_threshold=0.5) == boxes[:1]  # the threshold itself is enough
    assert simple(boxes[:2], [-100, -200]) == boxes[:2]


def test_in_a_graph_of_unknown_length():
    spec = [(tf.TensorSpec((None,), tf.float32),), (tf.TensorSpec((None, 4), tf.float32),),
            (tf.TensorSpec((None, 4), tf.float32),), tf.TensorSpec((), tf.int32), tf.TensorSpec((), tf.int32)]
    graph = tf.function(lambda *inputs: propose(*inputs, before=20, after=6), input_signature=spec)
    assert [part.shape.as_list() for part in graph.get_concrete_function().structured_outputs] == [[6, 4], [6], [6]]
    level = random_level(np.random.default_rng(0), 50)
    eager = propose(*((part,) for part in level), HEIGHT, WIDTH, before=20, after=6)
    run = graph(*((tf.constant(part),) for part in level), tf.constant(HEIGHT), tf.constant(WIDTH))
    for one, other in zip(eager, run):
        np.testing.assert_allclose(one, other, rtol=1e-5)
