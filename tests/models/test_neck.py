import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.errors import InputError
from frcnn_keras.models.backbones import Backbone, load_backbone
from frcnn_keras.models.neck import Extractor, NeckFit, extractor
from frcnn_keras.models.receptive_field import map_sizes


def features(count, channels, seed=0):
    """Correlated rows (count, channels) of unlike means and scales."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, channels)) @ rng.normal(size=(channels, channels))
    return (rows * rng.uniform(0.1, 10, channels) + rng.uniform(-20, 20, channels)).astype(np.float32)


def fitted(*parts):
    fit = NeckFit()
    for part in parts:
        fit.add(part)
    return fit


def small_backbone(two_layers):
    images = keras.Input((None, None, 3))
    fine = keras.layers.Conv2D(4, 2, strides=2, activation="relu")(images)
    fine = keras.layers.BatchNormalization()(fine)
    coarse = keras.layers.Conv2D(6, 2, strides=2, activation="relu")(fine)
    full = keras.Model(images, coarse)
    full.trainable = False
    if not two_layers:
        return Backbone("small", full, full, "none", ("coarse",), (4,), (2.0,))
    return Backbone("small", full, keras.Model(images, [fine, coarse]), "none", ("a", "b"), (2, 4), (1.0, 2.0))


@settings(derandomize=True, deadline=None, max_examples=30)
@given(parts=st.lists(st.integers(0, 40), min_size=1, max_size=6), mean=st.sampled_from([0, 1e3, 1e5]))
def test_streamed_equals_all_at_once(parts, mean):
    rows = features(sum(parts) + 8, 5) + np.float32(mean)
    fit = fitted(*np.split(rows, np.cumsum(parts)))
    assert fit.count == len(rows)
    np.testing.assert_allclose(fit.mean, rows.astype(np.float64).mean(axis=0), rtol=1e-12)
    expected = np.cov(rows.astype(np.float64), rowvar=False, bias=True)
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    np.testing.assert_allclose(fit.covariance / scale, expected / scale, atol=1e-5)


def test_maps_count_as_their_rows():
    maps = features(24, 5).reshape(2, 3, 4, 5)
    np.testing.assert_allclose(fitted(maps).covariance, fitted(maps.reshape(-1, 5)).covariance)


def test_components_are_uncorrelated_of_falling_variance_and_mean_variance_one():
    rows = features(500, 12)
    fit = fitted(rows)
    for channels in (1, 5, 12):
        kernel, bias = fit.solve(channels)
        assert kernel.dtype == bias.dtype == np.float32 and kernel.shape == (12, channels)
        components = rows.astype(np.float64) @ kernel + bias
        covariance = np.cov(components, rowvar=False, bias=True).reshape(channels, channels)
        np.testing.assert_allclose(components.mean(axis=0), 0, atol=1e-4)
        np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-4)
        np.testing.assert_allclose(np.diag(covariance).mean(), 1, rtol=1e-4)
        assert np.all(np.diff(np.diag(covariance)) <= 1e-4)


def test_all_components_keep_the_distances_between_standardised_rows():
    rows = features(200, 7)
    kernel, bias = fitted(rows).solve(7)
    components = rows @ kernel + bias
    standardised = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    # seven standardised channels have a mean variance of 1 as they are: here even the scale is kept
    pairs = np.random.default_rng(0).integers(0, 200, (50, 2))
    before, after = (np.linalg.norm(x[pairs[:, 0]] - x[pairs[:, 1]], axis=1) for x in (standardised, components))
    np.testing.assert_allclose(after, before, rtol=1e-3)


def test_the_sign_does_not_depend_on_the_solver():
    kernel, _ = fitted(features(300, 9)).solve(9)
    directions = kernel * features(300, 9).std(axis=0)[:, None]
    largest = np.abs(directions).argmax(axis=0)
    assert np.all(directions[largest, np.arange(9)] > 0)


def test_dead_channels_count_for_nothing():
    rows = features(300, 6)
    rows[:, 2], rows[:, 4] = 0, 1234.567
    fit = fitted(rows[:100], rows[100:])
    kernel, bias = fit.solve(6)  # two more than there are
    assert np.all(kernel[[2, 4]] == 0) and np.all(np.isfinite(kernel)) and np.all(np.isfinite(bias))
    alive = [0, 1, 3, 5]
    for together, alone in zip(fit.solve(4), fitted(rows[:, alive]).solve(4)):
        np.testing.assert_allclose(together[alive] if together.ndim == 2 else together, alone, rtol=1e-3, atol=1e-3)


def test_a_channel_of_rounding_alone_is_dead():
    """Brought to deviation 1 it would be noise as large as any other channel."""
    rows = features(300, 4)
    deviation = rows.std(axis=0).mean()
    for share, dead in ((1e-6, True), (1e-3, False)):
        rows[:, 1] = share * deviation * np.random.default_rng(5).normal(size=300)
        assert (not fitted(rows).solve(4)[0][1].any()) == dead


def test_adding_after_solving_counts():
    first, second = features(100, 4, seed=1), features(100, 4, seed=2)
    fit = fitted(first)
    fit.solve(4)
    fit.add(second)
    np.testing.assert_allclose(fit.solve(2)[0], fitted(np.concatenate([first, second])).solve(2)[0], rtol=1e-3)


def test_what_cannot_be_fitted():
    with pytest.raises(InputError, match="1 to 4 channels"):
        fitted(features(50, 4)).solve(5)
    with pytest.raises(InputError, match="same everywhere"):
        fitted(np.ones((50, 4), np.float32)).solve(2)
    with pytest.raises(InputError, match="not finite"):
        fitted(np.array([[1, np.nan]], np.float32))
    with pytest.raises(InputError, match="at least two"):
        fitted(features(1, 3)).solve(1)
    with pytest.raises(InputError, match="at least two"):
        NeckFit().solve(1)
    with pytest.raises(ValueError, match="4 channels as before"):
        fitted(features(5, 4), features(5, 3))


@pytest.mark.parametrize("two_layers", [False, True])
def test_the_projection_in_the_model_is_numpys(tmp_path, two_layers):
    backbone = small_backbone(two_layers)
    raw = extractor(backbone)
    images = np.random.default_rng(0).normal(size=(2, 16, 24, 3)).astype(np.float32)
    (maps,) = raw(images)
    channels = 6 + 4 * 4 * two_layers
    assert maps.shape == (2, 4, 6, channels)
    kernel, bias = fitted(maps).solve(5)
    model = extractor(backbone, kernel, bias)
    expected = maps.numpy() @ kernel + bias
    np.testing.assert_allclose(model(images)[0], expected, atol=1e-5)

    model.save(tmp_path / "extractor.keras")
    loaded = keras.models.load_model(tmp_path / "extractor.keras")
    assert not loaded.trainable_variables and not model.trainable_variables
    result = tf.function(loaded)(images, training=True)
    assert isinstance(result, tuple) and len(result) == 1
    np.testing.assert_allclose(result[0], expected, atol=1e-5)
    assert loaded.compute_output_shape((2, 16, 24, 3)) == ((2, 4, 6, 5),)
    assert map_sizes(loaded, 16, 24) == ((4, 6),)


def test_a_backbones_dropout_and_statistics_are_those_of_prediction_always():
    image = keras.Input((None, None, 3))
    maps = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 2, 2)(image))
    model = Extractor(keras.Model(image, keras.layers.Dropout(0.5)(maps)), [2], [1.0])
    images = np.random.default_rng(0).normal(3, 2, (2, 8, 8, 3)).astype(np.float32)
    assert np.array_equal(model(images, training=True)[0], model(images)[0])


def test_the_extractor_inside_another_model(tmp_path):
    images = keras.Input((None, None, 3))
    (maps,) = extractor(small_backbone(True))(images)
    assert maps.shape == (None, None, None, 22)
    model = keras.Model(images, keras.layers.GlobalAveragePooling2D()(maps))
    model.save(tmp_path / "model.keras")
    pixels = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(keras.models.load_model(tmp_path / "model.keras")(pixels), model(pixels), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenet_v2", "inception_resnet_v2"])
def test_a_real_backbone_survives_saving(tmp_path, name):
    model = extractor(load_backbone(name))
    model.save(tmp_path / "extractor.keras")
    images = np.random.default_rng(0).normal(size=(1, 96, 128, 3)).astype(np.float32)
    loaded = keras.models.load_model(tmp_path / "extractor.keras")
    np.testing.assert_allclose(loaded(images)[0], model(images)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("count, channels", [(4200, 64), (20000, 16)])
def test_variances_of_sparse_features_keep_their_digits(count, channels):
    """Products summed in float32 lose 2e-6 to 3e-6 of them."""
    rng = np.random.default_rng(0)
    rows = np.maximum(rng.normal(size=(count, channels)) * rng.uniform(0.1, 3, channels), 0).astype(np.float32)
    expected = np.cov(rows.astype(np.float64), rowvar=False, bias=True)
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    np.testing.assert_allclose(fitted(rows).covariance / scale, expected / scale, atol=1e-12)
