import keras
import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.models import receptive_field
from frcnn_keras.models.applications import BACKBONES, DEFAULT_LAYERS, GEOMETRY
from frcnn_keras.models.backbones import cut
from frcnn_keras.models.map_mean import MapMean

# What lies between the image and a layer: (kernel, stride, padding before) of each layer that
# moves the centre or has a stride; an odd kernel with stride 1 and equal padding does neither.
_VALID = ((3, 2, 0), (3, 1, 0), (3, 2, 0), (3, 1, 0), (3, 2, 0), (3, 2, 0))  # InceptionResNetV2
CHAINS = {
    ("vgg16", "block4_conv3"): ((2, 2, 0),) * 3,
    ("vgg16", "block5_conv3"): ((2, 2, 0),) * 4,
    ("resnet50", "conv4_block6_out"): ((7, 2, 3), (3, 2, 1), (1, 2, 0), (1, 2, 0)),
    ("resnet101", "conv4_block23_out"): ((7, 2, 3), (3, 2, 1), (1, 2, 0), (1, 2, 0)),
    ("inception_resnet_v2", "block17_20_ac"): _VALID,
    ("inception_resnet_v2", "conv_7b_ac"): _VALID + ((3, 2, 0),),
    ("mobilenet_v2", "block_5_add"): ((3, 2, 0), (3, 2, 0), (3, 2, 0)),
    ("mobilenet_v2", "block_12_add"): ((3, 2, 0), (3, 2, 0), (3, 2, 0), (3, 2, 0)),
    ("mobilenet_v2", "block_6_expand_relu"): ((3, 2, 0), (3, 2, 0), (3, 2, 0)),
    ("mobilenet_v2", "block_13_expand_relu"): ((3, 2, 0), (3, 2, 0), (3, 2, 0), (3, 2, 0)),
    ("efficientnet_b0", "block6a_expand_activation"): ((3, 2, 0), (3, 2, 0), (5, 2, 1), (3, 2, 0)),
}


def by_arithmetic(chain):
    """Stride and centre of cell 0 in continuous pixels, layer by layer."""
    stride, centre = 1, 0.5
    for kernel, step, before in chain:
        centre += ((kernel - 1) / 2 - before) * stride
        stride *= step
    return stride, centre


def network(*layers):
    images = keras.Input((None, None, 3))
    maps = images
    for layer in layers:
        maps = layer(maps)
    return keras.Model(images, maps)


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_built_in_numbers_are_those_measured_and_those_of_arithmetic(name):
    layers = list(GEOMETRY[name])
    model = cut(BACKBONES[name](None), layers)
    assert receptive_field.measure(model) == tuple(GEOMETRY[name].values())
    assert [by_arithmetic(CHAINS[name, layer]) for layer in layers] == list(GEOMETRY[name].values())
    assert set(DEFAULT_LAYERS[name]) <= set(layers)
    keras.backend.clear_session()


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (keras.layers.Conv2D(4, 3), (1, 1.5)),
        (keras.layers.Conv2D(4, 3, padding="same"), (1, 0.5)),
        (keras.layers.Conv2D(4, 3, strides=2, padding="same"), (2, 1.5)),  # an even size is padded behind only
        (keras.layers.Conv2D(4, 1, strides=2), (2, 0.5)),
        (keras.layers.Conv2D(4, 3, dilation_rate=2), (1, 2.5)),
        (keras.layers.MaxPooling2D(2), (2, 1.0)),
        (keras.layers.MaxPooling2D(3, 3), (3, 1.5)),
        (keras.layers.DepthwiseConv2D(5, depth_multiplier=2), (1, 2.5)),
        (keras.layers.SeparableConv2D(4, 4, strides=4), (4, 2.0)),
        (keras.layers.Conv2D(4, 3, groups=1, activation="sigmoid", bias_initializer="ones"), (1, 1.5)),
    ],
)
def test_single_layers(layer, expected):
    assert receptive_field.measure(network(layer)) == (expected,)


@pytest.mark.parametrize("pooling", [keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D, MapMean])
def test_global_pooling_does_not_move_the_centre(pooling):
    images = keras.Input((None, None, 3))
    maps = keras.layers.Conv2D(8, 4, strides=4, activation="relu")(images)
    squeezed = keras.layers.Reshape((1, 1, 8))(pooling()(maps))
    maps = keras.layers.Multiply()([maps, keras.layers.Conv2D(8, 1, activation="sigmoid")(squeezed)])
    assert receptive_field.measure(keras.Model(images, maps)) == ((4, 2.0),)


def test_wiring_that_needs_its_channel_numbers():
    images = keras.Input((None, None, 3))
    branch = [keras.layers.Conv2D(channels, 3, strides=2)(images) for channels in (4, 8, 3, 3, 6)]
    maps = keras.layers.Add()([keras.layers.Concatenate()(branch[:2]), keras.layers.Concatenate()(branch[2:])])
    assert receptive_field.measure(keras.Model(images, maps)) == ((2, 1.5),)


@pytest.mark.slow
def test_layers_that_cannot_be_copied_are_measured_as_they_are():
    class Opaque(keras.layers.Layer):
        def __init__(self, gain):
            super().__init__()
            self.gain = gain

        def call(self, maps):
            return maps * self.gain

        def get_config(self):
            raise NotImplementedError("no copy of me")

    layers = [keras.layers.Conv2D(16, 3, strides=2), Opaque(2.0), keras.layers.Conv2D(16, 2, strides=2)]
    assert receptive_field.measure(network(*layers)) == (by_arithmetic(((3, 2, 0), (2, 2, 0))),)


@pytest.mark.slow
def test_different_strides_down_and_across_are_refused():
    with pytest.raises(InputError, match="where the feature maps"):
        receptive_field.measure(network(keras.layers.Conv2D(16, 4, strides=(2, 4))))


def test_an_output_that_is_no_map_is_refused():
    with pytest.raises(InputError, match="height, width, channels"):
        receptive_field.measure(network(keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D()))


@pytest.mark.parametrize("size", [(64, 64), (65, 77), (7, 100)])
def test_map_sizes_are_the_models(size):
    images = keras.Input((None, None, 3))
    same = keras.layers.Conv2D(2, 3, strides=2, padding="same")(images)
    model = keras.Model(images, [same, keras.layers.Conv2D(2, 3, strides=2)(same)])
    maps = model(np.zeros((1, *size, 3), np.float32))
    assert receptive_field.map_sizes(model, *size) == tuple(tuple(map_.shape[1:3]) for map_ in maps)
    assert receptive_field.map_sizes(keras.Model(images, same), *size) == (tuple(maps[0].shape[1:3]),)
