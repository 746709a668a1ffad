"""Which detection speaks of which label: one of each."""

import dataclasses

import numpy as np

from frcnn_keras.auditing.hypotheses import Hypotheses, hypotheses_of
from frcnn_keras.evaluation.overlaps import area, intersection, iou
from frcnn_keras.runs.evaluated import EvaluatedImage

NEAR = 0.2  # IoU from which a detection may speak of a label; one shifted by 0.3 of its size both ways keeps 0.32
RIGHT = 0.5  # IoU from which it shows the same object, as COCO and VOC have it
COVERED = 0.5  # share of a detection inside an ignored label that explains it, as COCO has it


@dataclasses.dataclass(frozen=True)
class Paired:
    """An image's labels and hypotheses, and who goes with whom."""

    image: EvaluatedImage
    seen: Hypotheses
    overlaps: np.ndarray  # (H, G) IoU
    label_of: np.ndarray  # (H,) int64: the label that a hypothesis speaks of, -1 for none
    place_of: np.ndarray  # (G,) int64: the hypothesis that speaks of a label, -1 for none
    explained: np.ndarray  # (H,) bool: a detection of something ignored, which neither counts nor is a finding


def pair(image: EvaluatedImage, classes: int) -> Paired:
    """Pairs by weight, the heaviest first, each label and each hypothesis once.

    The weight is IoU times the mean of two scores: that of the label's class at the place, and the best one there. So
    of two places near a label the one that agrees is taken, and else the surer one: a wrong label is held against the
    detection that contradicts it most, and a right one is not left to a neighbour's.
    """
    seen = hypotheses_of(image, classes)
    overlaps = iou(seen.boxes, image.boxes)  # (H, G)
    own = seen.chances[:, image.labels - 1]  # (H, G)
    weights = np.where(overlaps >= NEAR, overlaps * (own + seen.scores[:, None]) / 2, 0.0)
    label_of, place_of = np.full(len(seen.boxes), -1), np.full(len(image.boxes), -1)
    places, labels = np.nonzero(weights)
    for pair in np.lexsort((*image.boxes[labels].T, places, -weights[places, labels])):
        place, label = places[pair], labels[pair]
        if label_of[place] < 0 and place_of[label] < 0:
            label_of[place], place_of[label] = label, place
    return Paired(image, seen, overlaps, label_of, place_of, _explained(image, seen, label_of))


def _explained(image: EvaluatedImage, seen: Hypotheses, label_of: np.ndarray) -> np.ndarray:
    shared = intersection(seen.boxes, image.boxes[image.ignored])  # (H, ignored)
    covered = (shared >= COVERED * area(seen.boxes)[:, None]).any(axis=1) & (label_of < 0)
    paired = label_of >= 0
    covered[paired] = image.ignored[label_of[paired]]
    return covered
