import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.ops.means import map_mean


def wrong_by(found, maps):
    """The largest error against float64, relative to the largest mean."""
    exact = maps.astype(np.float64).mean((-3, -2), keepdims=True)
    return np.abs(np.asarray(found, np.float64) - exact).max() / np.abs(exact).max()


@pytest.mark.parametrize("shape", [(1, 272, 200, 9), (1, 400, 672, 4), (1, 1344, 800, 1)])
def test_equal_numbers_keep_their_mean(shape):
    """tf.reduce_mean over both axes is wrong by up to 4.8e-4 here, over one and then the other by 2.3e-6."""
    maps = np.full(shape, 0.3, np.float32)
    assert wrong_by(map_mean(maps), maps) < 5e-7


@pytest.mark.parametrize("spread", ["dark", "bright", "one bright half", "sparse"])
def test_other_maps_lose_no_more_than_roundings(spread):
    rng = np.random.default_rng(0)
    maps = rng.uniform(0, 1, (2, 400, 300, 4)).astype(np.float32)
    halves = np.where(np.arange(400)[:, None, None] < 200, 0.1, 200.0).astype(np.float32) + 0 * maps
    maps = {"dark": maps * np.float32(1e-3) + np.float32(0.01), "bright": maps + 250, "one bright half": halves,
            "sparse": maps * (maps > 0.99)}[spread]
    assert maps.dtype == np.float32 and wrong_by(map_mean(maps), maps) < 3e-7


def test_its_gradient_is_an_equal_share():
    maps = tf.constant(np.random.default_rng(0).normal(size=(2, 3, 5, 2)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        total = tf.reduce_sum(map_mean(maps)[:, 0, 0] * tf.constant([1.0, 10.0]))
    np.testing.assert_allclose(tape.gradient(total, maps), np.broadcast_to([1 / 15, 10 / 15], (2, 3, 5, 2)), rtol=1e-6)


def test_without_a_batch():
    picture = np.random.default_rng(1).uniform(0, 255, (7, 4, 1)).astype(np.float32)
    assert map_mean(picture).shape == (1, 1, 1) and wrong_by(map_mean(picture), picture) < 3e-7


@pytest.mark.parametrize("size", [(1, 1), (15, 16), (16, 17), (33, 1), (1, 50)])
def test_sizes_about_a_block(size):
    """What fills the last block up counts for nothing, known sizes and unknown ones alike."""
    maps = np.random.default_rng(2).normal(3, 1, (2, *size, 3)).astype(np.float32)
    any_size = tf.function(map_mean, input_signature=[tf.TensorSpec((None, None, None, 3))])
    assert wrong_by(map_mean(maps), maps) < 3e-7 and wrong_by(any_size(maps), maps) < 3e-7
    assert any_size.get_concrete_function().output_shapes.as_list() == [None, 1, 1, 3]


def test_half_precision_does_not_overflow():
    assert np.all(map_mean(tf.fill((1, 64, 64, 2), tf.constant(1000, tf.float16))).numpy() == 1000)
