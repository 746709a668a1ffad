import keras
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.errors import InputError
from frcnn_keras.models.normed_conv import NormedConv2D


def made(layer, channels=5, seed=0):
    """The layer with random weights and positive variances."""
    layer.build((None, None, None, channels))
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        low, high = (0.2, 2.0) if weight.name in ("variance", "gamma") else (-1.0, 1.0)
        weight.assign(rng.uniform(low, high, weight.shape))
    return layer


def by_loop(layer, maps, depthwise):
    """Zero padding of size // 2, correlation, normalisation, in float64."""
    kernel, gamma, beta, mean, variance = (np.asarray(value, np.float64) for value in
                                           (layer.kernel, layer.gamma, layer.beta, layer.mean, layer.variance))
    half, size, stride = layer.size // 2, layer.size, layer.stride
    padded = np.pad(maps.astype(np.float64), ((0, 0), (half, half), (half, half), (0, 0)))
    rows, columns = (-(-side // stride) for side in maps.shape[1:3])
    out = np.zeros((len(maps), rows, columns, len(gamma)))
    for y, x in np.ndindex(rows, columns):
        window = padded[:, y * stride:y * stride + size, x * stride:x * stride + size]
        out[:, y, x] = (np.einsum("byxc,yxc->bc", window, kernel[..., 0]) if depthwise
                        else np.einsum("byxc,yxcf->bf", window, kernel))
    return (out - mean) / np.sqrt(variance + layer.epsilon) * gamma + beta


@pytest.mark.parametrize("filters", [7, None])
@pytest.mark.parametrize("size, stride", [(1, 1), (3, 1), (3, 2), (5, 2), (7, 2), (1, 2)])
@pytest.mark.parametrize("shape", [(2, 8, 9, 5), (1, 5, 6, 5)])
def test_equals_a_loop(filters, size, stride, shape):
    layer = made(NormedConv2D(filters, size, stride, None, 1e-3))
    maps = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    expected = by_loop(layer, maps, filters is None)
    graph = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 5))])
    for found in (layer(maps), graph(maps)):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert layer.compute_output_shape(shape) == expected.shape


def test_activations():
    layer = made(NormedConv2D(3, 1, activation=None))
    maps = np.random.default_rng(1).normal(0, 4, (1, 6, 6, 5)).astype(np.float32)
    plain = layer(maps).numpy()
    layer.activation = "relu"
    np.testing.assert_allclose(layer(maps), np.maximum(plain, 0), atol=1e-6)
    layer.activation = "hard_swish"
    np.testing.assert_allclose(layer(maps), plain * np.clip(plain + 3, 0, 6) / 6, rtol=1e-5, atol=1e-6)


def test_epsilon_zero_survives_tiny_variances():
    layer = made(NormedConv2D(2, 1, epsilon=0.0), 1)
    layer.variance.assign([1e-10, 1e-6])
    layer.mean.assign([0, 0])
    layer.beta.assign([0, 0])
    found = layer(np.ones((1, 1, 1, 1), np.float32))[0, 0, 0]
    np.testing.assert_allclose(found, np.asarray(layer.kernel)[0, 0, 0] * np.asarray(layer.gamma) * [1e5, 1e3],
                               rtol=1e-5)


def test_statistics_never_train_and_scales_where_asked():
    for affine, names in [(False, ["kernel"]), (True, ["kernel", "gamma", "beta"])]:
        layer = made(NormedConv2D(4, 3, affine=affine))
        assert [weight.name for weight in layer.trainable_weights] == names
        before = layer.mean.numpy()
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(tf.square(layer(np.ones((1, 4, 4, 5), np.float32), training=True)))
        assert all(np.abs(gradient).max() > 0 for gradient in tape.gradient(total, layer.trainable_variables))
        assert np.array_equal(layer.mean, before)


@pytest.mark.parametrize("filters", [6, None])
def test_bfloat16_products_of_a_float32_fold(filters):
    layer = made(NormedConv2D(filters, 3))
    maps = np.random.default_rng(2).normal(size=(1, 5, 5, 5)).astype(np.float32)
    exact = layer(maps).numpy()
    layer.dtype_policy = keras.DTypePolicy("mixed_bfloat16")
    rough = layer(maps)
    assert rough.dtype == tf.bfloat16 and layer.kernel.dtype == "float32"
    np.testing.assert_allclose(tf.cast(rough, tf.float32), exact, atol=0.02 * np.abs(exact).max())


def test_config_round_trip_and_even_kernels():
    layer = made(NormedConv2D(6, 3, 2, "relu", 0.0, True, name="a"))
    again = NormedConv2D.from_config(layer.get_config())
    assert again.get_config() == layer.get_config() and again.epsilon == 0.0 and again.affine
    with pytest.raises(InputError, match="odd"):
        NormedConv2D(3, 2)
