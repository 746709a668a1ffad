"""The epsilon of a detector's batch normalisations, which no state_dict holds, by what is known of its file."""

import hashlib
from pathlib import Path

import numpy as np

from frcnn_keras.errors import InputError
from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.models.keras_internals import flatten_layers
from frcnn_keras.models.normed_conv import NormedConv2D
from frcnn_keras.torchvision.coco_classes import COCO_NAMES
from frcnn_keras.torchvision.detectors import MODELS
from frcnn_keras.torchvision.weights import entries

MOST_EPSILON = 1.0
USUAL = 1e-5  # torchvision's, of every model that it builds
# the COCO weights of this model were trained without one, and torchvision sets it to 0 when it loads them
WITHOUT = "fasterrcnn_resnet50_fpn"
# torchvision's file names end in the first digits of their SHA-256
COCO_HASH = MODELS[WITHOUT].file.removesuffix(".pth").rpartition("-")[2]


def file_hash(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def settle_variances(detector: FasterRCNN, source: str) -> None:
    """Makes each normalisation of a detector, to which weights were assigned, one that TensorFlow can compute.

    Variances of dead channels may be 5.6e-45, of which TensorFlow makes 0 and its reciprocal root infinite; torch makes
    1.3e22. Without an epsilon to lift them, gamma takes such a root over and the variance becomes 1: the same numbers.
    source: what messages call the weights.

    Raises:
        InputError: a variance, epsilon added, is not above 0.
    """
    names = {id(entry.variable): entry.name for entry in entries(detector)}
    for layer in (*flatten_layers(detector.extractor), *flatten_layers(detector.rcnn)):
        if not isinstance(layer, NormedConv2D):
            continue
        variance = np.asarray(layer.variance, np.float64) + layer.epsilon
        if variance.min() <= 0:
            raise InputError(f"{source}: {names[id(layer.variance)]} must be above 0 with epsilon {layer.epsilon:g} "
                             f"added; the least is {np.min(layer.variance):g} (--bn-epsilon {USUAL:g}?)")
        tiny = variance < np.finfo(np.float32).tiny
        if tiny.any():
            layer.gamma.assign(np.where(tiny, np.asarray(layer.gamma) / np.sqrt(variance), layer.gamma))
            layer.variance.assign(np.where(tiny, 1.0, layer.variance))


def norm_epsilon(model: str, classes: int, digest: str | None, given: float | None = None) -> tuple[float, str]:
    """The epsilon to take, and a line that says which it is and why.

    Args:
        model: a key of MODELS.
        classes: of the predictor, the background's included.
        digest: SHA-256 of the weights' file; None where there is no file.
        given: the caller's own.
    """
    flag = "--bn-epsilon"
    if given is not None:
        return given, f"batch normalisation: epsilon {given:g}, as {flag} says"
    if model != WITHOUT or classes != len(COCO_NAMES) + 1:
        return USUAL, f"batch normalisation: epsilon {USUAL:g}, as torchvision has it in {model} of {classes} classes"
    if digest is not None and digest.startswith(COCO_HASH):
        return 0.0, f"batch normalisation: epsilon 0, as the file is torchvision's {MODELS[model].file} by its hash"
    why = "there is no file to tell them by" if digest is None else f"the file's hash is not {COCO_HASH}..."
    return USUAL, (f"batch normalisation: epsilon {USUAL:g}, as torchvision trains {model} with; if these are its "
                   f"COCO_V1 weights in another form ({why}), they need {flag} 0")
