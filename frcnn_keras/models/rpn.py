"""Region proposal network: one small head that slides over every feature level (arXiv 1506.01497, section 3.1)."""

import keras
import tensorflow as tf

from frcnn_keras.errors import InputError


@keras.saving.register_keras_serializable(package="frcnn_keras")
class RPN(keras.Model):
    """`depth` 3x3 convolutions with ReLU, then K objectness logits and 4K deltas a position.

    Weights start as the paper has them: normal with deviation 0.01, biases 0. The paper's depth is 1.

    Args:
        activation: `relu`, or `linear`, with which the whole is one affine function of a window.
        initial: `normal` as above, or `uniform`, Keras's own: Glorot's in 3x3 convolutions, -0.05 to 0.05 in the rest.
    """

    def __init__(self, anchors_per_position: int, hidden: int = 512, depth: int = 1, activation: str = "relu",
                 initial: str = "normal", *, dtype="float32", **kwargs):
        """dtype: Keras's policy of the hidden layers (models.precision.policy_of)."""
        super().__init__(dtype=dtype, **kwargs)
        self.anchors_per_position, self.hidden, self.depth = anchors_per_position, hidden, depth
        self.activation, self.initial = activation, initial

        def convolution(filters, size, name, **settings):
            return keras.layers.Conv2D(filters, size, padding="same", name=name,
                                       kernel_initializer=_initializer(initial, size), **settings)

        self.convolution = convolution(hidden, 3, "convolution", activation=activation, dtype=dtype)
        self.deeper = [convolution(hidden, 3, f"convolution{number}", activation=activation, dtype=dtype)
                       for number in range(2, depth + 1)]
        # float32 whatever the policy: logits rank proposals, deltas move boxes by fractions of a pixel
        self.objectness = convolution(anchors_per_position, 1, "objectness", dtype="float32")
        self.deltas = convolution(4 * anchors_per_position, 1, "deltas", dtype="float32")

    def build(self, input_shape):
        """input_shape: of the tuple of levels, or of one level."""
        channels = tf.nest.flatten(input_shape)[-1]
        self.convolution.build((None, None, None, channels))
        for layer in self.deeper:
            layer.build((None, None, None, self.hidden))
        self.objectness.build((None, None, None, self.hidden))
        self.deltas.build((None, None, None, self.hidden))
        self.built = True

    def call(self, levels):
        """Tuple over levels of (B, H, W, C) -> logits, tuple of (B, A_l), and deltas, tuple of (B, A_l, 4).

        Anchors in order y, x, k; channel 4k + i of the deltas is coordinate i of anchor k.
        """
        logits, deltas = [], []
        for features in levels:
            hidden = self.convolution(features)
            for layer in self.deeper:
                hidden = layer(hidden)
            batch = tf.shape(features)[0]
            logits.append(tf.reshape(self.objectness(hidden), (batch, -1)))
            deltas.append(tf.reshape(self.deltas(hidden), (batch, -1, 4)))
        return tuple(logits), tuple(deltas)

    def on_tiles(self, tiles, anchors):
        """The same network on single positions: tiles (T, 3, 3, C), anchors (T,) 0..K-1 -> logits (T,), deltas (T, 4).

        Written as a product of matrices: on CPU that is 2 to 10 times quicker than the convolution of many 3x3
        images, whose set-up costs more than its arithmetic.

        Raises:
            InputError: a network of depth 2 or more, which sees more than 3x3 cells.
        """
        if self.deeper:
            raise InputError(f"an RPN of {self.depth} convolutions cannot be trained on 3x3 tiles; start a new one")
        kind = self.convolution.compute_dtype
        kernel = tf.reshape(tf.cast(self.convolution.kernel, kind), (-1, self.hidden))  # (9C, hidden)
        rows = tf.cast(tf.reshape(tiles, (-1, kernel.shape[0])), kind)  # (T, 9C)
        hidden = self.convolution.activation(tf.matmul(rows, kernel) + tf.cast(self.convolution.bias, kind))
        hidden = tf.cast(hidden, tf.float32)  # (T, hidden)
        logits = tf.matmul(hidden, self.objectness.kernel[0, 0]) + self.objectness.bias  # (T, K)
        deltas = tf.matmul(hidden, self.deltas.kernel[0, 0]) + self.deltas.bias  # (T, 4K)
        deltas = tf.reshape(deltas, (-1, self.anchors_per_position, 4))
        return tf.gather(logits, anchors, batch_dims=1), tf.gather(deltas, anchors, batch_dims=1)

    def get_config(self):
        # what came later is told where it is used: files without it stay the same to the bit
        later = {"activation": (self.activation, "relu"), "initial": (self.initial, "normal")}
        return {**super().get_config(), "anchors_per_position": self.anchors_per_position, "hidden": self.hidden,
                "depth": self.depth, **{name: own for name, (own, default) in later.items() if own != default}}


def _initializer(initial: str, size: int) -> keras.initializers.Initializer:
    """What the kernel of a convolution of this size starts from; one of its own for every layer, as each is drawn."""
    if initial == "normal":
        return keras.initializers.RandomNormal(stddev=0.01)
    return keras.initializers.GlorotUniform() if size > 1 else keras.initializers.RandomUniform(-0.05, 0.05)
