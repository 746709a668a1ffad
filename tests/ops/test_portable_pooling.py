import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.ops.portable_pooling import gather_regions
from frcnn_keras.ops.pyramid import pool_regions


def random_maps(rng, levels, batch=2, channels=3):
    return tuple(rng.normal(size=(batch, -(-28 // 2**level), -(-37 // 2**level), channels)).astype(np.float32)
                 for level in range(levels))


def random_regions(rng, batch=2, count=15):
    corner = rng.uniform(-60, 300, (batch, count, 2))
    return np.concatenate([corner, corner + rng.uniform(1, 400, (batch, count, 2)) ** rng.uniform(0.3, 1)], -1).astype(
        np.float32)


@settings(derandomize=True, deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.sampled_from(["align", "pool"]), st.sampled_from([1, 2, 7]),
       st.sampled_from([0.0, 0.5, 0.96]))
def test_equals_pooling_by_crops(seed, levels, op, size, centre):
    rng = np.random.default_rng(seed)
    maps, regions = random_maps(rng, levels), random_regions(rng)
    strides = [8.0 * 2**level for level in range(levels)]
    offsets = [centre * stride for stride in strides]
    found = gather_regions(maps, regions, strides, offsets, op, size)
    wanted = pool_regions(maps, regions, strides, offsets, op, size)
    assert found.shape == (2, 15, size, size, 3)
    np.testing.assert_allclose(found, wanted, atol=2e-4)


def test_a_ramp_gives_the_centres_of_the_bins():
    """Cell i of the map is 10 * i, centred at 4 + 8 * i pixels: the value at x is 10 * (x - 4) / 8."""
    ramp = np.tile(10 * np.arange(6, dtype=np.float32)[None, None, :, None], (1, 5, 1, 1))
    pooled = gather_regions((ramp,), np.array([[[8, 8, 24, 32]]], np.float32), [8.0], [4.0], "align", 2)
    np.testing.assert_allclose(pooled[0, 0, :, :, 0], [[10.0, 20.0]] * 2, rtol=1e-6)  # bins' centres at 12 and 20


def test_each_region_comes_from_its_level():
    maps = tuple(np.full((1, 8 - 3 * level, 9 - 4 * level, 1), level + 1.0, np.float32) for level in range(2))
    regions = np.array([[[8, 8, 40, 40], [0, 0, 112, 112]]], np.float32)  # 112 pixels belong to stride 8 ... 224 to 16
    pooled = gather_regions(maps, regions, [8.0, 16.0], [4.0, 8.0], "align", 2)
    assert pooled[0, 0].numpy().max() == 1.0
    pooled = gather_regions(maps, regions * 2, [8.0, 16.0], [4.0, 8.0], "align", 2)
    assert pooled[0, 1].numpy().max() == 2.0


def test_of_the_first_levels_alone():
    maps = random_maps(np.random.default_rng(0), 3)
    regions = random_regions(np.random.default_rng(1))
    regions[:, 0] = [0, 0, 900, 900]  # belongs to the third level, which does not count
    strides, offsets = [8.0, 16.0, 32.0], [4.0, 8.0, 16.0]
    found = gather_regions(maps, regions, strides, offsets, "align", 3, levels=2)
    np.testing.assert_array_equal(found, gather_regions(maps[:2], regions, strides[:2], offsets[:2], "align", 3))


def test_a_narrow_region_is_widened_to_min_cells():
    maps = random_maps(np.random.default_rng(0), 1)
    narrow = np.array([[[40, 40, 42, 90]], [[40, 40, 80, 41]]], np.float32)
    widened = np.array([[[40, 40, 48, 90]], [[40, 40, 80, 48]]], np.float32)
    found = gather_regions(maps, narrow, [8.0], [4.0], "align", 2, min_cells=1.0)
    np.testing.assert_allclose(found, gather_regions(maps, widened, [8.0], [4.0], "align", 2), atol=1e-5)


def test_in_a_graph_of_unknown_sizes():
    spec = [tf.TensorSpec((1, None, None, 3), tf.float32), tf.TensorSpec((1, None, 4), tf.float32)]
    graph = tf.function(lambda map_, regions: gather_regions((map_,), regions, [8.0], [4.0], "align", 2),
                        input_signature=spec)
    maps, regions = random_maps(np.random.default_rng(0), 1, 1), random_regions(np.random.default_rng(1), 1)
    wanted = pool_regions(maps, regions, [8.0], [4.0], "align", 2)
    np.testing.assert_allclose(graph(maps[0], regions), wanted, atol=2e-4)
