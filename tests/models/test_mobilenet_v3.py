import keras
import numpy as np
import pytest

from frcnn_keras.models.mobilenet_v3 import mobilenet_v3_large, squeeze_excite


def test_levels_and_parameters():
    network = mobilenet_v3_large()
    shapes = [tuple(level.shape) for level in network(np.zeros((1, 64, 96, 3), np.float32))]
    assert shapes == [(1, 2, 3, 160), (1, 2, 3, 960)]
    # 2,971,952 of torchvision's features, less 24,400 of its normalisations' affine parts, which are frozen here
    assert sum(int(np.prod(weight.shape)) for weight in network.trainable_weights) == 2_971_952 - 24_400


@pytest.mark.parametrize("expanded, squeezed", [(72, 24), (120, 32), (480, 120), (672, 168), (960, 240)])
def test_squeezed_channels_are_torchvisions(expanded, squeezed):
    layers = [layer for layer in mobilenet_v3_large().layers if layer.name.endswith("_squeeze")]
    assert {layer.units for layer in layers if layer.kernel.shape[0] == expanded} == {squeezed}


def test_squeeze_and_excite_by_hand():
    image = keras.Input((None, None, 4))
    model = keras.Model(image, squeeze_excite(image, 2, "a"))
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(0, 1, weight.shape))
    maps = rng.normal(size=(2, 3, 5, 4)).astype(np.float32)
    squeeze, excite = model.get_layer("a_squeeze"), model.get_layer("a_excite")
    hidden = np.maximum(maps.mean((1, 2)) @ np.asarray(squeeze.kernel) + np.asarray(squeeze.bias), 0)
    weight = np.clip(hidden @ np.asarray(excite.kernel) + np.asarray(excite.bias) + 3, 0, 6) / 6
    np.testing.assert_allclose(model(maps), maps * weight[:, None, None], rtol=1e-4, atol=1e-5)
