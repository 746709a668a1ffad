import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.ops.anchors import base_anchors, grid_anchors, inside

# half widths and half heights of torchvision's anchors for ratios 0.5, 1, 2
TORCHVISION = {
    32: [(23, 11), (16, 16), (11, 23)],
    64: [(45, 23), (32, 32), (23, 45)],
    128: [(91, 45), (64, 64), (45, 91)],
    256: [(181, 91), (128, 128), (91, 181)],
    512: [(362, 181), (256, 256), (181, 362)],
}


@pytest.mark.parametrize("size", TORCHVISION)
def test_rounded_are_torchvisions(size):
    expected = [[-w, -h, w, h] for w, h in TORCHVISION[size]]
    assert base_anchors((size,), (0.5, 1, 2), rounded=True).tolist() == expected


def test_order_is_ratio_major():
    several = base_anchors(tuple(TORCHVISION), (0.5, 1, 2), rounded=True)
    expected = [[-w, -h, w, h] for r in range(3) for w, h in (TORCHVISION[size][r] for size in TORCHVISION)]
    assert several.tolist() == expected and several.dtype == np.float32


def test_area_and_ratio():
    for (x1, y1, x2, y2), (ratio, size) in zip(
            base_anchors((30, 77), (0.4, 1, 3)), [(r, s) for r in (0.4, 1, 3) for s in (30, 77)]):
        assert (x1 + x2, y1 + y2) == (0, 0)
        assert (x2 - x1) * (y2 - y1) == pytest.approx(size**2, rel=1e-5)
        assert (y2 - y1) / (x2 - x1) == pytest.approx(ratio, rel=1e-5)  # 3 is tall


def test_a_half_rounds_to_the_even_number():
    assert base_anchors((5, 7), (1,), rounded=True).tolist() == [[-2, -2, 2, 2], [-4, -4, 4, 4]]


@pytest.mark.parametrize("stride, offset", [(16, 8), (16, 0), (32.0, 47.5), ((16, 8), (7.5, 3)), ([4, 2], 1)])
def test_grid_by_loop(stride, offset):
    base = base_anchors((16, 40), (0.5, 2))
    sy, sx = stride if isinstance(stride, (tuple, list)) else (stride, stride)
    oy, ox = offset if isinstance(offset, (tuple, list)) else (offset, offset)
    expected = [base[k] + np.array([ox + x * sx, oy + y * sy] * 2)
                for y in range(3) for x in range(5) for k in range(4)]
    np.testing.assert_allclose(grid_anchors(base, 3, 5, stride, offset), expected, atol=1e-4)


def test_grid_of_a_size_known_only_when_run():
    base = base_anchors((16,), (1,))
    graph = tf.function(lambda rows, columns: grid_anchors(base, rows, columns, 16, 8), reduce_retracing=True)
    for rows, columns in ((2, 3), (1, 1), (0, 4)):
        np.testing.assert_array_equal(graph(tf.constant(rows), tf.constant(columns)),
                                      grid_anchors(base, rows, columns, 16, 8))


def test_inside_counts_the_border_itself():
    anchors = [[0, 0, 100, 60], [-0.1, 0, 10, 10], [0, -0.1, 10, 10], [90, 50, 100.1, 60], [90, 50, 100, 60.1]]
    assert inside(np.array(anchors, np.float32), 60, 100).numpy().tolist() == [True, False, False, False, False]
