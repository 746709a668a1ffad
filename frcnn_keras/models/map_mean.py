"""The mean of a whole feature map, to the digits that float32 has."""

import keras

from frcnn_keras.models.keras_internals import flatten_layers
from frcnn_keras.ops.means import map_mean


@keras.saving.register_keras_serializable(package="frcnn_keras")
class MapMean(keras.layers.GlobalAveragePooling2D):
    """(B, H, W, C) -> (B, C), or (B, 1, 1, C) with keepdims: each channel's mean, see ops.means.map_mean.

    A flat picture is a map of equal numbers, of which Keras's own layer loses up to 1.1e-4 at squeeze-and-excite's
    sizes; and squeeze-and-excite weighs every channel by it.
    """

    def call(self, maps):
        """(B, H, W, C) -> (B, C)."""
        mean = map_mean(maps)
        return mean if self.keepdims else mean[:, 0, 0]


def with_map_means(model: keras.Model) -> keras.Model:
    """`model`, each of whose GlobalAveragePooling2D layers is a MapMean from now on."""
    for layer in flatten_layers(model):
        if type(layer) is keras.layers.GlobalAveragePooling2D and layer.data_format == "channels_last":
            # in its place, which a copy of the network would not be: it has no weights, and only `call` is another
            layer.__class__ = MapMean
    return model
