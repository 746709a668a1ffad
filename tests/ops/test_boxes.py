import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from frcnn_keras.ops import boxes

quick = settings(derandomize=True, deadline=None, max_examples=40)


def whole_boxes(rng, count):
    """Boxes with whole edges on a 12 x 12 grid; some have no area."""
    corners = np.sort(rng.integers(0, 13, (count, 2, 2)), axis=1)
    return corners.reshape(count, 4).astype(np.float32)


def cells(box):
    """The set of grid cells that a box with whole edges covers."""
    x1, y1, x2, y2 = box.astype(int)
    return {(x, y) for x in range(x1, x2) for y in range(y1, y2)}


@quick
@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.integers(0, 6))
def test_overlaps_equal_counted_cells(seed, n, m):
    rng = np.random.default_rng(seed)
    first, second = whole_boxes(rng, n), whole_boxes(rng, m)
    iou, coverage = boxes.iou(first, second).numpy(), boxes.coverage(first, second).numpy()
    assert iou.shape == coverage.shape == (n, m)
    assert boxes.area(first).numpy().tolist() == [len(cells(box)) for box in first]
    for i in range(n):
        for j in range(m):
            a, b = cells(first[i]), cells(second[j])
            assert iou[i, j] == pytest.approx(len(a & b) / len(a | b) if a | b else 0)
            assert coverage[i, j] == pytest.approx(len(a & b) / len(a) if a else 0)


def test_boxes_that_touch_do_not_overlap_and_there_is_no_plus_one():
    box = np.array([[10, 10, 20, 30]], np.float32)
    assert boxes.area(box).numpy().tolist() == [200]
    assert boxes.iou(box, box).numpy().tolist() == [[1]]
    assert boxes.iou(box, [[20.0, 10, 30, 30]]).numpy().tolist() == [[0]]


def test_encode_by_hand():
    # the anchor is 10 x 20 around (5, 10), the box 20 x 10 around (15, 25)
    deltas = boxes.encode([[5.0, 20, 25, 30]], [[0.0, 0, 10, 20]])
    np.testing.assert_allclose(deltas, [[10 / 10, 15 / 20, math.log(2), math.log(0.5)]], rtol=1e-6)
    scaled = boxes.encode([[5.0, 20, 25, 30]], [[0.0, 0, 10, 20]], (0.1, 0.1, 0.2, 0.2))
    np.testing.assert_allclose(scaled, [[10, 7.5, math.log(2) / 0.2, math.log(0.5) / 0.2]], rtol=1e-5)


def test_decode_by_hand():
    # 10 x 20 around (5, 10), moved by (5, -10), twice as wide and half as high
    decoded = boxes.decode([[0.5, -0.5, math.log(2), math.log(0.5)]], [[0.0, 0, 10, 20]])
    np.testing.assert_allclose(decoded, [[0, -5, 20, 5]], atol=1e-5)
    assert boxes.decode(np.zeros((1, 4)), [[1.0, 2, 3, 4]]).numpy().tolist() == [[1, 2, 3, 4]]


def test_decode_clamps_growth_but_not_shrinking():
    grown = boxes.decode([[0.0, 0, 1000, 1000]], [[0.0, 0, 16, 32]]).numpy()[0]
    np.testing.assert_allclose(grown, [8 - 500, 16 - 1000, 8 + 500, 16 + 1000], rtol=1e-5)
    shrunk = boxes.decode([[0.0, 0, -5, -5]], [[0.0, 0, 16, 16]]).numpy()[0]
    assert shrunk[2] - shrunk[0] == pytest.approx(16 * math.exp(-5), rel=1e-3)


@quick
@given(st.integers(0, 2**32 - 1), st.sampled_from([(1.0, 1.0, 1.0, 1.0), (0.1, 0.1, 0.2, 0.2)]))
def test_decode_undoes_encode(seed, scales):
    rng = np.random.default_rng(seed)
    corners, sizes = rng.uniform(-50, 900, (2, 8, 2)), rng.uniform(4, 200, (2, 8, 2))
    some, anchors = np.concatenate([corners, corners + sizes], -1).astype(np.float32)
    np.testing.assert_allclose(boxes.decode(boxes.encode(some, anchors, scales), anchors, scales), some, atol=2e-2)


def test_clip_flip_rescale_by_hand():
    some = np.array([[-5, 10, 50, 99], [120, 120, 130, 140], [10, 20, 30, 40]], np.float32)
    assert boxes.clip(some, 60, 100).numpy().tolist() == [[0, 10, 50, 60], [100, 60, 100, 60], [10, 20, 30, 40]]
    assert boxes.flip(some, 100).numpy().tolist() == [[50, 10, 105, 99], [-30, 120, -20, 140], [70, 20, 90, 40]]
    assert boxes.flip(boxes.flip(some, 100), 100).numpy().tolist() == some.tolist()
    assert boxes.rescale(some[2:], 2, 0.5).numpy().tolist() == [[20, 10, 60, 20]]


def test_leading_axes_and_unknown_shapes():
    rng = np.random.default_rng(0)
    deltas = rng.normal(size=(3, 5, 4)).astype(np.float32)
    regions = np.array([[[0, 0, 10, 10]], [[5, 5, 9, 9]], [[1, 2, 3, 4]]], np.float32)  # (3, 1, 4)
    one_by_one = [[boxes.decode(deltas[i, j], regions[i, 0]).numpy() for j in range(5)] for i in range(3)]
    np.testing.assert_allclose(boxes.decode(deltas, regions), one_by_one, rtol=1e-6)

    spec = tf.TensorSpec((None, 4), tf.float32)
    graph = tf.function(boxes.iou, input_signature=[spec, spec])
    assert graph(regions[:, 0], np.zeros((0, 4), np.float32)).shape == (3, 0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_boxes_lie_where_pillow_turns_the_pixels_to(orientation):
    image = np.zeros((30, 50), np.uint8)
    image[4:11, 20:45] = 255  # x1 20, y1 4, x2 45, y2 11
    stored = Image.fromarray(image)
    stored.getexif()[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(stored))
    rows, columns = np.flatnonzero(upright.any(1)), np.flatnonzero(upright.any(0))
    expected = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    assert boxes.turn(np.array([[20, 4, 45, 11]]), orientation, 30, 50).tolist() == [expected]


def test_means_by_hand_and_back():
    """The anchor is 10 x 20 around (5, 10), the box 20 x 10 around (15, 25)."""
    scales, means = (0.1, 0.5, 0.2, 0.4), (0.25, -0.25, 0.1, -0.3)
    found = boxes.encode([[5.0, 20, 25, 30]], [[0.0, 0, 10, 20]], scales, means)
    wanted = [(1 - 0.25) / 0.1, (0.75 + 0.25) / 0.5, (math.log(2) - 0.1) / 0.2, (math.log(0.5) + 0.3) / 0.4]
    np.testing.assert_allclose(found, [wanted], rtol=1e-5)
    np.testing.assert_allclose(boxes.decode(found, [[0.0, 0, 10, 20]], scales, means), [[5, 20, 25, 30]], atol=1e-4)
    at_rest = boxes.decode([[0.0, 0, 0, 0]], [[0.0, 0, 10, 20]], scales, (0.5, -0.25, 0, math.log(0.5)))
    np.testing.assert_allclose(at_rest, [[5, 0, 15, 10]], atol=1e-5)
