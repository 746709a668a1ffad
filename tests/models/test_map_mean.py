import keras
import numpy as np
import pytest

from frcnn_keras.models.backbones import load_backbone
from frcnn_keras.models.map_mean import MapMean, with_map_means


def test_a_flat_map_keeps_its_digits():
    mean = MapMean()(np.full((1, 272, 200, 72), 0.3, np.float32)).numpy()
    np.testing.assert_allclose(mean, np.float32(0.3), rtol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (64, 7)])
def test_means_are_those_of_float64(size):
    maps = np.random.default_rng(0).normal(2, 1, (2, *size, 5)).astype(np.float32)
    np.testing.assert_allclose(MapMean()(maps), maps.astype(np.float64).mean((1, 2)), rtol=1e-5)


def test_it_comes_back_from_a_file(tmp_path):
    image = keras.Input((None, None, 4))
    model = keras.Model(image, MapMean(name="mean")(image))
    assert model.output_shape == (None, 4)
    model.save(tmp_path / "m.keras")
    maps = np.random.default_rng(1).normal(size=(1, 6, 7, 4)).astype(np.float32)
    assert np.array_equal(keras.saving.load_model(tmp_path / "m.keras")(maps), model(maps))


def test_a_flat_map_of_the_largest_size_too():
    """Over one axis and then the other alone, 2.3e-6 of it is lost."""
    mean = MapMean(keepdims=True)(np.full((1, 400, 672, 16), 0.3, np.float32)).numpy()
    assert mean.shape == (1, 1, 1, 16)
    np.testing.assert_allclose(mean, np.float32(0.3), rtol=5e-7)


def squeezing():
    """A network with Keras's own mean of a map, as keras.applications' EfficientNet and MobileNetV3 have it."""
    image = keras.Input((None, None, 3))
    maps = keras.layers.Conv2D(4, 1, name="expand", kernel_initializer="ones")(image)
    mean = keras.layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(maps)
    return keras.Model(image, keras.layers.Multiply(name="features")([maps, mean]))


def test_means_of_a_network_that_is_there(tmp_path):
    images = np.full((1, 400, 672, 3), 0.3, np.float32)
    one = np.float64(np.float32(0.3) * 3)
    before = squeezing()
    assert np.abs(before(images) / one**2 - 1).max() > 1e-5
    after = with_map_means(before)
    np.testing.assert_allclose(after(images), np.full((1, 400, 672, 4), one**2), rtol=1e-6)
    after.save(tmp_path / "own.keras")
    again = load_backbone(str(tmp_path / "own.keras"), layers=["features"], preprocess="none")
    np.testing.assert_allclose(again.model(images), np.full((1, 400, 672, 4), one**2), rtol=1e-6)
    assert type(again.full.get_layer("squeeze")) is MapMean and again.strides == (1,)


def test_every_backbone_has_them(tmp_path):
    squeezing().save(tmp_path / "own.keras")
    own = load_backbone(str(tmp_path / "own.keras"), layers=["features"], preprocess="none")
    known = load_backbone("efficientnet_b0")
    for model, count in ((own.full, 1), (known.full, 16)):
        kinds = [type(layer) for layer in model.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D)]
        assert kinds == [MapMean] * count
