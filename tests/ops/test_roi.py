import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.ops.roi import roi_pool
from tests.pooling import roi_align


def bilinear(features, y, x):
    """One sample of (H, W, C) as torchvision takes it."""
    rows, columns, channels = features.shape
    if y < -1 or y > rows or x < -1 or x > columns:
        return np.zeros(channels)
    y, x = min(max(y, 0), rows - 1), min(max(x, 0), columns - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, rows - 1), min(left + 1, columns - 1)
    down, across = y - top, x - left
    return ((1 - down) * (1 - across) * features[top, left] + (1 - down) * across * features[top, right]
            + down * (1 - across) * features[bottom, left] + down * across * features[bottom, right])


def align_by_loop(features, region, stride, offset, size, samples):
    x1, y1, x2, y2 = ((edge - offset[axis]) / stride[axis] for edge, axis in zip(region.astype(float), (1, 0, 1, 0)))
    pooled = np.zeros((size, size, features.shape[-1]))
    for i, j, a, b in np.ndindex(size, size, samples, samples):
        y = y1 + (i + (a + 0.5) / samples) * (y2 - y1) / size
        x = x1 + (j + (b + 0.5) / samples) * (x2 - x1) / size
        pooled[i, j] += bilinear(features, y, x) / samples**2
    return pooled


@pytest.mark.parametrize("side, seen", [(0.0, 16.0), (4.0, 16.0), (16.0, 16.0), (40.0, 40.0)])
def test_align_widens_small_regions_to_min_cells(side, seen):
    """On a ramp that holds x the bins' values are their centres: of a region of `seen` pixels, to the right."""
    ramp = np.broadcast_to(16.0 * np.arange(12, dtype=np.float32)[None, None, :, None], (1, 12, 12, 1))
    regions = np.array([[[40, 40, 40 + side, 40 + side]]], np.float32)
    found = roi_align(ramp, regions, 16, 0, size=2, min_cells=1.0)[0, 0, :, :, 0]
    np.testing.assert_allclose(found, [[40 + seen / 4, 40 + seen * 3 / 4]] * 2, rtol=1e-5)
    plain = roi_align(ramp, regions, 16, 0, size=2)[0, 0, 0, :, 0]
    np.testing.assert_allclose(plain, [40 + side / 4, 40 + side * 3 / 4], rtol=1e-5)


def round_half_away(value):
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def bins_by_loop(region, stride, offset, size, shape):
    """Cells of each bin: {(i, j): [(y, x), ...]}."""
    shifted = [(edge - (offset[axis] - stride[axis] / 2)) / stride[axis]
               for edge, axis in zip(region.astype(float), (1, 0, 1, 0))]
    x1, y1, x2, y2 = (round_half_away(edge) for edge in shifted)
    height, width = max(y2 - y1 + 1, 1), max(x2 - x1 + 1, 1)
    ranges = {}
    for i, j in np.ndindex(size, size):
        ys = range(max(y1 + i * height // size, 0), min(y1 - (-(i + 1) * height) // size, shape[0]))
        xs = range(max(x1 + j * width // size, 0), min(x1 - (-(j + 1) * width) // size, shape[1]))
        ranges[i, j] = [(y, x) for y in ys for x in xs]
    return ranges


def pool_by_loop(features, region, stride, offset, size):
    pooled = np.zeros((size, size, features.shape[-1]))
    for (i, j), cells in bins_by_loop(region, stride, offset, size, features.shape).items():
        if cells:
            pooled[i, j] = np.max([features[cell] for cell in cells], 0)
    return pooled


def random_case(seed, batch, count, rows, columns, stride):
    """Maps, and regions of which half lie about the map and half far around it; edges are quarters of a pixel."""
    rng = np.random.default_rng(seed)
    maps = rng.normal(size=(batch, rows, columns, 2)).astype(np.float32)
    extent = np.array([columns * stride[1], rows * stride[0]])
    spread = rng.choice([0.6, 3.0], (batch, count, 1))
    corner = extent * (0.5 + spread * rng.uniform(-1, 1, (batch, count, 2)))
    regions = np.concatenate([corner, corner + rng.uniform(0, 1.5, (batch, count, 2)) * extent * spread], -1)
    return maps, (np.round(regions * 4) / 4).astype(np.float32)


geometries = st.sampled_from([((16, 16), (8, 8)), ((16, 16), (0, 0)), ((32, 32), (47.5, 47.5)), ((8, 16), (3, 9))])
cases = given(st.integers(0, 2**32 - 1), st.integers(1, 2), st.integers(0, 4), st.integers(1, 13), st.integers(1, 13),
              geometries, st.sampled_from([1, 2, 7]))


@settings(derandomize=True, deadline=None, max_examples=40)
@cases
def test_align_equals_a_loop(seed, batch, count, rows, columns, geometry, size):
    stride, offset = geometry
    maps, regions = random_case(seed, batch, count, rows, columns, stride)
    regions += np.float32(0.03)  # no sample exactly where the outside begins, which rounding would decide
    samples = seed % 3 + 1
    found = roi_align(maps, regions, stride, offset, size, samples).numpy()
    assert found.shape == (batch, count, size, size, 2) and found.dtype == np.float32
    for b, r in np.ndindex(batch, count):
        expected = align_by_loop(maps[b], regions[b, r], stride, offset, size, samples)
        np.testing.assert_allclose(found[b, r], expected, atol=2e-4)


@settings(derandomize=True, deadline=None, max_examples=50)
@cases
def test_pool_equals_a_loop(seed, batch, count, rows, columns, geometry, size):
    stride, offset = geometry
    maps, regions = random_case(seed, batch, count, rows, columns, stride)
    found = roi_pool(maps, regions, stride, offset, size).numpy()
    assert found.shape == (batch, count, size, size, 2) and found.dtype == np.float32
    for b, r in np.ndindex(batch, count):
        np.testing.assert_array_equal(found[b, r], pool_by_loop(maps[b], regions[b, r], stride, offset, size))


def test_align_on_a_ramp_by_hand():
    # the map holds the image coordinate of each cell's centre, so every bin averages to that of its own centre
    y, x = np.meshgrid(np.arange(9) * 16 + 8.0, np.arange(11) * 16 + 8.0, indexing="ij")
    region = np.array([[[20, 30, 90, 100]]], np.float32)
    pooled = roi_align(np.stack([y, x], -1)[None], region, 16, 8, size=7).numpy()[0, 0]
    np.testing.assert_allclose(pooled[:, 0, 0], 30 + (np.arange(7) + 0.5) * 10, atol=1e-3)
    np.testing.assert_allclose(pooled[0, :, 1], 20 + (np.arange(7) + 0.5) * 10, atol=1e-3)


def test_align_outside():
    ones = np.ones((1, 3, 3, 1), np.float32)

    def at(x):  # the mean of one sample, at x cells
        return float(roi_align(ones, [[[x - 0.5, 0.5, x + 0.5, 1.5]]], 1, 0, size=1, samples=1).numpy().squeeze())

    assert [at(x) for x in (-9, -1.01, -0.99, 1, 2.99, 3.01, 9)] == [0, 0, 1, 1, 1, 0, 0]


def test_pool_rounds_halves_away_from_zero():
    row = np.arange(1.0, 7.0, dtype=np.float32).reshape(1, 1, 6, 1)
    # 8 / 16 is 1, 40 / 16 is 3 (to the even number they would be 0 and 2): cells 1, 2, 3
    pooled = roi_pool(row, [[[8.0, 0, 40, 0]]], 16, 8, size=3).numpy()
    assert pooled[0, 0, 0, :, 0].tolist() == [2, 3, 4]


def test_pool_of_a_region_beyond_the_map_is_zero():
    maps = np.full((1, 4, 4, 1), -5.0, np.float32)
    assert not roi_pool(maps, [[[200.0, 0, 260, 30]]], 16, 8).numpy().any()
    assert (roi_pool(maps, [[[-500.0, -500, 500, 500]]], 16, 8, size=1).numpy() == -5).all()


@pytest.mark.parametrize("pool", [roi_align, roi_pool])
def test_batch_equals_singles(pool):
    maps, regions = random_case(3, 3, 5, 7, 9, (16, 16))
    together = pool(maps, regions, 16, 8).numpy()
    for b in range(3):
        np.testing.assert_allclose(pool(maps[b:b + 1], regions[b:b + 1], 16, 8)[0], together[b], atol=1e-6)


@pytest.mark.parametrize("pool", [roi_align, roi_pool])
def test_in_a_graph_of_unknown_shape(pool):
    graph = tf.function(lambda maps, regions: pool(maps, regions, 16, 8, size=3), input_signature=[
        tf.TensorSpec((None, None, None, 2), tf.float16), tf.TensorSpec((None, None, 4), tf.float32)])
    for case in ((1, 2, 4, 5, 9, (16, 16)), (2, 1, 3, 8, 2, (16, 16)), (3, 1, 0, 4, 4, (16, 16))):
        maps, regions = random_case(*case)
        maps = maps.astype(np.float16)
        np.testing.assert_allclose(graph(maps, regions), pool(maps, regions, 16, 8, size=3), atol=1e-4)
    assert graph.get_concrete_function().structured_outputs.shape.as_list()[2:] == [3, 3, 2]


@pytest.mark.parametrize("in_graph", [False, True])
def test_align_gradient_is_the_transpose(in_graph):
    # pooling is linear in the map: <weights, pool(f)> = <gradient, f> for every f
    maps, regions = random_case(5, 2, 6, 7, 9, (16, 16))
    rng = np.random.default_rng(6)
    weights = tf.constant(rng.normal(size=(2, 6, 7, 7, 2)), tf.float32)

    def gradient(maps):
        return tf.gradients(weights * roi_align(maps, regions, 16, 8), maps)[0]

    def eager_gradient(maps):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            pooled = roi_align(maps, regions, 16, 8)
        return tape.gradient(pooled, maps, output_gradients=weights)

    found = (tf.function(gradient) if in_graph else eager_gradient)(tf.constant(maps))
    other = rng.normal(size=maps.shape).astype(np.float32)
    expected = np.sum(weights.numpy() * roi_align(other, regions, 16, 8).numpy())
    assert np.sum(found.numpy() * other) == pytest.approx(expected, abs=1e-2)


@pytest.mark.parametrize("in_graph", [False, True])
def test_pool_gradient_goes_to_the_cell_that_won(in_graph):
    maps, regions = random_case(8, 2, 6, 7, 9, (16, 16))

    def gradient(maps):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            pooled = roi_pool(maps, regions, 16, 8, size=3)
        return tape.gradient(pooled, maps)

    found = tf.convert_to_tensor((tf.function(gradient) if in_graph else gradient)(tf.constant(maps))).numpy()
    expected = np.zeros_like(maps)
    for b, r in np.ndindex(2, 6):
        for cells in bins_by_loop(regions[b, r], (16, 16), (8, 8), 3, maps.shape[1:]).values():
            for channel in range(2 if cells else 0):
                y, x = max(cells, key=lambda cell: maps[b, cell[0], cell[1], channel])
                expected[b, y, x, channel] += 1
    np.testing.assert_array_equal(found, expected)
