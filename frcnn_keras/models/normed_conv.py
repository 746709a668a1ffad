"""A convolution with batch normalisation by stored statistics, as one layer."""

import keras
import tensorflow as tf

from frcnn_keras.errors import InputError

ACTIVATIONS = {"relu": tf.nn.relu, "hard_swish": lambda x: x * tf.nn.relu6(x + 3.0) * (1 / 6), None: lambda x: x}


@keras.saving.register_keras_serializable(package="frcnn_keras")
class NormedConv2D(keras.layers.Layer):
    """(B, H, W, C) -> (B, ceil(H / stride), ceil(W / stride), filters): convolution, frozen batch normalisation,
    activation.

    The normalisation uses its stored statistics in every mode. In float32 it follows the convolution, as where the
    weights come from: folded into the kernel it rounds otherwise, and of ResNet50's final scores 95 % instead of 99 %
    were within 1e-4 of torchvision's (it would save a tenth of the time). In lower precisions it is folded, in float32:
    kernel * gamma / sqrt(variance + epsilon), so that convolution, bias and activation are one operation.

    The border is padded with size // 2 zeros on every side, whatever the stride; Keras's "same" pads an even map of
    stride 2 at the right and bottom alone.

    Args:
        filters: channels of the output; None for a depthwise convolution, which keeps the input's.
        size, stride: of the kernel; the size is odd.
        activation: `relu`, `hard_swish` or None.
        epsilon: added to the variance.
        affine: whether gamma and beta train; the statistics never do.
    """

    def __init__(self, filters: int | None, size: int, stride: int = 1, activation: str | None = None,
                 epsilon: float = 1e-5, affine: bool = False, **kwargs):
        super().__init__(**kwargs)
        if size % 2 == 0:
            raise InputError(f"NormedConv2D {self.name!r}: the kernel's size must be odd; received: {size}")
        self.filters, self.size, self.stride, self.activation = filters, size, stride, activation
        self.epsilon, self.affine = epsilon, affine

    def build(self, input_shape):
        """input_shape (B, H, W, C): kernel, and four numbers a filter."""
        channels = input_shape[-1]
        last = (channels, 1) if self.filters is None else (channels, self.filters)
        # variables are read in float32 under mixed precision too: the fold must not be rounded
        self.kernel = self.add_weight(name="kernel", shape=(self.size, self.size, *last), autocast=False,
                                      initializer=keras.initializers.VarianceScaling(2.0, "fan_out"))

        def per_filter(name, initializer, trainable):
            return self.add_weight(name=name, shape=(self.filters or channels,), initializer=initializer,
                                   trainable=trainable, autocast=False)

        self.gamma, self.beta = per_filter("gamma", "ones", self.affine), per_filter("beta", "zeros", self.affine)
        self.mean, self.variance = per_filter("mean", "zeros", False), per_filter("variance", "ones", False)

    def call(self, maps):
        """(B, H, W, C) -> (B, h, w, F), convolved, normalised, activated."""
        scale = self.gamma * tf.math.rsqrt(self.variance + self.epsilon)  # (F,)
        bias = self.beta - self.mean * scale
        if self.compute_dtype == "float32":
            return ACTIVATIONS[self.activation](self._convolved(maps, self.kernel) * scale + bias)
        kernel = self.kernel * (scale[:, None] if self.filters is None else scale)
        kernel, bias = (tf.cast(part, self.compute_dtype) for part in (kernel, bias))
        return ACTIVATIONS[self.activation](tf.nn.bias_add(self._convolved(maps, kernel), bias))

    def _convolved(self, maps, kernel):
        """Maps (B, H, W, C) convolved, padded evenly at every stride as torch pads."""
        convolve = tf.nn.depthwise_conv2d if self.filters is None else tf.nn.conv2d
        side, padding = [self.size // 2] * 2, "SAME"
        if self.stride > 1 and self.size > 1:  # at stride 1 SAME is even
            # padded by an operation of its own: TensorFlow 2.21 aborts on explicit padding of depthwise convolutions
            maps, padding = tf.pad(maps, [[0, 0], side, side, [0, 0]]), "VALID"
        return convolve(maps, kernel, (1, self.stride, self.stride, 1), padding)

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        return (batch, *(None if side is None else -(-side // self.stride) for side in sides), self.filters or channels)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "size": self.size, "stride": self.stride,
                "activation": self.activation, "epsilon": self.epsilon, "affine": self.affine}
