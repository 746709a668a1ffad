import math

import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.ops.pyramid import (
    level_anchors,
    level_bases,
    level_strides,
    pool_regions,
    pyramid_anchors,
    region_levels,
)
from frcnn_keras.ops.roi import roi_pool
from tests.pooling import roi_align


def square(side, x=0.0, y=0.0):
    return [x, y, x + side, y + side]


def test_one_level_takes_every_size():
    (base,) = level_bases((32, 64), (0.5, 1, 2), 1)
    assert base.shape == (6, 4)
    sides = np.sqrt((base[:, 2] - base[:, 0]) * (base[:, 3] - base[:, 1]))
    np.testing.assert_allclose(sides, [32, 64] * 3, rtol=1e-6)


def test_several_levels_take_one_size_each():
    bases = level_bases((32, 64, 128), (0.5, 1, 2), 3)
    for base, size in zip(bases, (32, 64, 128), strict=True):
        assert base.shape == (3, 4)
        np.testing.assert_allclose((base[:, 2] - base[:, 0]) * (base[:, 3] - base[:, 1]), size**2, rtol=1e-5)
    with pytest.raises(ValueError, match="2 sizes for 3 levels"):
        level_bases((32, 64), (1,), 3)


def test_each_level_may_have_sizes_of_its_own():
    bases = level_bases(((32, 64), (128, 256)), (0.5, 1), 2, rounded=True)
    # torchvision's table: for each ratio all sizes
    assert bases[0].tolist() == [[-23, -11, 23, 11], [-45, -23, 45, 23], [-16, -16, 16, 16], [-32, -32, 32, 32]]
    assert bases[1].tolist() == [[-91, -45, 91, 45], [-181, -91, 181, 91], [-64, -64, 64, 64], [-128, -128, 128, 128]]
    (single,) = level_bases([[32, 64]], (1,), 1)
    assert np.array_equal(single, level_bases((32, 64), (1,), 1)[0])
    with pytest.raises(ValueError, match="1 sizes for 2 levels"):
        level_bases([[32, 64]], (1,), 2)
    with pytest.raises(ValueError, match="as many"):
        level_bases([[32, 64], [128]], (1,), 2)


def test_quotient_strides_by_hand():
    """800 x 1344 pixels, maps of stride 4 to 32 and the last one's even cells (torchvision's published example)."""
    shapes = ((200, 336), (100, 168), (50, 84), (25, 42), (13, 21))
    assert level_strides(shapes, (4, 8, 16, 32, 64)) == (4, 8, 16, 32, 64)
    found = level_strides(shapes, (4, 8, 16, 32, 64), "quotient")
    assert [(int(y), int(x)) for y, x in found] == [(4, 4), (8, 8), (16, 16), (32, 32), (61, 64)]
    with pytest.raises(ValueError, match="stride_rule"):
        level_strides(shapes, (4, 8, 16, 32, 64), "nominal")


@pytest.mark.parametrize("rule, last", [("given", 16), ("quotient", 13)])
def test_anchors_by_a_detectors_geometry(rule, last):
    geometry = {"strides": [8, 16], "offsets": [0, 0], "anchor_sizes": [[10], [21]], "anchor_ratios": [1],
                "anchor_rounded": True, "stride_rule": rule}

    @tf.function(input_signature=[tf.TensorSpec((2,), tf.int32)] * 2)
    def graph(fine, coarse):
        return level_anchors((fine, coarse), **geometry)

    shapes = (5, 5), (3, 3)  # 40 pixels // 3 cells = 13
    for found in (graph(*shapes), level_anchors(shapes, **geometry)):
        assert found[0].shape == (25, 4) and found[0][6].numpy().tolist() == [3, 3, 13, 13]
        # a half extent of 10.5 goes to the even 10
        assert found[1][5].numpy().tolist() == [2 * last - 10, last - 10, 2 * last + 10, last + 10]


def test_anchors_of_two_levels_by_loops():
    bases = level_bases((16, 32), (0.5, 2), 2)
    shapes, strides, offsets = ((2, 3), (1, 2)), (8, 16), (4.0, 7.5)
    found = pyramid_anchors(bases, shapes, strides, offsets)
    for size, (rows, columns), stride, offset, anchors in zip((16, 32), shapes, strides, offsets, found, strict=True):
        wanted = []
        for y in range(rows):
            for x in range(columns):
                for ratio in (0.5, 2):
                    width, height = size / math.sqrt(ratio), size * math.sqrt(ratio)
                    cx, cy = offset + stride * x, offset + stride * y
                    wanted.append([cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2])
        np.testing.assert_allclose(anchors, wanted, rtol=1e-5, atol=1e-4)


def test_anchors_of_maps_of_unknown_size():
    bases = level_bases((16, 32), (1,), 2)
    graph = tf.function(lambda a, b: pyramid_anchors(bases, (a, b), (8, 16), (4.0, 8.0)),
                        input_signature=[tf.TensorSpec((2,), tf.int32)] * 2)
    found = graph(tf.constant([3, 2]), tf.constant([1, 1]))
    for one, other in zip(found, pyramid_anchors(bases, ((3, 2), (1, 1)), (8, 16), (4.0, 8.0)), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("side, stride", [(224, 16), (223, 8), (112, 8), (111, 4), (56, 4), (10, 4), (0, 4), (447, 16),
                                          (448, 32), (2000, 32)])
def test_region_levels_by_hand(side, stride):
    strides = (4, 8, 16, 32)
    assert strides[int(region_levels(np.array([square(side, 5, 7)], np.float32), strides)[0])] == stride


def test_a_region_of_224_pixels_belongs_to_stride_16_wherever_it_lies():
    """In float32 its sides are 224 or a little less: between 512 and 1024 the numbers are 6e-5 apart."""
    starts = (np.arange(0.3, 1000, 3.7)[:, None] + [0.0, 0.11]).astype(np.float32)
    regions = np.concatenate([starts, (starts.astype(float) + 224).astype(np.float32)], 1)
    sides = regions[:, 2:] - regions[:, :2]
    assert (sides.astype(float).prod(1) < 224**2 * (1 - 2e-7)).sum() > 5  # a float32 logarithm tells them apart
    np.testing.assert_allclose(sides, 224, rtol=6e-7)
    assert region_levels(regions, (4, 8, 16, 32)).numpy().tolist() == [2] * len(regions)
    smaller = np.array([square(223.9), square(111.9, 400, 300)], np.float32)  # and what is less in truth does not
    assert region_levels(smaller, (4, 8, 16, 32)).numpy().tolist() == [1, 0]


def test_region_levels_go_by_area_and_clamp_to_the_levels():
    tall = np.array([[0, 0, 56, 896]], np.float32)  # the area of 224 x 224
    assert int(region_levels(tall, (4, 8, 16, 32))[0]) == 2
    regions = np.array([[square(10), square(112)], [square(224), square(900)]], np.float32)
    assert region_levels(regions, (8, 16)).numpy().tolist() == [[0, 0], [1, 1]]
    assert region_levels(regions, (16.0,)).numpy().tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("op", ["align", "pool"])
def test_each_region_is_pooled_from_its_level(op):
    maps = (np.full((2, 60, 60, 3), 1, np.float32), np.full((2, 30, 30, 3), 2, np.float32))
    maps[0][1], maps[1][1] = 3, 4  # the second image
    regions = np.array([[square(50, 20, 20), square(300, 30, 30)], [square(230, 100, 9), square(100, 9, 9)]],
                       np.float32)
    pooled = pool_regions(maps, regions, (8, 16), (4, 8), op=op, size=2)
    assert pooled.shape == (2, 2, 2, 2, 3)
    assert np.array_equal(pooled[..., 0, 0, 0], [[1, 2], [4, 3]])
    assert np.array_equal(pooled, np.broadcast_to(pooled[:, :, :1, :1, :1], pooled.shape))


def test_a_level_is_read_at_its_own_stride_and_offset():
    """Maps that hold x: aligned pooling of a ramp gives the bins' centres."""
    maps = tuple(np.broadcast_to((offset + stride * np.arange(cells, dtype=np.float32))[None, None, :, None],
                                 (1, cells, cells, 1)) for stride, offset, cells in ((8, 4, 60), (16, 6, 30)))
    regions = np.array([[square(40, 100, 80), square(240, 60, 60)]], np.float32)
    pooled = pool_regions(maps, regions, (8, 16), (4, 6), op="align", size=2)
    np.testing.assert_allclose(pooled[0, :, :, :, 0], [[[110, 130]] * 2, [[120, 240]] * 2], rtol=1e-5)


def pool_everywhere(maps, regions, strides, offsets, op, size):
    """Every region from every level, then the right one: six times the work, nothing to get wrong."""
    pool = {"align": roi_align, "pool": roi_pool}[op]
    level = region_levels(regions, strides)[..., None, None, None]
    pooled = tf.zeros((*regions.shape[:2], size, size, maps[0].shape[-1]))
    for index, map_ in enumerate(maps):
        pooled = tf.where(level == index, pool(map_, regions, strides[index], offsets[index], size), pooled)
    return pooled


def level_case(batch, count, seed=0, sides=(2.0, 7.0)):
    rng = np.random.default_rng(seed)
    maps = tuple(tf.constant(rng.normal(size=(batch, cells, cells + 3, 4)), tf.float32) for cells in (40, 20, 10, 5))
    corner = rng.uniform(-20, 250, (batch, count, 2))
    regions = np.concatenate([corner, corner + np.exp(rng.uniform(*sides, (batch, count, 2)))], -1)
    return maps, regions.astype(np.float32), (8, 16, 32, 64), (0, 4, 8, 16)


@pytest.mark.parametrize("op", ["align", "pool"])
@pytest.mark.parametrize("batch, count, sides", [(1, 40, (2, 7)), (3, 9, (2, 7)), (2, 8, (2, 3)), (1, 1, (6, 7)),
                                                 (2, 0, (2, 7))])
def test_pooling_equals_the_slow_form(op, batch, count, sides):
    maps, regions, strides, offsets = level_case(batch, count, 1, sides)
    graph = tf.function(lambda *maps: pool_regions(maps, regions, strides, offsets, op, 3))
    expected = pool_everywhere(maps, regions, strides, offsets, op, 3)
    for found in (pool_regions(maps, regions, strides, offsets, op, 3), graph(*maps)):
        assert found.shape == (batch, count, 3, 3, 4)
        np.testing.assert_allclose(found, expected, atol=1e-6, rtol=0)


def test_gradients_flow_to_every_map_as_in_the_slow_form():
    maps, regions, strides, offsets = level_case(2, 30)
    assert set(np.ravel(region_levels(regions, strides))) == {0, 1, 2, 3}
    weights = tf.constant(np.random.default_rng(2).normal(size=(2, 30, 3, 3, 4)), tf.float32)

    def gradients(pool):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            total = tf.reduce_sum(weights * pool(maps, regions, strides, offsets, "align", 3))
        return tape.gradient(total, maps)

    for one, other in zip(gradients(pool_regions), gradients(pool_everywhere), strict=True):
        assert np.abs(one).max() > 0.1
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_narrow_regions_are_widened_on_their_own_level():
    maps, strides, offsets = level_case(1, 1)[0], (8, 16, 32, 64), (0, 4, 8, 16)
    narrow = np.array([[[40, 40, 42, 90], [16, 40, 280, 48]]], np.float32)
    widened = np.array([[[40, 40, 48, 90], [16, 40, 280, 48]]], np.float32)
    found, wanted = (pool_regions(maps, regions, strides, offsets, "align", 2, min_cells=cells)
                     for regions, cells in ((narrow, 1.0), (widened, 0.0)))
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert np.abs(found - pool_regions(maps, narrow, strides, offsets, "align", 2))[0, 0].max() > 0.01


def test_only_the_first_levels_are_pooled_from():
    maps = tuple(np.full((1, 130, 130, 1), value, np.float32) for value in (1, 2, 3))
    regions = np.array([[square(60), square(230), square(460)]], np.float32)
    pooled = pool_regions(maps, regions, (4, 8, 16), (0, 0, 0), op="align", size=1, levels=2)
    # 230 and 460 belong to strides 16 and 32; the coarsest that counts is 8
    assert pooled[0, :, 0, 0, 0].numpy().tolist() == [1, 2, 2]
    both = tuple(np.full((1, 9, 9, 1), value, np.float32) for value in (1, 2))
    equal = pool_regions(both, regions[:, :2], (32, 32), (0, 0), op="align", size=1)
    assert np.all(equal.numpy() == 1)  # of two maps of one stride the first
