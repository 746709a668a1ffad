"""The neck: a frozen backbone's channels, standardised and projected to their principal components.

A backbone's channels are redundant and of unlike mean and scale. A quarter of the numbers, decorrelated, serves the
detector as well and costs a quarter in storage and in the layers behind. Being affine in each position, the whole is
one 1x1 convolution.
"""

import keras
import numpy as np

from frcnn_keras.errors import InputError
from frcnn_keras.models.align import AlignLayers
from frcnn_keras.models.backbones import Backbone

DEAD = 1e-5  # a channel that varies less than this, relative to the others' mean deviation, carries only rounding


class NeckFit:
    """Means and covariances of feature rows, gathered in one pass, and the projection that they give.

    >>> fit = NeckFit()
    >>> for rows in parts:  # (n, C) float32 each
    ...     fit.add(rows)
    >>> kernel, bias = fit.solve(128)  # (C, 128), (128,)
    """

    def __init__(self):
        self.count = 0
        self.mean = None  # (C,) float64
        self._scatter = None  # (C, C) float64: sum of products of deviations from the mean
        self._components = None

    def add(self, rows: np.ndarray) -> None:
        """Counts in rows (n, C), or maps (..., C). Memory does not grow with their number.

        Parts are centred by themselves and merged (Chan, Golub and LeVeque 1983), so that a mean far from 0 costs no
        digits. All in float64: products of float32 are twice as quick, and their sums lose 3e-6 of a ReLU's variances.
        """
        rows = np.asarray(rows).reshape(-1, np.shape(rows)[-1])
        if len(rows) == 0:
            return
        mean = rows.mean(axis=0, dtype=np.float64)
        if not np.all(np.isfinite(mean)):
            raise InputError("the backbone's features are not finite; check its weights and its preprocessing")
        centred = rows - mean  # float64
        scatter = centred.T @ centred
        if self.count == 0:
            self.count, self.mean, self._scatter = len(rows), mean, scatter
            return
        if mean.shape != self.mean.shape:
            raise ValueError(f"rows must have {len(self.mean)} channels as before. Received: {rows.shape}")
        total, shift = self.count + len(rows), mean - self.mean
        self._scatter += scatter + np.outer(shift, shift) * (self.count * len(rows) / total)
        self.mean = self.mean + shift * (len(rows) / total)
        self.count, self._components = total, None

    @property
    def covariance(self) -> np.ndarray:
        """(C, C) float64, divided by the count."""
        if self.count < 2:
            raise InputError("the neck needs at least two feature positions to be fitted; give it an image")
        return self._scatter / self.count

    def solve(self, channels: int) -> tuple[np.ndarray, np.ndarray]:
        """kernel (C, channels) float32 and bias (channels,) float32: rows @ kernel + bias are the components.

        The components are uncorrelated with mean 0, in falling order of variance; one scale for all makes their mean
        variance 1. Channels that do not vary count for nothing.
        """
        inverse, variances, directions = self._solved()
        if not 1 <= channels <= len(variances):
            raise InputError(f"the neck can have 1 to {len(variances)} channels, as the features have; not {channels}")
        scale = 1 / np.sqrt(variances[:channels].mean())
        kernel = inverse[:, None] * directions[:, :channels] * scale  # (C, D)
        return kernel.astype(np.float32), (-self.mean @ kernel).astype(np.float32)

    def _solved(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """1 / deviation (C,), 0 for dead channels; components' variances (C,), falling; directions (C, C), columns."""
        if self._components is None:
            covariance = self.covariance
            deviation = np.sqrt(np.diag(covariance))
            alive = deviation > DEAD * deviation.mean()
            if not alive.any():
                raise InputError("the backbone's features are the same everywhere; check its weights")
            inverse = np.where(alive, 1 / np.where(alive, deviation, 1), 0)
            variances, directions = np.linalg.eigh(covariance * np.outer(inverse, inverse))
            variances, directions = np.maximum(variances[::-1], 0), directions[:, ::-1]
            # an eigenvector's sign is arbitrary: its largest coefficient is made positive
            largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=0)[None], axis=0)
            self._components = inverse, variances, directions * np.where(largest < 0, -1, 1)
        return self._components


@keras.saving.register_keras_serializable(package="frcnn_keras")
class Extractor(keras.Model):
    """Trunk, alignment and neck: images (B, H, W, 3) float32 -> tuple of feature maps, here one (B, h, w, D).

    Images are preprocessed and padded with zeros to a multiple of the largest stride. BatchNorm uses its stored
    statistics in every mode. A class of its own because a Keras functional model unwraps a tuple of one.
    """

    def __init__(self, trunk: keras.Model, strides, offsets, channels: int | None = None, **kwargs):
        """`strides` and `offsets` of the trunk's maps; `channels` of the neck, None for the raw aligned features."""
        super().__init__(dtype="float32", **kwargs)
        self.trunk = trunk
        self.align = AlignLayers(strides, offsets, name="align", dtype="float32")
        self.neck = None
        if channels:
            self.neck = keras.layers.Conv2D(channels, 1, name="neck", trainable=False, dtype="float32")
        if self.neck:
            self.neck.build(self._aligned_shape((None, None, None, 3)))
        self.built = True

    def call(self, images, training=None):
        # Keras gives a bare map where the trunk has one layer
        maps = keras.tree.flatten(self.trunk(images, training=False))
        features = self.align(maps)  # (B, h, w, C)
        return (self.neck(features) if self.neck else features,)  # (B, h, w, D)

    def compute_output_shape(self, input_shape):
        shape = self._aligned_shape(input_shape)
        return ((*shape[:-1], self.neck.filters if self.neck else shape[-1]),)

    def _aligned_shape(self, input_shape):
        shapes = self.trunk.compute_output_shape(input_shape)
        return self.align.compute_output_shape(shapes if isinstance(shapes[0], (tuple, list)) else [shapes])

    def get_config(self):
        return {
            "name": self.name,
            "trainable": self.trainable,
            "trunk": keras.saving.serialize_keras_object(self.trunk),
            "strides": list(self.align.strides),
            "offsets": list(self.align.offsets),
            "channels": self.neck.filters if self.neck else None,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        trunk = keras.saving.deserialize_keras_object(config["trunk"], custom_objects=custom_objects)
        return cls(**{**config, "trunk": trunk})


def extractor(backbone: Backbone, kernel: np.ndarray | None = None, bias: np.ndarray | None = None) -> Extractor:
    """The frozen feature extractor of a backbone, with a neck of NeckFit's kernel (C, D) and bias (D,), or raw.

    The map's stride and offset are `backbone.strides[-1]` and `backbone.offsets[-1]`.
    """
    channels = None if kernel is None else kernel.shape[1]
    model = Extractor(backbone.model, backbone.strides, backbone.offsets, channels, name="extractor")
    if kernel is not None:
        model.neck.set_weights([np.asarray(kernel)[None, None], np.asarray(bias)])
    model.trainable = False
    return model
