import keras
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.errors import InputError
from frcnn_keras.models.backbones import load_backbone
from frcnn_keras.models.fpn import (
    FPN,
    PyramidExtractor,
    chosen_levels,
    enlarged,
    pyramid_extractor,
    pyramid_geometry,
)
from frcnn_keras.models.saving import load_model, save_model

SIZES = ((9, 12), (5, 6), (3, 3))
CHANNELS = (3, 4, 5)


def maps_of(batch=2, seed=0, sizes=SIZES):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(batch, *size, channels)).astype(np.float32) for size, channels in zip(sizes, CHANNELS)]


def fpn_of(epsilon=None, channels=4):
    keras.utils.set_random_seed(3)
    fpn = FPN(channels, epsilon)
    fpn.build([(None, None, None, count) for count in CHANNELS])
    rng = np.random.default_rng(4)
    for weight in fpn.weights:
        weight.assign(rng.uniform(0.3, 1.0, weight.shape) if weight.name == "variance" else
                      rng.normal(0, 0.5, weight.shape))
    return fpn


def nearest_by_loop(map_, rows, columns):
    found = np.zeros((len(map_), rows, columns, map_.shape[-1]))
    for y, x in np.ndindex(rows, columns):
        found[:, y, x] = map_[:, y * map_.shape[1] // rows, x * map_.shape[2] // columns]
    return found


def convolved(layer, map_):
    """With its bias or its normalisation, by loops."""
    kernel = np.asarray(layer.kernel, np.float64)
    half = len(kernel) // 2
    padded = np.pad(map_, ((0, 0), (half, half), (half, half), (0, 0)))
    out = np.zeros((*map_.shape[:3], kernel.shape[-1]))
    for y, x in np.ndindex(*map_.shape[1:3]):
        window = padded[:, y:y + len(kernel), x:x + len(kernel)]
        out[:, y, x] = np.einsum("byxc,yxcf->bf", window, kernel)
    if hasattr(layer, "bias"):
        return out + np.asarray(layer.bias)
    scale = np.asarray(layer.gamma) / np.sqrt(np.asarray(layer.variance) + layer.epsilon)
    return (out - np.asarray(layer.mean)) * scale + np.asarray(layer.beta)


@pytest.mark.parametrize("epsilon", [None, 1e-5])
def test_levels_by_loops(epsilon):
    fpn, maps = fpn_of(epsilon), maps_of()
    found = fpn(maps)
    coarser, expected = None, []
    for map_, lateral, smooth in reversed(list(zip(maps, fpn.lateral, fpn.smooth, strict=True))):
        inner = convolved(lateral, map_)
        if coarser is not None:
            inner = inner + nearest_by_loop(coarser, *map_.shape[1:3])
        expected.insert(0, convolved(smooth, inner))
        coarser = inner
    assert isinstance(found, tuple) and len(found) == 4
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(found[3], found[2].numpy()[:, [0, 2]][:, :, [0, 2]])  # every second cell of 3 x 3
    shapes = fpn.compute_output_shape([map_.shape for map_ in maps])
    assert [tuple(shape) for shape in shapes] == [tuple(level.shape) for level in found]


@pytest.mark.parametrize("size", [(2, 3), (4, 6), (3, 4), (5, 5), (7, 3), (100, 151)])
def test_nearest_neighbours_as_torch_takes_them(size):
    map_ = np.random.default_rng(0).normal(size=(2, 2, 3, 2)).astype(np.float32)
    np.testing.assert_array_equal(enlarged(map_, size), nearest_by_loop(map_, *size).astype(np.float32))


def test_gradients_reach_every_level_in_a_graph():
    fpn, maps = fpn_of(), [tf.constant(map_) for map_ in maps_of()]

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            tape.watch(maps)
            total = tf.add_n([tf.reduce_sum(tf.square(level)) for level in fpn(maps)])
        return tape.gradient(total, maps + fpn.trainable_variables)

    assert all(np.abs(gradient).max() > 0 for gradient in gradients())


def trunk_of():
    image = keras.Input((None, None, 3), name="image")
    fine = keras.layers.Conv2D(4, 3, 4, padding="same", name="fine")(image)
    norm = keras.layers.BatchNormalization(name="norm")(fine)
    coarse = keras.layers.Conv2D(6, 3, 2, padding="same", name="coarse")(norm)
    return keras.Model(image, [norm, coarse], name="trunk")


def test_the_trunks_normalisation_keeps_its_statistics():
    extractor = PyramidExtractor(trunk_of(), 5)
    images = np.random.default_rng(0).normal(3, 2, (2, 32, 40, 3)).astype(np.float32)
    before = extractor(images)
    for one, other in zip(before, extractor(images, training=True), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [tuple(level.shape) for level in before] == [(2, 8, 10, 5), (2, 4, 5, 5), (2, 2, 3, 5)]
    assert [tuple(shape) for shape in extractor.compute_output_shape((2, 32, 40, 3))] == [
        tuple(level.shape) for level in before]


@pytest.mark.parametrize("epsilon", [None, 1e-5])
def test_saving_round_trip(epsilon, tmp_path):
    extractor = PyramidExtractor(trunk_of(), 5, epsilon, name="extractor")
    save_model(extractor, tmp_path / "a.keras")
    again, images = load_model(tmp_path / "a.keras"), np.ones((1, 16, 16, 3), np.float32)
    for one, other in zip(extractor(images), again(images), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_pyramid_over_a_users_backbone(tiny_backbone):
    backbone = load_backbone(str(tiny_backbone), "none", ("fine", "middle", "features"), "tf")
    extractor = pyramid_extractor(backbone, 16)
    strides, offsets = pyramid_geometry(backbone)
    assert strides == (2, 4, 8, 16) and len(offsets) == 4 and offsets[3] == offsets[2]
    levels = extractor(np.zeros((1, 48, 80, 3), np.float32))
    assert [tuple(level.shape[1:]) for level in levels] == [(24, 40, 16), (12, 20, 16), (6, 10, 16), (3, 5, 16)]


def test_without_the_extra_level(tmp_path):
    """The levels of the layers are the same; none follows."""
    with_extra, without = fpn_of(), FPN(4, extra=False)
    without.build([(None, None, None, count) for count in CHANNELS])
    without.set_weights(with_extra.get_weights())
    maps = maps_of()
    found, wanted = without(maps), with_extra(maps)
    assert isinstance(found, tuple) and len(found) == 3
    for one, other in zip(found, wanted[:3], strict=True):
        np.testing.assert_array_equal(one, other)
    assert [tuple(shape) for shape in without.compute_output_shape([map_.shape for map_ in maps])] == [
        tuple(level.shape) for level in found]
    assert "extra" not in with_extra.get_config() and without.get_config()["extra"] is False
    extractor = PyramidExtractor(trunk_of(), 5, extra=False, name="extractor")
    save_model(extractor, tmp_path / "a.keras")
    again, images = load_model(tmp_path / "a.keras"), np.ones((1, 16, 16, 3), np.float32)
    assert len(again(images)) == 2
    for one, other in zip(extractor(images), again(images), strict=True):
        np.testing.assert_array_equal(one, other)


LAYERS = ("fine", "middle", "features")  # of strides 2, 4 and 8


@pytest.mark.parametrize("levels, layers, extra, strides", [
    ((), LAYERS, True, (2, 4, 8, 16)), (("p2", "p3", "p4"), LAYERS[1:], True, (4, 8, 16)),
    (("p2", "p3"), LAYERS[1:], False, (4, 8)), (("p3",), LAYERS[2:], False, (8,)), (("p2",), LAYERS[1:2], False, (4,))])
def test_levels_are_chosen_by_their_strides(levels, layers, extra, strides, tiny_backbone):
    backbone, has_extra = chosen_levels(load_backbone(str(tiny_backbone), "none", LAYERS, "tf"), levels)
    assert (backbone.layers, has_extra) == (layers, extra)
    assert pyramid_geometry(backbone, has_extra)[0] == strides
    found = pyramid_extractor(backbone, 6, has_extra)(np.zeros((1, 48, 80, 3), np.float32))
    assert [tuple(level.shape[1:]) for level in found] == [(48 // stride, 80 // stride, 6) for stride in strides]


@pytest.mark.parametrize("levels", [("p5",), ("p4",), ("p3", "p4", "p5")])
def test_a_level_that_is_not_there_is_one_line(levels, tiny_backbone):
    words = f"--pyramid-levels {','.join(levels)}: .* has p1,p2,p3,p4 with the layers fine"
    with pytest.raises(InputError, match=words) as caught:
        chosen_levels(load_backbone(str(tiny_backbone), "none", LAYERS, "tf"), levels)
    assert "\n" not in str(caught.value)
