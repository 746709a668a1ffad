"""MobileNetV3-Large as torchvision's detectors use it (arXiv 1905.02244, table 1)."""

import keras

from frcnn_keras.models.map_mean import MapMean
from frcnn_keras.models.normed_conv import NormedConv2D
from frcnn_keras.models.precision import in_float32

# kernel, expanded channels, output channels, squeeze-and-excite, activation, stride; torchvision's features[1] to [15]
BLOCKS = (
    (3, 16, 16, False, "relu", 1),
    (3, 64, 24, False, "relu", 2),
    (3, 72, 24, False, "relu", 1),
    (5, 72, 40, True, "relu", 2),
    (5, 120, 40, True, "relu", 1),
    (5, 120, 40, True, "relu", 1),
    (3, 240, 80, False, "hard_swish", 2),
    (3, 200, 80, False, "hard_swish", 1),
    (3, 184, 80, False, "hard_swish", 1),
    (3, 184, 80, False, "hard_swish", 1),
    (3, 480, 112, True, "hard_swish", 1),
    (3, 672, 112, True, "hard_swish", 1),
    (5, 672, 160, True, "hard_swish", 2),
    (5, 960, 160, True, "hard_swish", 1),
    (5, 960, 160, True, "hard_swish", 1),
)
LEVELS = (13, 16)  # features whose maps are given


def mobilenet_v3_large(epsilon: float = 1e-5, affine: bool = False) -> keras.Model:
    """Images (B, H, W, 3), normalised (`torch`) -> two maps of stride 32 with 160 and 960 channels.

    Layers are named by torchvision's features: block0, block1_depthwise, block1_project, ..., block16.
    epsilon, affine: of every normalisation; see NormedConv2D.
    """
    def convolution(maps, filters, size, name, stride=1, activation=None):
        return NormedConv2D(filters, size, stride, activation, epsilon, affine, name=name)(maps)

    image = keras.Input((None, None, 3), name="image")
    maps, levels = convolution(image, 16, 3, "block0", 2, "hard_swish"), {}
    for number, (size, expanded, filters, excite, activation, stride) in enumerate(BLOCKS, 1):
        name, inner = f"block{number}", maps
        if expanded != maps.shape[-1]:
            inner = convolution(inner, expanded, 1, f"{name}_expand", activation=activation)
        inner = convolution(inner, None, size, f"{name}_depthwise", stride, activation)
        if excite:
            inner = squeeze_excite(inner, _divisible_by_8(expanded // 4), name)
        inner = convolution(inner, filters, 1, f"{name}_project")
        if stride == 1 and filters == maps.shape[-1]:
            inner = keras.layers.Add(name=f"{name}_add")([inner, maps])
        maps = levels[number] = inner
    levels[16] = convolution(maps, 6 * maps.shape[-1], 1, "block16", activation="hard_swish")
    return in_float32(keras.Model(image, [levels[level] for level in LEVELS], name="mobilenet_v3_large"))


def squeeze_excite(maps, squeezed: int, name: str):
    """Weighs each channel by what the whole map holds (arXiv 1709.01507): two dense layers on the channels' means."""
    mean = MapMean(name=f"{name}_mean")(maps)  # (B, C)
    hidden = keras.layers.Dense(squeezed, activation="relu", name=f"{name}_squeeze")(mean)
    # keras's hard sigmoid is relu6(x + 3) / 6, as torchvision's
    weight = keras.layers.Dense(maps.shape[-1], activation="hard_sigmoid", name=f"{name}_excite")(hidden)
    weight = keras.layers.Reshape((1, 1, maps.shape[-1]), name=f"{name}_spread")(weight)
    return keras.layers.Multiply(name=f"{name}_weigh")([maps, weight])


def _divisible_by_8(channels: int) -> int:
    """The nearest multiple of 8, at least 8; one more where that is below 90 % of `channels`."""
    near = max(8, (channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near
