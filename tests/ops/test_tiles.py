import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.ops.tiles import cut_tiles

SETTINGS = settings(derandomize=True, deadline=None, max_examples=40)


def loop(maps, indices, anchors_per_position):
    """The tiles by loops over levels, rows, columns and anchors."""
    tiles = []
    for map in maps:
        rows, columns, channels = map.shape
        for y in range(rows):
            for x in range(columns):
                tile = np.zeros((3, 3, channels), map.dtype)
                for down in range(3):
                    for right in range(3):
                        if 0 <= y + down - 1 < rows and 0 <= x + right - 1 < columns:
                            tile[down, right] = map[y + down - 1, x + right - 1]
                tiles += [(tile, anchor) for anchor in range(anchors_per_position)]
    return np.stack([tiles[i][0] for i in indices]), np.array([tiles[i][1] for i in indices])


def random_maps(rng, sizes, channels, dtype=np.float32):
    return tuple(rng.normal(size=(*size, channels)).astype(dtype) for size in sizes)


SIZES = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=4)


@SETTINGS
@given(seed=st.integers(0, 10**6), sizes=SIZES, per_position=st.integers(1, 9), channels=st.integers(1, 4))
def test_equals_a_loop(seed, sizes, per_position, channels):
    rng = np.random.default_rng(seed)
    maps = random_maps(rng, sizes, channels)
    count = per_position * sum(rows * columns for rows, columns in sizes)
    indices = rng.integers(0, count, 40).astype(np.int32)
    indices[:2] = 0, count - 1
    tiles, anchors = cut_tiles(maps, indices, per_position)
    wanted_tiles, wanted_anchors = loop(maps, indices, per_position)
    assert np.array_equal(tiles, wanted_tiles) and np.array_equal(anchors, wanted_anchors)
    assert tiles.shape == (40, 3, 3, channels) and anchors.dtype == tf.int32


def test_corner_by_hand():
    map = np.arange(1, 7, dtype=np.float32).reshape(2, 3, 1)  # 1 2 3 / 4 5 6
    tiles, anchors = cut_tiles((map,), np.array([0, 11], np.int32), 2)
    assert tiles[0, ..., 0].numpy().tolist() == [[0, 0, 0], [0, 1, 2], [0, 4, 5]]
    assert tiles[1, ..., 0].numpy().tolist() == [[2, 3, 0], [5, 6, 0], [0, 0, 0]]
    assert anchors.numpy().tolist() == [0, 1]


def test_float16_stays_to_the_bit():
    maps = random_maps(np.random.default_rng(0), [(4, 5)], 3, np.float16)
    tiles, _ = cut_tiles(maps, np.array([21], np.int32), 3)  # position 7: row 1, column 2
    assert tiles.dtype == tf.float16 and np.array_equal(tiles[0], maps[0][:3, 1:4])


def test_no_indices():
    tiles, anchors = cut_tiles(random_maps(np.random.default_rng(0), [(2, 2)], 3), np.zeros(0, np.int32), 3)
    assert tiles.shape == (0, 3, 3, 3) and anchors.shape == (0,)


@pytest.mark.parametrize("channels", [3, None])
def test_in_a_graph_of_unknown_shape(channels):
    spec = [[tf.TensorSpec((None, None, channels))] * 2, tf.TensorSpec((None,), tf.int32)]
    graph = tf.function(lambda maps, indices: cut_tiles(maps, indices, 2), input_signature=spec)
    maps = random_maps(np.random.default_rng(1), [(3, 4), (2, 2)], 3)
    indices = np.arange(32, dtype=np.int32)
    tiles, anchors = graph(list(map(tf.constant, maps)), tf.constant(indices))
    wanted_tiles, wanted_anchors = loop(maps, indices, 2)
    assert np.array_equal(tiles, wanted_tiles) and np.array_equal(anchors, wanted_anchors)
