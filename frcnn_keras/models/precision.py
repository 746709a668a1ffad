"""The numbers that a detector multiplies in."""

import keras

from frcnn_keras.errors import InputError
from frcnn_keras.models.detector import FasterRCNN

PRECISIONS = ("float32", "bfloat16")


def set_precision(detector: FasterRCNN, precision: str) -> None:
    """Lets a detector multiply in `float32` or `bfloat16`; its weights stay float32.

    Logits and deltas, and all that follows from them (decoding, suppression, scores), are float32 in any case, and so
    is pooling. To be called before the detector's first prediction.

    Raises:
        InputError: another precision.
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision must be one of {', '.join(PRECISIONS)}; received: {precision!r}")
    policy = keras.DTypePolicy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    exact = (detector.rpn.objectness, detector.rpn.deltas, detector.rcnn.class_logits, detector.rcnn.deltas)
    for part in (detector.extractor, detector.rpn, detector.rcnn):
        for layer in part._flatten_layers():
            if not any(layer is other for other in exact):
                layer.dtype_policy = policy
