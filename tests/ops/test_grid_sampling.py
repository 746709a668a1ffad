import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.ops.grid_sampling import sample_grids


def drawn(seed, rows, columns, count, batch=2, channels=3):
    """Maps, boxes partly outside, and which map each is on."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-0.3, 1.3, (count, 2, 2))
    boxes = np.concatenate([corners.min(1), corners.max(1)], 1).astype(np.float32)
    return rng.normal(size=(batch, rows, columns, channels)).astype(np.float32), boxes, rng.integers(0, batch, count)


def slow_gradient(shape, boxes, images, upstream):
    """Sample by sample, in float64."""
    gradient = np.zeros(shape)
    points = upstream.shape[1]
    for number, (y1, x1, y2, x2) in enumerate(boxes.astype(np.float64)):
        for i in range(points):
            for j in range(points):
                y = (y1 + (y2 - y1) * i / (points - 1)) * (shape[1] - 1)
                x = (x1 + (x2 - x1) * j / (points - 1)) * (shape[2] - 1)
                if not (0 <= y <= shape[1] - 1 and 0 <= x <= shape[2] - 1):
                    continue
                top, left = int(y), int(x)
                for row, row_weight in ((top, 1 - (y - top)), (top + 1, y - top)):
                    for column, column_weight in ((left, 1 - (x - left)), (left + 1, x - left)):
                        if row_weight and column_weight:
                            gradient[images[number], row, column] += row_weight * column_weight * upstream[number, i, j]
    return gradient


def gradient_of(sample, maps, upstream):
    maps = tf.constant(maps)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        total = tf.reduce_sum(sample(maps) * upstream)
    return tape.gradient(total, maps).numpy()


@settings(derandomize=True, deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(2, 9), st.integers(2, 9), st.integers(0, 7), st.sampled_from([2, 3, 14]))
def test_samples_are_tensorflows_and_the_gradient_is_that_of_the_slow_loop(seed, rows, columns, count, points):
    maps, boxes, images = drawn(seed, rows, columns, count)
    upstream = np.random.default_rng(seed + 1).normal(size=(count, points, points, 3)).astype(np.float32)
    found = sample_grids(maps, boxes, images, points)
    np.testing.assert_array_equal(found, tf.image.crop_and_resize(maps, boxes, images, (points, points)))
    gradient = gradient_of(lambda maps: sample_grids(maps, boxes, images, points), maps, upstream)
    np.testing.assert_allclose(gradient, slow_gradient(maps.shape, boxes, images, upstream), atol=2e-4)


def test_cells_hit_exactly_give_all_to_themselves():
    maps = np.zeros((1, 3, 3, 1), np.float32)
    gradient = gradient_of(lambda maps: sample_grids(maps, [[0.0, 0, 1, 1]], [0], 3), maps, np.ones((1, 3, 3, 1)))
    np.testing.assert_array_equal(gradient, np.ones((1, 3, 3, 1)))


def test_no_gradient_to_boxes():
    maps, boxes, images = drawn(0, 5, 6, 3)
    boxes = tf.constant(boxes)
    with tf.GradientTape() as tape:
        tape.watch(boxes)
        total = tf.reduce_sum(sample_grids(maps, boxes, images, 4))
    assert tape.gradient(total, boxes) is None


@pytest.mark.parametrize("graph", [False, True])
def test_the_same_every_time_in_graphs_of_any_size_too(graph):
    maps, boxes, images = drawn(1, 20, 30, 64, channels=16)
    upstream = np.random.default_rng(2).normal(size=(64, 14, 14, 16)).astype(np.float32)

    def gradient(maps, boxes, images):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            total = tf.reduce_sum(sample_grids(maps, boxes, images, 14) * upstream)
        return tape.gradient(total, maps)

    if graph:
        gradient = tf.function(gradient, input_signature=[
            tf.TensorSpec((None, None, None, 16)), tf.TensorSpec((None, 4)), tf.TensorSpec((None,), tf.int32)])
    arguments = tf.constant(maps), tf.constant(boxes), tf.constant(images, tf.int32)
    first = gradient(*arguments).numpy()
    assert all(np.array_equal(gradient(*arguments), first) for _ in range(20))
