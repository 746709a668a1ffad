"""Where the cells of a feature map look in the image: stride and first centre, found by measurement.

Nominal strides mislead: cell 0 of VGG16's map lies at x = 8, ResNet50's at 0.5, MobileNetV2's at 15.5, although all
three have stride 16, and a network without padding (InceptionResNetV2) loses cells at the border besides. So the
network is asked. In a linearised copy of it (even positive kernels, no biases, no normalisation, averages for maxima)
the gradient of one output cell with respect to the image is symmetric about the centre of that cell's receptive
field; its centroid is the centre.
"""

import keras
import numpy as np
import tensorflow as tf

from frcnn_keras.errors import InputError

# A multiple of every stride in use (powers of two up to 64, and 3, 5, 6, 10, 12), as padded images are: where "same"
# padding splits unevenly, it depends on the parity of each map's size. Large against the effective receptive field
# (a few standard deviations of 100 pixels at most), so that the border cuts nothing that weighs.
MEASURING_SIZE = 960

_IDENTITY = (
    "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "BatchNormalization", "LayerNormalization",
    "GroupNormalization", "UnitNormalization", "RMSNormalization", "Normalization", "Rescaling", "Dropout",
    "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization",
)  # fmt: skip


class _Identity(keras.layers.Layer):
    """In place of everything that acts on each position by itself."""

    def call(self, maps, training=None, mask=None):
        return maps


class _ConstantOne(keras.layers.Layer):
    """In place of global pooling: a squeeze-and-excite branch sees the whole image and must not move the centre."""

    def __init__(self, keepdims: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.keepdims = keepdims

    def call(self, maps):
        return tf.ones_like(tf.stop_gradient(tf.reduce_mean(maps, (1, 2), keepdims=self.keepdims)))


class _SparseConvolution(keras.layers.Layer):
    """In place of a convolution whose kernel is smaller than its stride, as ResNet's 1x1 with stride 2.

    TensorFlow 2.21 corrupts its heap in the gradient of such a convolution on CPU when there are fewer than 16 channels
    (a 1x1 kernel with stride 2 on 240x240x1 aborts within five calls; not with TF_ENABLE_ONEDNN_OPTS=0).
    """

    def __init__(self, filters, kernel_size, strides, padding, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.window = filters, (kernel_size, strides, padding.upper())

    def call(self, maps):
        pooled = tf.nn.avg_pool2d(maps, *self.window)
        return tf.repeat(tf.reduce_mean(pooled, -1, keepdims=True), self.filters, axis=-1)


def _mean_kernel(shape, dtype=None):
    return tf.fill(shape, tf.cast(1 / np.prod(shape[:-1]), dtype or tf.float32))


def _linear_layer(layer: keras.layers.Layer, narrow: bool) -> keras.layers.Layer:
    """What stands for `layer` in the linearised copy; `narrow` gives every convolution a single channel."""
    kind, config = type(layer).__name__, layer.get_config()
    if kind in _IDENTITY:
        return _Identity(name=layer.name)
    if kind == "MaxPooling2D":
        return keras.layers.AveragePooling2D(layer.pool_size, layer.strides, layer.padding, name=layer.name)
    if kind in ("GlobalAveragePooling2D", "GlobalMaxPooling2D", "MapMean"):
        return _ConstantOne(config.get("keepdims", False), name=layer.name)
    if kind == "Reshape" and narrow and tuple(layer.target_shape[:2]) == (1, 1):
        return keras.layers.Reshape((1, 1, -1), name=layer.name)
    if narrow:
        config.update({key: 1 for key in ("filters", "groups", "depth_multiplier", "units") if config.get(key)})
    if kind == "Conv2D" and min(layer.kernel_size) < max(layer.strides):
        keys = ("filters", "kernel_size", "strides", "padding", "name")
        return _SparseConvolution(**{key: config[key] for key in keys})
    for key in config:
        if key.endswith(("kernel_initializer", "depthwise_initializer", "pointwise_initializer")):
            config[key] = _mean_kernel
        elif key.endswith(("_regularizer", "_constraint")):
            config[key] = None
        elif key == "use_bias":
            config[key] = False
        elif key == "activation":
            config[key] = "linear"
    return type(layer).from_config(config)


def linearised(model: keras.Model, narrow: bool = True) -> keras.Model:
    """A linear copy of `model` with the same geometry: same kernels' sizes, strides and padding, even weights.

    With `narrow` each convolution has one channel, which changes no position and costs a hundredth; a network whose
    wiring depends on its channel numbers needs `narrow=False`.
    """
    return keras.models.clone_model(
        model, clone_function=lambda layer: _linear_layer(layer, narrow), recursive=True
    )


def _gradients(model: keras.Model, output: int, cells: np.ndarray, images: tf.Tensor) -> np.ndarray:
    """Magnitudes (M, H, W) float64 of the gradient of cell (i, i) in image m of (M, H, W, 3), for i = cells[m]."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        maps = tf.nest.flatten(model(images, training=False))[output]  # (M, h, w, C)
        picked = tf.gather_nd(maps, np.stack([np.arange(len(cells)), cells, cells], axis=1))  # (M, C)
    weight = np.abs(np.asarray(tape.gradient(picked, images), np.float64)).sum(-1)  # (M, H, W)
    total = weight.sum((1, 2))
    if not np.all(np.isfinite(total) & (total > 0)):
        raise ArithmeticError("the gradient vanishes")
    return weight


def _measure_linear(model: keras.Model, output: int, cells: int) -> tuple[int, float]:
    """(stride, offset) of a linearised model from two cells in the middle, exact but for rounding."""
    pair = np.array([cells // 2 - 1, cells // 2])
    weight = _gradients(model, output, pair, tf.ones((2, MEASURING_SIZE, MEASURING_SIZE, 3)))
    pixels = np.arange(MEASURING_SIZE) + 0.5
    centres = np.stack([weight.sum(2) @ pixels, weight.sum(1) @ pixels], axis=1) / weight.sum((1, 2))[:, None]
    strides = centres[1] - centres[0]
    if np.ptp(centres, axis=1).max() > 0.01 or abs(strides[0] - round(strides[0])) > 0.01:
        raise ArithmeticError("the centres are not on a regular grid")
    stride = round(strides[0])
    return stride, round(float(np.mean(centres[:, 0] - stride * pair)) * 8) / 8


def _measure_extent(model: keras.Model, output: int, cells: int) -> tuple[int, float]:
    """(stride, offset) of a model as it is: the middle of what reaches a cell at all, from many cells under noise.

    Not the centroid: trained kernels are not even. MobileNetV2's ImageNet weights pull that of block_13_expand_relu
    from 15.5 to 12.
    """
    picked = np.unique(np.linspace(cells // 3, 2 * cells // 3, 12).astype(int))
    rng, edges = np.random.default_rng(0), []
    for part in np.array_split(picked, -(-len(picked) // 4)):
        images = tf.constant(rng.normal(size=(len(part), MEASURING_SIZE, MEASURING_SIZE, 3)), tf.float32)
        for reached in _gradients(model, output, part, images) > 0:  # (H, W)
            spans = (np.flatnonzero(reached.any(1)), np.flatnonzero(reached.any(0)))
            edges.append([(span[0], span[-1] + 1) for span in spans])
    edges = np.array(edges)  # (M, y and x, first and last)
    if edges.min() == 0 or edges.max() == MEASURING_SIZE:
        raise ArithmeticError("a cell sees the whole image")
    stride, across = np.polyfit(picked, edges.mean(axis=2), 1)[0].round()
    if stride != across:
        raise ArithmeticError("the strides in the two directions differ")
    edges = edges - stride * picked[:, None, None]
    return int(stride), float(edges.min() + edges.max()) / 2


def measure(model: keras.Model) -> tuple[tuple[int, float], ...]:
    """(stride, offset) for each output map of `model` (images (B, H, W, 3) -> maps (B, h, w, C)).

    Cell i of a map is centred at `offset + stride * i`, in image pixels with continuous edges (the first pixel's centre
    is 0.5), in both directions. Takes a second or two.

    Raises InputError where an output is not a map on a regular grid, the same in both directions.
    """
    shapes = map_sizes(model, MEASURING_SIZE, MEASURING_SIZE)
    attempts = (
        (_measure_linear, lambda: linearised(model)),
        (_measure_linear, lambda: linearised(model, narrow=False)),
        (_measure_extent, lambda: model),
    )
    reasons = []
    for method, make in attempts:
        try:
            copy = make()
            measured = tuple(method(copy, output, min(shape)) for output, shape in enumerate(shapes))
        # a layer unknown to us may fail in any way in a copy that was altered; the next attempt alters less
        except Exception as error:
            reasons.append(str(error).split("\n")[0])
            continue
        if all(stride >= 1 for stride, _ in measured):
            return measured
    reason = reasons[0] if reasons else "no stride"
    raise InputError(
        f"cannot find where the feature maps of model {model.name!r} lie in the image ({reason}); "
        "use convolutional layers whose output is (batch, height, width, channels)"
    )


def map_sizes(model: keras.Model, height: int, width: int) -> tuple[tuple[int, int], ...]:
    """(h, w) of each output map for padded images of height x width pixels; the model is asked, nothing is divided."""
    shapes = model.compute_output_shape((1, height, width, 3))
    shapes = [shapes] if isinstance(shapes[0], int) else shapes
    if not all(len(shape) == 4 for shape in shapes):
        raise InputError(
            f"a feature layer must give (batch, height, width, channels); the layers of model {model.name!r} give "
            f"{[tuple(shape) for shape in shapes]} for an image of {height}x{width}"
        )
    return tuple((int(shape[1]), int(shape[2])) for shape in shapes)
