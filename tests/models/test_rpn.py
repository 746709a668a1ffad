import keras
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.errors import InputError
from frcnn_keras.models.rpn import RPN
from frcnn_keras.ops.tiles import cut_tiles


def rpn_of(anchors_per_position, channels, hidden=16, seed=0, deviation=0.2):
    """An RPN with weights and biases large enough to matter everywhere."""
    rpn = RPN(anchors_per_position, hidden)
    rpn.build((None, None, None, channels))
    rng = np.random.default_rng(seed)
    rpn.set_weights([rng.normal(0, deviation, weight.shape).astype(np.float32) for weight in rpn.weights])
    return rpn


def zeroed(anchors_per_position, channels, hidden):
    rpn = rpn_of(anchors_per_position, channels, hidden)
    rpn.set_weights([np.zeros(weight.shape, np.float32) for weight in rpn.weights])
    return rpn


def maps_of(sizes, channels, batch=1, seed=1):
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=(batch, *size, channels)).astype(np.float32) for size in sizes)


SIZES = [[(7, 9)], [(8, 6)], [(8, 9)], [(1, 1)], [(1, 5)], [(2, 1)], [(38, 63)], [(12, 16), (6, 8), (3, 4), (2, 2)],
         [(13, 17), (7, 9), (4, 5)]]


@pytest.mark.parametrize("per_position", [1, 3, 9, 15])
@pytest.mark.parametrize("sizes", SIZES)
def test_tiles_equal_the_whole_map_at_every_position(sizes, per_position):
    rpn = rpn_of(per_position, 6)
    maps = maps_of(sizes, 6)
    logits, deltas = rpn(maps)
    count = per_position * sum(rows * columns for rows, columns in sizes)
    tiles, anchors = cut_tiles(tuple(map[0] for map in maps), np.arange(count, dtype=np.int32), per_position)
    tile_logits, tile_deltas = rpn.on_tiles(tiles, anchors)
    assert tile_logits.shape == (count,) and tile_deltas.shape == (count, 4)
    np.testing.assert_allclose(tile_logits, np.concatenate([level[0] for level in logits]), atol=1e-5, rtol=0)
    np.testing.assert_allclose(tile_deltas, np.concatenate([level[0] for level in deltas]), atol=1e-5, rtol=0)


def test_the_whole_map_by_loops():
    """Zero-padded 3x3 convolution, ReLU, two 1x1 products, by loops in float64."""
    rpn, (map,) = rpn_of(2, 3, hidden=5), maps_of([(4, 3)], 3)
    kernel, bias, score_kernel, score_bias, box_kernel, box_bias = (w.astype(np.float64) for w in rpn.get_weights())
    logits, deltas = rpn((map,))
    padded = np.pad(map[0], ((1, 1), (1, 1), (0, 0))).astype(np.float64)
    for y in range(4):
        for x in range(3):
            hidden = np.maximum(np.einsum("abc,abch->h", padded[y:y + 3, x:x + 3], kernel) + bias, 0)
            here = (y * 3 + x) * 2
            np.testing.assert_allclose(logits[0][0, here:here + 2], hidden @ score_kernel[0, 0] + score_bias, atol=1e-5)
            np.testing.assert_allclose(tf.reshape(deltas[0][0, here:here + 2], (8,)),
                                       hidden @ box_kernel[0, 0] + box_bias, atol=1e-5)


def test_deeper_convolutions_follow_one_another():
    """3x3 convolutions, each with bias and ReLU or without, by TensorFlow's own convolution."""
    (map,) = maps_of([(5, 6)], 3)
    for depth, activation, least in ((2, "relu", 0), (3, "relu", 0), (2, "linear", -np.inf)):
        rpn = RPN(2, 4, depth, activation)
        rpn.build((None, None, None, 3))
        rng = np.random.default_rng(depth)
        rpn.set_weights([rng.normal(0, 0.3, weight.shape).astype(np.float32) for weight in rpn.weights])
        hidden = map
        for layer in (rpn.convolution, *rpn.deeper):
            plain = tf.nn.conv2d(hidden, np.asarray(layer.kernel), 1, "SAME") + np.asarray(layer.bias)
            hidden = np.maximum(plain, least)
        logits, deltas = rpn((map,))
        kernels = [np.asarray(layer.kernel)[0, 0] for layer in (rpn.objectness, rpn.deltas)]
        np.testing.assert_allclose(logits[0], np.reshape(hidden @ kernels[0] + rpn.objectness.bias, (1, -1)), atol=1e-4)
        np.testing.assert_allclose(deltas[0], np.reshape(hidden @ kernels[1] + rpn.deltas.bias, (1, -1, 4)), atol=1e-4)
        with pytest.raises(InputError, match=f"{depth} convolutions cannot be trained on 3x3 tiles"):
            rpn.on_tiles(np.zeros((1, 3, 3, 3), np.float32), np.array([0]))


def test_channels_are_anchor_major():
    rpn = zeroed(3, 2, 1)
    rpn.objectness.bias.assign(np.array([10, 20, 30], np.float32))
    rpn.deltas.bias.assign(np.arange(12, dtype=np.float32))
    logits, deltas = rpn(maps_of([(2, 2)], 2))
    assert logits[0][0].numpy().tolist() == [10, 20, 30] * 4
    assert deltas[0][0].numpy().tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]] * 4
    tile_logits, tile_deltas = rpn.on_tiles(np.zeros((2, 3, 3, 2), np.float32), np.array([2, 0]))
    assert tile_logits.numpy().tolist() == [30, 10]
    assert tile_deltas.numpy().tolist() == [[8, 9, 10, 11], [0, 1, 2, 3]]


def test_positions_go_row_by_row():
    rpn = zeroed(1, 1, 1)
    kernel = np.zeros((3, 3, 1, 1), np.float32)
    kernel[1, 1] = 1  # the centre alone
    rpn.convolution.kernel.assign(kernel)
    rpn.objectness.kernel.assign(np.ones((1, 1, 1, 1), np.float32))
    map = np.arange(1, 7, dtype=np.float32).reshape(1, 2, 3, 1)
    assert rpn((map,))[0][0].numpy().tolist() == [[1, 2, 3, 4, 5, 6]]


def test_a_batch_equals_its_images():
    rpn, maps = rpn_of(3, 4), maps_of([(5, 4), (3, 2)], 4, batch=3)
    together = rpn(maps)
    for image in range(3):
        alone = rpn(tuple(map[image:image + 1] for map in maps))
        for one, all_of_them in zip(tf.nest.flatten(alone), tf.nest.flatten(together), strict=True):
            np.testing.assert_allclose(one[0], all_of_them[image], atol=1e-5)


def test_gradients_reach_every_weight_from_tiles_as_from_the_map():
    rpn, (map,) = rpn_of(2, 3), maps_of([(3, 4)], 3)
    tiles, anchors = cut_tiles((map[0],), np.arange(24, dtype=np.int32), 2)

    def gradients(outputs):
        with tf.GradientTape() as tape:
            logits, deltas = outputs()
            total = tf.reduce_sum(tf.square(logits)) + tf.reduce_sum(tf.square(deltas))
        return tape.gradient(total, rpn.trainable_variables)

    whole = gradients(lambda: [tf.concat(part, 1) for part in rpn((map,))])
    for one, other in zip(gradients(lambda: rpn.on_tiles(tiles, anchors)), whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)


def test_new_weights_are_the_papers():
    rpn = RPN(9, 256)
    rpn.build((None, None, None, 64))
    for layer in (rpn.convolution, rpn.objectness, rpn.deltas):
        assert np.all(np.asarray(layer.bias) == 0)
        assert abs(np.asarray(layer.kernel).std() - 0.01) < 0.001 and abs(np.asarray(layer.kernel).mean()) < 0.001


def test_in_bfloat16_the_outputs_are_float32_and_close():
    exact, (map,) = rpn_of(3, 8, deviation=0.1), maps_of([(4, 5)], 8)
    rough = RPN(3, 16, dtype="mixed_bfloat16")
    rough.build((None, None, None, 8))
    kinds = {layer.name: layer.compute_dtype for layer in (rough.convolution, rough.objectness, rough.deltas)}
    assert kinds == {"convolution": "bfloat16", "objectness": "float32", "deltas": "float32"}
    rough.set_weights(exact.get_weights())
    tiles, anchors = cut_tiles((map[0],), np.arange(60, dtype=np.int32), 3)
    for network in (lambda rpn: [level[0][0] for level in rpn((map,))], lambda rpn: rpn.on_tiles(tiles, anchors)):
        for one, other in zip(network(rough), network(exact), strict=True):
            assert one.dtype == tf.float32
            np.testing.assert_allclose(one, other, atol=0.05)


def test_saving_round_trip(tmp_path):
    rpn, maps = rpn_of(3, 4), maps_of([(5, 4), (3, 2)], 4)
    rpn.save(tmp_path / "rpn.keras")
    again = keras.saving.load_model(tmp_path / "rpn.keras")
    for one, other in zip(tf.nest.flatten(rpn(maps)), tf.nest.flatten(again(maps)), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("sizes", [[(4, 3)], [(3, 2), (2, 2)]])
def test_a_linear_network_is_affine_on_maps_and_on_tiles(sizes):
    """Without ReLU the network of a map and its negative add up to twice that of zeros; on tiles as on maps."""
    rpn = RPN(2, 5, activation="linear")
    rpn.build((None, None, None, 3))
    rng = np.random.default_rng(0)
    rpn.set_weights([rng.normal(0, 0.3, weight.shape).astype(np.float32) for weight in rpn.weights])
    maps = maps_of(sizes, 3)
    outputs = [[tf.concat(part, 1).numpy() for part in rpn(tuple(sign * level for level in maps))]
               for sign in (1, 0, -1)]
    for one, none, other in zip(*outputs, strict=True):
        np.testing.assert_allclose(one + other, 2 * none, atol=1e-5)
    count = 2 * sum(rows * columns for rows, columns in sizes)
    tiles, anchors = cut_tiles(tuple(level[0] for level in maps), np.arange(count, dtype=np.int32), 2)
    for found, wanted in zip(rpn.on_tiles(tiles, anchors), outputs[0], strict=True):
        np.testing.assert_allclose(found, wanted[0], atol=1e-5)


def built(**settings):
    keras.utils.set_random_seed(0)
    rpn = RPN(9, 64, **settings)
    rpn.build((None, None, None, 32))
    return rpn


def test_initial_weights_of_each_kind():
    """Normal: deviation 0.01. Uniform: to 0.05 in the 1x1 layers, to Glorot's sqrt(6 / 9 / (32 + 64)) in the other."""
    normal, uniform = built(), built(initial="uniform")
    for rpn in (normal, uniform):
        for layer in (rpn.convolution, rpn.objectness, rpn.deltas):
            assert not np.asarray(layer.bias).any()
    for layer in (normal.convolution, normal.objectness, normal.deltas):
        assert np.asarray(layer.kernel).std() == pytest.approx(0.01, rel=0.15)
    for layer, limit in ((uniform.convolution, (6 / (9 * 96)) ** 0.5), (uniform.objectness, 0.05),
                         (uniform.deltas, 0.05)):
        values = np.asarray(layer.kernel)
        assert limit * 0.97 < np.abs(values).max() <= limit  # even to its ends
        assert values.std() == pytest.approx(limit / 3**0.5, rel=0.1)
    assert not np.array_equal(uniform.objectness.kernel[..., :4], uniform.deltas.kernel[..., :4])


def test_what_came_later_is_in_the_config_where_it_is_used():
    assert not {"activation", "initial"} & set(built().get_config())
    config = built(depth=2, activation="linear", initial="uniform").get_config()
    again = RPN.from_config(config)
    assert (again.depth, again.activation, again.initial) == (2, "linear", "uniform")
    assert again.convolution.activation is keras.activations.linear
