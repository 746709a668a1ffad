"""The precision that a detector computes in, changed in place: its variables are float32 always."""

import contextlib

import keras

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
_FLOAT32 = ("objectness", "deltas", "class_logits")  # logits rank proposals, deltas move boxes by fractions of a pixel


@contextlib.contextmanager
def computing_in(detector, precision: str, trunk: bool = True):
    """Within the block, graphs traced of this detector compute products in `precision`; afterwards as before.

    The last layers of RPN and head stay float32, and so do losses, decoding and suppression, which cast. trunk: the
    feature extractor too, not only RPN and head.

    A graph keeps the precision it was traced in, wherever it is called.
    """
    parts = (detector.extractor, detector.rpn, detector.rcnn) if trunk else (detector.rpn, detector.rcnn)
    layers = [layer for part in parts for layer in part._flatten_layers() if layer.name not in _FLOAT32]
    before = [layer.dtype_policy for layer in layers]
    try:
        for layer in layers:
            layer.dtype_policy = keras.dtype_policies.get(precision)
        yield
    finally:
        for layer, policy in zip(layers, before, strict=True):
            layer.dtype_policy = policy
