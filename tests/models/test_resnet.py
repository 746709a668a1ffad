import numpy as np
import pytest

from frcnn_keras.models.normed_conv import NormedConv2D
from frcnn_keras.models.resnet import PaddedMaxPool, resnet50


@pytest.fixture(scope="module")
def network():
    return resnet50()


def test_levels(network):
    shapes = [tuple(level.shape) for level in network(np.zeros((1, 64, 96, 3), np.float32))]
    assert shapes == [(1, 16, 24, 256), (1, 8, 12, 512), (1, 4, 6, 1024), (1, 2, 3, 2048)]
    assert [tuple(shape) for shape in network.compute_output_shape((1, 64, 96, 3))] == shapes


def test_parameters_are_the_convolutions(network):
    # torchvision's: 23,454,912 of convolutions, 53,120 of normalisations' scales and shifts, as many statistics
    count = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    norms = sum(int(np.prod(weight.shape)) for weight in network.non_trainable_weights)
    assert (count, norms) == (23_454_912, 2 * 53_120)


def test_strides_lie_on_the_3x3_convolutions(network):
    strided = [layer.name for layer in network.layers if isinstance(layer, NormedConv2D) and layer.stride == 2]
    wanted = {"conv1"} | {f"layer{stage}_0_{part}" for stage in (2, 3, 4) for part in ("conv2", "downsample")}
    assert set(strided) == wanted
    assert len([layer for layer in network.layers if isinstance(layer, NormedConv2D)]) == 53


def test_epsilon_and_affine_reach_every_layer():
    layers = [layer for layer in resnet50(0.0, True).layers if isinstance(layer, NormedConv2D)]
    assert all(layer.epsilon == 0.0 and layer.affine for layer in layers)


@pytest.mark.parametrize("rows, columns", [(8, 6), (7, 5), (1, 2)])
def test_the_pool_is_padded_on_every_side(rows, columns):
    maps = np.random.default_rng(0).normal(-5, 1, (1, rows, columns, 2)).astype(np.float32)  # zeros would win
    found = PaddedMaxPool()(maps)
    for y, x in np.ndindex(-(-rows // 2), -(-columns // 2)):
        window = maps[0, max(2 * y - 1, 0):2 * y + 2, max(2 * x - 1, 0):2 * x + 2]
        assert np.array_equal(found[0, y, x], window.max((0, 1)))
    assert PaddedMaxPool().compute_output_shape(maps.shape) == found.shape
