"""ResNet-50 as torchvision has it (v1.5): strides on the 3x3 convolutions, borders padded alike on every side."""

import keras
import tensorflow as tf

from frcnn_keras.models.normed_conv import NormedConv2D
from frcnn_keras.models.precision import in_float32

STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))  # blocks and width of each; four times as many channels come out


@keras.saving.register_keras_serializable(package="frcnn_keras")
class PaddedMaxPool(keras.layers.Layer):
    """The maximum of 3x3 cells about every second one: (B, H, W, C) -> (B, ceil(H / 2), ceil(W / 2), C)."""

    def call(self, maps):
        return tf.nn.max_pool2d(maps, 3, 2, [[0, 0], [1, 1], [1, 1], [0, 0]])

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        return (batch, *(None if side is None else -(-side // 2) for side in sides), channels)


def resnet50(epsilon: float = 1e-5, affine: bool = False) -> keras.Model:
    """Images (B, H, W, 3), normalised (`torch`) -> maps of stride 4, 8, 16, 32 with 256, 512, 1024, 2048 channels.

    (arXiv 1512.03385, table 1; the stride is that of github.com/facebookarchive/fb.resnet.torch.) Layers are named by
    stage: conv1, layer1_0_conv1, ..., layer4_2_conv3.

    epsilon, affine: of every normalisation; see NormedConv2D. torchvision's first COCO weights need epsilon 0.
    """
    def convolution(maps, filters, size, name, stride=1, activation="relu"):
        return NormedConv2D(filters, size, stride, activation, epsilon, affine, name=name)(maps)

    image = keras.Input((None, None, 3), name="image")
    maps = PaddedMaxPool(name="pool1")(convolution(image, 64, 7, "conv1", 2))  # stride 4
    levels = []
    for stage, (blocks, width) in enumerate(STAGES, 1):
        for block in range(blocks):
            name, stride = f"layer{stage}_{block}", 2 if stage > 1 and block == 0 else 1
            shortcut = maps
            if block == 0:
                shortcut = convolution(maps, 4 * width, 1, f"{name}_downsample", stride, None)
            inner = convolution(maps, width, 1, f"{name}_conv1")
            inner = convolution(inner, width, 3, f"{name}_conv2", stride)
            inner = convolution(inner, 4 * width, 1, f"{name}_conv3", activation=None)
            maps = keras.layers.ReLU(name=f"{name}_relu")(keras.layers.Add(name=f"{name}_add")([inner, shortcut]))
        levels.append(maps)
    return in_float32(keras.Model(image, levels, name="resnet50"))
