"""The precision that a detector multiplies in, changed in place: its variables are float32 always."""

import contextlib
from pathlib import Path

import keras
import tensorflow as tf

from frcnn_keras.errors import InputError
from frcnn_keras.models.keras_internals import flatten_layers
from frcnn_keras.progress import say

PRECISIONS = ("float32", "bfloat16")  # of prediction
_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
_FLOAT32 = ("objectness", "deltas", "class_logits")  # logits rank proposals, deltas move boxes by fractions of a pixel
# what bfloat16 makes quicker; BatchNorm and depthwise convolutions it makes slower on CPUs (MobileNetV2: 108 ms an
# image for 65)
_PRODUCTS = (keras.layers.Conv2D, keras.layers.Dense, keras.layers.MaxPooling2D)
_SLOWER = (keras.layers.BatchNormalization, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)


def multiplies_bfloat16() -> bool:
    """Whether the processor says that it has instructions for products of bfloat16."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def warn_if_slower(precision: str | None) -> None:
    """Says in one line that bfloat16, which was asked for, will be slower than float32 here; nothing where it is not.

    Without instructions of their own its products are float32's with two conversions (measured: 1.04 to 1.8 times the
    time of float32). GPUs have them.
    """
    if precision == "bfloat16" and not multiplies_bfloat16() and not tf.config.list_physical_devices("GPU"):
        say("warning: this processor does not multiply bfloat16 itself (neither avx512_bf16 nor amx_bf16): it takes "
            "1.04 to 1.8 times as long as --precision float32")


def policy_of(precision: str) -> keras.DTypePolicy:
    """The Keras policy of a precision: products in it, variables in float32. Handed to each layer; the global policy is
    the caller's, and neither read nor set."""
    return keras.DTypePolicy(_POLICIES[precision])


def in_float32(model: keras.Model) -> keras.Model:
    """A model that was just built, whatever the caller's global policy was, with every layer in float32."""
    policy = policy_of("float32")  # one object: Keras's files say which layers share theirs
    for layer in flatten_layers(model):
        layer.dtype_policy = policy
    return model


@contextlib.contextmanager
def computing_in(detector, precision: str, trunk: bool = True):
    """Within the block, graphs traced of this detector compute products in a precision (`float32`, `bfloat16`,
    `float16`); afterwards as before. For training.

    The last layers of RPN and head stay float32, and so do losses, decoding and suppression, which cast. trunk: the
    feature extractor too, not only RPN and head.

    A graph keeps the precision it was traced in, wherever it is called.
    """
    parts = (detector.extractor, detector.rpn, detector.rcnn) if trunk else (detector.rpn, detector.rcnn)
    layers = [layer for part in parts for layer in flatten_layers(part) if layer.name not in _FLOAT32]
    before = [layer.dtype_policy for layer in layers]
    try:
        for layer in layers:
            layer.dtype_policy = policy_of(precision)
        yield
    finally:
        for layer, policy in zip(layers, before, strict=True):
            layer.dtype_policy = policy


def set_precision(detector, precision: str) -> None:
    """Lets a detector predict with products in `float32` or `bfloat16`. To be called before its first prediction.

    Logits and deltas, and all that follows from them (decoding, suppression, scores), are float32 in any case, and so
    is pooling. A network with layers that bfloat16 slows down keeps those, and what lies between products, in float32;
    the neck too: it subtracts means from features that may be far from 0, and of 8 bits little would be left.

    Raises:
        InputError: another precision.
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision must be one of {', '.join(PRECISIONS)}; received: {precision!r}")
    policy = policy_of(precision)
    for layer in _lowered(detector):
        layer.dtype_policy = policy


def _lowered(detector) -> list:
    """The layers whose precision prediction may choose."""
    layers = {id(layer): layer for part in (detector.extractor, detector.rpn, detector.rcnn)
              for layer in flatten_layers(part) if layer.name not in (*_FLOAT32, "neck")}
    if any(isinstance(layer, _SLOWER) for layer in layers.values()):
        return [layer for layer in layers.values() if type(layer) in _PRODUCTS]
    return list(layers.values())
