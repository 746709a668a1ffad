import keras
import numpy as np
import pytest

from frcnn_keras.models.map_mean import MapMean


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
