"""Fast R-CNN head: pooled regions -> class logits and class-specific deltas (arXiv 1504.08083, section 2).

Every layer is named: Keras numbers unnamed ones through the process, and equal detectors would be unequal files.
"""

import keras
import tensorflow as tf

from frcnn_keras.errors import InputError, one_line
from frcnn_keras.models.normed_conv import NormedConv2D

VGG_FC6 = (25088, 4096)  # of the kernel: 7 x 7 cells of 512 channels in, 4096 units out


def _sequence(layers: list, name: str, dtype) -> keras.Model:
    """The layers one behind the other, all of one policy."""
    sequence = keras.Sequential(layers, name=name)
    sequence.dtype_policy = dtype
    return sequence


def two_fc(size: int, channels: int, width: int = 1024, dropout: float = 0.0, dtype="float32") -> keras.Model:
    """Two dense layers with ReLU and dropout behind each, from (R, size, size, channels) to (R, width).

    dtype: Keras's policy of the layers (models.precision.policy_of).
    """
    layers = [keras.Input((size, size, channels), name="regions"), keras.layers.Flatten(name="flatten", dtype=dtype)]
    for name in ("fc1", "fc2"):
        layers += [keras.layers.Dense(width, activation="relu", name=name, dtype=dtype),
                   keras.layers.Dropout(dropout, name=f"{name}_dropout", dtype=dtype)]
    return _sequence(layers, "two_fc", dtype)


def vgg_fc(size: int, channels: int, dropout: float = 0.0, dtype="float32") -> keras.Model:
    """VGG16's fc6 and fc7: two_fc of 4096 units."""
    return two_fc(size, channels, 4096, dropout, dtype)


def load_vgg_fc(trunk: keras.Model, weights: str) -> None:
    """Starts fc6 and fc7 from VGG16's ImageNet weights: `imagenet` (downloads) or a weights file with its top.

    Raises:
        InputError: the maps are not VGG16's 512 raw channels pooled to 7x7, or the file does not fit.
    """
    if trunk.get_layer("fc1").kernel.shape != VGG_FC6:
        raise InputError(f"VGG16's fc6 takes 7x7x512 regions, this head {trunk.input_shape[1:]}: prepare with "
                         "--backbone vgg16 --feature-layers block5_conv3 --neck-channels 0, or leave --head-weights "
                         "out")
    try:
        source = keras.applications.VGG16(weights=weights)
    except (OSError, ValueError) as error:
        reason = one_line(error)
        raise InputError(f"--head-weights {weights}: cannot be loaded as VGG16 with its top ({reason})") from error
    for name in ("fc1", "fc2"):
        trunk.get_layer(name).set_weights(source.get_layer(name).get_weights())


def conv_fc(size: int, channels: int, convolutions: int = 4, width: int = 1024, epsilon: float = 1e-5) -> keras.Model:
    """3x3 convolutions that keep the channels, with batch normalisation by stored statistics and ReLU, then one dense
    layer with ReLU (arXiv 1803.08494, section 4.2): from (R, size, size, channels) to (R, width)."""
    layers = [keras.Input((size, size, channels), name="regions")]
    layers += [NormedConv2D(channels, 3, 1, "relu", epsilon, True, name=f"conv{number}", dtype="float32")
               for number in range(1, convolutions + 1)]
    layers += [keras.layers.Flatten(name="flatten", dtype="float32"),
               keras.layers.Dense(width, activation="relu", name="fc1", dtype="float32")]
    return _sequence(layers, "conv_fc", "float32")


def backbone_top(top: keras.Model, size: int, channels: int, dtype="float32") -> keras.Model:
    """The rest of a backbone on regions (R, size, size, channels), averaged over its cells (arXiv 1512.03385, appendix
    A). Its kernels train; BatchNorm keeps its stored statistics and scales."""
    top.trainable = True
    for layer in top.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    average = keras.layers.GlobalAveragePooling2D(name="average", dtype=dtype)
    return _sequence([keras.Input((size, size, channels), name="regions"), top, average], "backbone_top", dtype)


@keras.saving.register_keras_serializable(package="frcnn_keras")
class RCNN(keras.Model):
    """A trunk, then N class logits and 4N deltas.

    New weights start as Fast R-CNN has them: normal with deviation 0.01 for classes and 0.001 for deltas.
    """

    def __init__(self, trunk: keras.Model, classes: int, boxes: bool = True, *, dtype="float32", **kwargs):
        """classes: N, the background included. boxes: whether it moves regions too, or only classifies them."""
        super().__init__(dtype=dtype, **kwargs)
        self.trunk, self.classes, self.boxes = trunk, classes, boxes

        def dense(units, name, deviation):
            return keras.layers.Dense(units, name=name, dtype="float32",
                                      kernel_initializer=keras.initializers.RandomNormal(stddev=deviation))

        self.class_logits = dense(classes, "class_logits", 0.01)
        self.deltas = dense(4 * classes, "deltas", 0.001) if boxes else None

    def build(self, input_shape):
        features = self.trunk.output_shape[-1]
        self.class_logits.build((None, features))
        if self.deltas is not None:
            self.deltas.build((None, features))
        self.built = True

    def call(self, pooled, training=False):
        """Pooled regions (R, S, S, C) -> class logits (R, N), deltas (R, N, 4) in units of the delta scales, or None
        where it only classifies."""
        hidden = self.trunk(pooled, training=training)  # (R, F)
        logits = self.class_logits(hidden)
        return logits, None if self.deltas is None else tf.reshape(self.deltas(hidden), (-1, self.classes, 4))

    def get_config(self):
        trunk = keras.saving.serialize_keras_object(self.trunk)
        kind = {} if self.boxes else {"boxes": False}  # written where it says something: see settings.options.LATER
        return {**super().get_config(), "trunk": trunk, "classes": self.classes, **kind}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["trunk"] = keras.saving.deserialize_keras_object(config["trunk"])
        return cls(**config)
