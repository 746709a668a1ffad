import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.ops.postprocessing import DetectedBoxes, detect, served, suppress_classes

HEIGHT, WIDTH = 80, 100
SCALES = (0.1, 0.1, 0.2, 0.2)


def decode_one(delta, region):
    delta = delta * [0.1, 0.1, 0.2, 0.2]
    width, height = region[2] - region[0], region[3] - region[1]
    x, y = region[0] + width / 2 + delta[0] * width, region[1] + height / 2 + delta[1] * height
    width, height = width * math.exp(delta[2]), height * math.exp(delta[3])
    return [min(max(x - width / 2, 0), WIDTH), min(max(y - height / 2, 0), HEIGHT),
            min(max(x + width / 2, 0), WIDTH), min(max(y + height / 2, 0), HEIGHT)]


def iou(a, b):
    shared = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def detect_by_loop(scores, deltas, regions, valid, score_threshold, iou_threshold, limit, small=None):
    """small: area, threshold, and the original image's height and width."""
    def passes(score, box):
        if small is None:
            return score > score_threshold
        area, threshold, height, width = small
        sides = (box[2] - box[0]) * width / WIDTH, (box[3] - box[1]) * height / HEIGHT
        return score > (threshold if sides[0] * sides[1] < area else score_threshold)

    found = []
    for label in range(1, scores.shape[1]):
        candidates = []
        for region in range(len(regions)):
            if valid[region]:
                box = decode_one(deltas[region, label].astype(float), regions[region].astype(float))
                if passes(scores[region, label], box) and min(box[2] - box[0], box[3] - box[1]) >= 1e-2:
                    candidates.append((scores[region, label], box, label))
        kept = []
        for candidate in sorted(candidates, key=lambda item: -item[0]):
            if all(iou(candidate[1], other[1]) <= iou_threshold for other in kept):
                kept.append(candidate)
        found += kept
    return sorted(found, key=lambda item: -item[0])[:limit]


def random_head(rng, regions, classes):
    corner = rng.uniform(0, [WIDTH, HEIGHT], (regions, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 60, (regions, 2))], 1).astype(np.float32)
    scores = tf.nn.softmax(rng.normal(0, 1.5, (regions, classes)).astype(np.float32)).numpy()
    return scores, rng.normal(size=(regions, classes, 4)).astype(np.float32), boxes, rng.random(regions) < 0.9


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.integers(2, 6), st.sampled_from([0.05, 0.3]),
       st.sampled_from([0.3, 0.5]), st.sampled_from([3, 20, 100]),
       st.sampled_from([None, (700.0, 0.4, 80, 100), (700.0, 0.1, 80, 100), (5000.0, 0.4, 400, 120)]))
def test_equals_a_loop(seed, regions, classes, score_threshold, iou_threshold, limit, small):
    inputs = random_head(np.random.default_rng(seed), regions, classes)
    more = {} if small is None else {"small_area": small[0], "small_threshold": small[1], "original": small[2:]}
    found = detect(*inputs, HEIGHT, WIDTH, score_threshold=score_threshold, iou_threshold=iou_threshold, limit=limit,
                   scales=SCALES, **more)
    expected = detect_by_loop(*inputs, score_threshold, iou_threshold, limit, small)
    count = len(expected)
    assert found.valid.numpy().tolist() == [True] * count + [False] * (limit - count)
    assert found.boxes.shape == (limit, 4)
    assert found.labels.numpy().tolist() == [label for *_, label in expected] + [0] * (limit - count)
    np.testing.assert_allclose(found.scores[:count], [score for score, *_ in expected])
    np.testing.assert_allclose(found.boxes[:count], np.reshape([box for _, box, _ in expected], (-1, 4)), atol=1e-3)
    assert not found.boxes[count:].numpy().any() and not found.scores[count:].numpy().any()


def simple(scores, regions, **settings):
    """(label, score) of what is found with deltas 0."""
    scores, regions = np.array(scores, np.float32), np.array(regions, np.float32)
    found = detect(scores, np.zeros((*scores.shape, 4), np.float32), regions, np.ones(len(regions), bool), HEIGHT,
                   WIDTH, scales=SCALES, **settings)
    valid = found.valid.numpy()
    return [(int(label), round(float(score), 3)) for label, score in zip(found.labels[valid], found.scores[valid])]


def test_one_region_may_be_found_for_several_classes():
    # also where the background is likelier than either
    assert simple([[0.5, 0.2, 0.3]], [[0, 0, 20, 20]]) == [(2, 0.3), (1, 0.2)]


def test_classes_do_not_suppress_each_other():
    same = [[0, 0, 20, 20], [0, 0, 20, 20]]
    assert simple([[0.1, 0.9, 0], [0.2, 0, 0.8]], same) == [(1, 0.9), (2, 0.8)]
    assert simple([[0.1, 0.9, 0], [0.2, 0.8, 0]], same) == [(1, 0.9)]


def test_thresholds_are_strict():
    assert simple([[0.5, 0.25, 0.25]], [[0, 0, 20, 20]], score_threshold=0.25) == []
    half = [[0, 0, 20, 10], [0, 0, 10, 10]]  # IoU is exactly a half
    assert len(simple([[0, 1], [0, 0.5]], half, iou_threshold=0.5)) == 2
    assert len(simple([[0, 1], [0, 0.5]], half, iou_threshold=0.49)) == 1


def test_threshold_zero_still_leaves_out_what_has_no_probability():
    assert simple([[0.5, 0.5, 0]], [[0, 0, 20, 20]], score_threshold=0.0) == [(1, 0.5)]


def test_regions_outside_the_image_are_not_found():
    outside = [[WIDTH, 0, WIDTH + 9, 9], [0, -9, 9, 0]]
    assert simple([[0, 1], [0, 1]], outside) == simple([[0, 1], [0, 1]], outside, min_size=0.0) == []


def test_the_least_size_itself_is_enough():
    """A side of 4 pixels stays, one of 3.75 does not, down as across."""
    regions = [[0, 0, 4, 20], [40, 0, 60, 4], [0, 40, 3.75, 60], [40, 40, 60, 43.75]]
    scores = [[0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6]]
    assert simple(scores, regions, min_size=4.0) == [(1, 0.9), (1, 0.8)]
    assert simple(scores, regions, min_size=3.75) == [(1, 0.9), (1, 0.8), (1, 0.7), (1, 0.6)]


def test_the_least_size_is_that_of_what_lies_in_the_image():
    """Of 33 x 20 pixels 3 x 20 lie in it, of 20 x 33 20 x 3."""
    regions = [[-30, 0, 3, 20], [60, HEIGHT - 3, 80, HEIGHT + 30], [20, 20, 40, 40]]
    assert simple([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]], regions, min_size=4.0) == [(1, 0.7)]


def test_the_heads_means_are_added_to_the_scaled_deltas():
    """Deltas of 1, -1, 0, 0 in units of 0.1 about 0.2, 0.1, 0, log 2: 0.3 to the right, 0 down, twice as high."""
    deltas = np.array([[[0, 0, 0, 0], [1, -1, 0, 0]]], np.float32)
    found = detect(np.array([[0.1, 0.9]], np.float32), deltas, np.array([[20, 30, 40, 50]], np.float32),
                   np.array([True]), HEIGHT, WIDTH, scales=(0.1, 0.1, 0.2, 0.2), means=(0.2, 0.1, 0.0, math.log(2)))
    np.testing.assert_allclose(found.boxes[0], [26, 20, 46, 60], atol=1e-4)


def test_what_servers_give_by_hand():
    """Fractions of the height and the width, y first, cut to the image; nothing past what is valid."""
    boxes = tf.constant([[10, 20, 50, 40], [0, 0, WIDTH + 1, HEIGHT + 1], [1, 2, 3, 4]], tf.float32)
    found = served(DetectedBoxes(boxes, tf.constant([0.9, 0.8, 0.7]), tf.constant([2, 1, 3]),
                                 tf.constant([True, True, False])), tf.constant([HEIGHT, WIDTH]))
    np.testing.assert_allclose(found["detection_boxes"], [[0.25, 0.1, 0.5, 0.5], [0, 0, 1, 1], [0] * 4], rtol=1e-6)
    np.testing.assert_allclose(found["detection_scores"], [0.9, 0.8, 0])
    assert found["detection_classes"].numpy().tolist() == [2, 1, 0] and found["num_detections"].numpy() == 2


def test_in_a_graph_of_unknown_length():
    spec = [tf.TensorSpec((None, 3), tf.float32), tf.TensorSpec((None, 3, 4), tf.float32),
            tf.TensorSpec((None, 4), tf.float32), tf.TensorSpec((None,), tf.bool), tf.TensorSpec((), tf.int32),
            tf.TensorSpec((), tf.int32)]
    graph = tf.function(lambda *inputs: detect(*inputs, limit=7, scales=SCALES), input_signature=spec)
    outputs = graph.get_concrete_function().structured_outputs
    assert [part.shape.as_list() for part in outputs] == [[7, 4], [7], [7], [7]]
    inputs = random_head(np.random.default_rng(0), 12, 3)
    for one, other in zip(detect(*inputs, HEIGHT, WIDTH, limit=7, scales=SCALES), graph(*inputs, HEIGHT, WIDTH)):
        np.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.parametrize("classes", [[2], [4, 1], [3, 2, 1, 4]])
def test_wanted_classes_keep_scores_and_boxes(classes):
    inputs = random_head(np.random.default_rng(8), 30, 5)
    settings = {"score_threshold": 0.05, "limit": 200, "scales": SCALES}
    whole = detect(*inputs, HEIGHT, WIDTH, **settings)
    part = detect(*inputs, HEIGHT, WIDTH, classes=classes, **settings)
    for label, old in enumerate(classes, 1):
        mine, theirs = part.labels == label, whole.labels == old
        assert mine.numpy().sum() > 3
        np.testing.assert_allclose(part.boxes[mine], whole.boxes[theirs], atol=1e-4)
        assert np.array_equal(part.scores[mine], whole.scores[theirs])
    assert set(part.labels[part.valid].numpy()) == set(range(1, len(classes) + 1))


def test_wanted_classes_share_the_limit():
    inputs = random_head(np.random.default_rng(8), 30, 5)
    found = detect(*inputs, HEIGHT, WIDTH, classes=[3], limit=6, scales=SCALES)
    assert found.valid.numpy().all() and set(found.labels.numpy()) == {1}


def test_without_deltas_the_regions_are_what_is_found():
    """To the bit, clipped, for every class by its score."""
    regions = np.array([[10.3, 10.1, 40.7, 30.9], [60.2, -4, 99.9, 40], [0, 0, 9, 9]], np.float32)
    scores = np.array([[0.1, 0.3, 0.6], [0.2, 0.7, 0.1], [0.0, 0.9, 0.1]], np.float32)
    valid = np.array([True, True, False])
    found = detect(scores, None, regions, valid, HEIGHT, WIDTH, scales=SCALES, means=(1, 1, 1, 1), limit=4)
    clipped = np.clip(regions, 0, [WIDTH, HEIGHT] * 2)
    assert found.boxes.numpy().tolist() == clipped[[1, 0, 0, 1]].tolist()
    assert found.labels.numpy().tolist() == [1, 2, 1, 2]
    one = detect(scores, None, regions, valid, HEIGHT, WIDTH, scales=SCALES, classes=(2,), limit=4)
    assert one.boxes.numpy()[:2].tolist() == clipped[:2].tolist() and one.valid.numpy().sum() == 2


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 50), st.integers(1, 3), st.sampled_from([2, 9, 100]))
def test_of_equal_scores_the_first_region_is_the_better(seed, regions, classes, limit):
    """As a stable sort has it, within a class and between classes; the operation itself takes any of them."""
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, 3, (regions, classes, 1)) * 100 + rng.uniform(0, 2, (regions, classes, 2))
    boxes = np.concatenate([corner, corner + 40], -1).astype(np.float32)
    scores = rng.choice([1.0, 0.9, 0.9, 0.0], (regions, classes)).astype(np.float32)
    kept = []
    for region, label in sorted(np.argwhere(scores > 0).tolist(), key=lambda place: -scores[tuple(place)]):
        box = boxes[region, label]
        if all(other[1] != label or iou(box, boxes[tuple(other)]) <= 0.5 for other in kept):
            kept.append((region, label))
    kept, count = kept[:limit], min(limit, len(kept))
    found = suppress_classes(tf.constant(boxes), tf.constant(scores), limit, 0.5)
    assert found[3] == count and not found[0][count:].numpy().any() and not found[1][count:].numpy().any()
    for place, (region, label) in enumerate(kept):
        assert np.array_equal(found[0][place], boxes[region, label])
        assert found[1][place] == scores[region, label] and found[2][place] == label


def test_no_candidate_at_all():
    boxes, scores, classes, count = suppress_classes(tf.zeros((4, 2, 4)), tf.zeros((4, 2)), 3, 0.5)
    assert count == 0 and not np.any(boxes) and not np.any(scores) and not np.any(classes)


def test_a_threshold_for_each_class():
    # two regions apart, each of both classes: of the first class .4 passes .3, of the second .35 does not pass .5
    scores = np.array([(0.25, 0.4, 0.35), (0.1, 0.2, 0.7)], np.float32)
    regions = np.array([(0, 0, 20, 20), (50, 50, 70, 70)], np.float32)
    found = detect(scores, None, regions, np.array([True, True]), HEIGHT, WIDTH, scales=SCALES, score_threshold=0.05,
                   class_thresholds=(0.3, 0.5))
    valid = found.valid.numpy()
    assert found.labels.numpy()[valid].tolist() == [2, 1]
    np.testing.assert_allclose(found.scores.numpy()[valid], [0.7, 0.4])


# 400 and 384 pixels of an image of 80 x 100; 100 and 96 of one of half its sides, 1600 and 1536 of one of twice them
SMALL_ONES = ([(0.1, 0.6, 0.3), (0.1, 0.5, 0.4)], [(0, 0, 20, 20), (50, 50, 74, 66)])


@pytest.mark.parametrize("original, area, wanted", [
    (None, 400, [(1, 0.6), (2, 0.3)]),  # 384 < 400: neither .5 nor .4 passes .55; 400 is not small: all pass .05
    (None, 401, [(1, 0.6)]), (None, 384, [(1, 0.6), (1, 0.5), (2, 0.4), (2, 0.3)]),
    ((40, 50), 100, [(1, 0.6), (2, 0.3)]), ((40, 50), 101, [(1, 0.6)]), ((160, 200), 400, None),
    ((80, 50), 200, [(1, 0.6), (2, 0.3)]), ((160, 50), 400, [(1, 0.6), (2, 0.3)]),
    ((160, 200), 1537, [(1, 0.6), (2, 0.3)])])
def test_small_boxes_are_small_in_the_original_image(original, area, wanted):
    found = simple(*SMALL_ONES, small_area=float(area), small_threshold=0.55,
                   original=None if original is None else np.array(original, np.int32))
    assert found == (wanted or [(1, 0.6), (1, 0.5), (2, 0.4), (2, 0.3)])


def test_small_boxes_pass_their_threshold_and_no_other():
    # the large one, of 400 pixels: of the first class only. The small one: of both, though below its classes'
    found = simple(*SMALL_ONES, class_thresholds=(0.55, 0.45), small_area=390.0, small_threshold=0.35)
    assert found == [(1, 0.6), (1, 0.5), (2, 0.4)]
    assert simple(*SMALL_ONES, score_threshold=0.55, small_area=390.0, small_threshold=0.45) == [(1, 0.6), (1, 0.5)]


def test_what_is_small_is_what_lies_in_the_image():
    # 40 x 20, of which half lies in it
    regions = [(-20, 0, 20, 20)]
    assert simple([[0.5, 0.5]], regions, small_area=401.0, small_threshold=0.6) == []
    assert simple([[0.5, 0.5]], regions, small_area=400.0, small_threshold=0.6) == [(1, 0.5)]


def test_thresholds_are_of_the_wanted_classes():
    scores = np.array([(0.1, 0.3, 0.6)], np.float32)
    regions = np.array([(0, 0, 20, 20)], np.float32)
    for least, labels in ((0.5, [1]), (0.7, [])):
        found = detect(scores, None, regions, np.array([True]), HEIGHT, WIDTH, scales=SCALES, classes=(2,),
                       class_thresholds=(least,))
        assert found.labels.numpy()[found.valid.numpy()].tolist() == labels
