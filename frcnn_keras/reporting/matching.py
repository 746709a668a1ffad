"""Which detection finds which object, as `evaluation.judging` decides it at its first overlap, an IoU of .5."""

import dataclasses

import numpy as np

from frcnn_keras.evaluation.judging import LEFT_OUT, THRESHOLDS, matches_of
from frcnn_keras.evaluation.overlaps import iou
from frcnn_keras.runs.evaluated import EvaluatedImage

IOU = float(THRESHOLDS[0])  # from which an object is found


@dataclasses.dataclass(frozen=True)
class Matched:
    """One image's D detections with its G objects."""

    overlaps: np.ndarray  # (D, G) float64 IoU, 0 for objects that are ignored
    objects: np.ndarray  # (D,) int, the object that a detection finds; -1 none
    left_out: np.ndarray  # (D,) bool: lies in an ignored object, or beyond judging.LIMIT: counts neither way
    taken: np.ndarray  # (G,) int, the detection that an object is found by; -1 none


def match(image: EvaluatedImage) -> Matched:
    """Of all classes together."""
    found, ignored = image.detected, image.ignored
    objects, taken = np.full(len(found.scores), -1), np.full(len(ignored), -1)
    left_out = np.ones(len(found.scores), bool)
    for _, places, matches in matches_of(image, found):
        objects[places], left_out[places] = matches.objects[0], matches.outcomes[0] == LEFT_OUT
    finding = np.flatnonzero(objects >= 0)
    taken[objects[finding]] = finding
    return Matched(np.where(ignored, 0.0, iou(found.boxes, image.boxes)), objects, left_out, taken)
