"""Feature pyramid network: every level as meaningful as the coarsest (arXiv 1612.03144, section 3)."""

import dataclasses
import math
from collections.abc import Sequence

import keras
import tensorflow as tf

from frcnn_keras.errors import InputError
from frcnn_keras.models.backbones import Backbone, cut
from frcnn_keras.models.normed_conv import NormedConv2D


@keras.saving.register_keras_serializable(package="frcnn_keras")
class FPN(keras.layers.Layer):
    """Tuple of L maps (B, H_l, W_l, C_l), finest first -> tuple of L + 1 maps of `channels`; L without an extra level.

    A 1x1 convolution of each map, to which the coarser one is added, enlarged by nearest neighbours to its exact size;
    then a 3x3 convolution. The extra level is every second cell of the coarsest. No activation.

    Args:
        channels: of every level.
        epsilon: None for convolutions with a bias; a number for batch normalisation by stored statistics instead, with
            this epsilon and trainable gamma and beta.
        extra: whether there is the extra level.
    """

    def __init__(self, channels: int = 256, epsilon: float | None = None, extra: bool = True, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.epsilon, self.extra = channels, epsilon, extra
        self.lateral, self.smooth = [], []

    def build(self, input_shape):
        """input_shape: of the tuple of levels."""
        self.lateral = [self._convolution(1, f"lateral{level}") for level in range(len(input_shape))]
        self.smooth = [self._convolution(3, f"smooth{level}") for level in range(len(input_shape))]
        for lateral, smooth, shape in zip(self.lateral, self.smooth, input_shape):
            lateral.build((None, None, None, shape[-1]))
            smooth.build((None, None, None, self.channels))
        self.built = True

    def _convolution(self, size: int, name: str) -> keras.layers.Layer:
        if self.epsilon is not None:
            return NormedConv2D(self.channels, size, epsilon=self.epsilon, affine=True, name=name,
                                dtype=self.dtype_policy)
        return keras.layers.Conv2D(self.channels, size, padding="same", name=name, dtype=self.dtype_policy,
                                   kernel_initializer=keras.initializers.HeUniform())

    def call(self, maps):
        """Maps, finest first -> a level of each, and the extra one, coarser."""
        levels, coarser = [], None
        for map_, lateral, smooth in reversed(list(zip(maps, self.lateral, self.smooth, strict=True))):
            inner = lateral(map_)
            if coarser is not None:
                inner += enlarged(coarser, tf.shape(inner)[1:3])
            levels.insert(0, smooth(inner))
            coarser = inner
        return (*levels, levels[-1][:, ::2, ::2]) if self.extra else tuple(levels)

    def compute_output_shape(self, input_shape):
        levels = [(*shape[:-1], self.channels) for shape in input_shape]
        if not self.extra:
            return tuple(levels)
        batch, *sides, channels = levels[-1]
        return (*levels, (batch, *(None if side is None else -(-side // 2) for side in sides), channels))

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "epsilon": self.epsilon, **_no_extra(self)}


def enlarged(map_, size):
    """(B, h, w, C) -> (B, *size, C): cell i takes the value of cell floor(i * h / size), as torch's `nearest`."""
    return tf.raw_ops.ResizeNearestNeighbor(images=map_, size=size, align_corners=False, half_pixel_centers=False)


@keras.saving.register_keras_serializable(package="frcnn_keras")
class PyramidExtractor(keras.Model):
    """Trunk and FPN: images (B, H, W, 3) float32 -> tuple over levels of (B, h, w, channels), finest first.

    Images are preprocessed and padded with zeros to a multiple of the coarsest trunk map's stride. BatchNorm uses its
    stored statistics in every mode.

    Args:
        trunk: images -> list of maps, finest first.
        channels, epsilon, extra: of the FPN.
    """

    def __init__(self, trunk: keras.Model, channels: int = 256, epsilon: float | None = None, extra: bool = True,
                 **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.trunk = trunk
        self.fpn = FPN(channels, epsilon, extra, name="fpn", dtype="float32")
        self.fpn.build(_shapes(trunk, (None, None, None, 3)))
        self.built = True

    def call(self, images, training=None):
        return self.fpn(keras.tree.flatten(self.trunk(images, training=False)))

    def compute_output_shape(self, input_shape):
        return self.fpn.compute_output_shape(_shapes(self.trunk, input_shape))

    def get_config(self):
        return {"name": self.name, "trainable": self.trainable, "channels": self.fpn.channels,
                "trunk": keras.saving.serialize_keras_object(self.trunk), "epsilon": self.fpn.epsilon,
                **_no_extra(self.fpn)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        trunk = keras.saving.deserialize_keras_object(config["trunk"], custom_objects=custom_objects)
        return cls(**{**config, "trunk": trunk})


def _no_extra(fpn: FPN) -> dict:
    """What a config says of the extra level, nothing where it is there: files of such pyramids are as they were."""
    return {} if fpn.extra else {"extra": False}


def _shapes(trunk: keras.Model, input_shape) -> list[tuple]:
    shapes = trunk.compute_output_shape(input_shape)
    return list(shapes) if isinstance(shapes[0], (tuple, list)) else [shapes]


def pyramid_extractor(backbone: Backbone, channels: int = 256, extra: bool = True) -> PyramidExtractor:
    """A pyramid with a new FPN over a backbone's layers, finest first; `pyramid_geometry` says where its cells lie."""
    return PyramidExtractor(backbone.model, channels, extra=extra, name="extractor")


def pyramid_geometry(backbone: Backbone, extra: bool = True) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Strides and offsets of the pyramid's levels: the layers' own, and of every second cell of the last."""
    if not extra:
        return tuple(backbone.strides), tuple(backbone.offsets)
    return (*backbone.strides, 2 * backbone.strides[-1]), (*backbone.offsets, backbone.offsets[-1])


def chosen_levels(backbone: Backbone, levels: Sequence[str]) -> tuple[Backbone, bool]:
    """The backbone with the layers of these levels alone, and whether a pyramid on it has the extra level.

    levels: `p3` for stride 2^3, and so on, finest first; none for all there are.

    Raises:
        InputError: a level that neither a layer nor every second cell of the last has.
    """
    if not levels:
        return backbone, True
    wanted = [2 ** int(level[1:]) for level in levels]
    extra = wanted[-1] == 2 * backbone.strides[-1]
    own = wanted[:-1] if extra else wanted
    if not own or not set(own) <= set(backbone.strides):
        there = [f"p{round(math.log2(stride))}" for stride in (*backbone.strides, 2 * backbone.strides[-1])]
        raise InputError(f"--pyramid-levels {','.join(levels)}: {backbone.name} has {','.join(there)} with the layers "
                         f"{', '.join(backbone.layers)}, and the last of them only behind another; choose of these, or "
                         "name other layers with --feature-layers")
    places = [backbone.strides.index(stride) for stride in own]
    layers = tuple(backbone.layers[place] for place in places)
    return dataclasses.replace(backbone, model=cut(backbone.full, layers), layers=layers,
                               strides=tuple(backbone.strides[place] for place in places),
                               offsets=tuple(backbone.offsets[place] for place in places)), extra
