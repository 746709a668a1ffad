"""What a fold's detector is known to do: how often it is right, how closely it places boxes, what it misses."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from frcnn_keras.audit.calibration import Calibration, calibrate
from frcnn_keras.audit.hypotheses import iou
from frcnn_keras.audit.matching import RIGHT, Matched

ENOUGH = 30  # objects of a class, from which it is judged by itself
_LEAST_SPREAD = 0.03  # IoU: an edge is a pixel off here and there, however good the detector is


@dataclasses.dataclass(frozen=True)
class Placing:
    """IoU of a right detection with its label."""

    middle: float  # median
    spread: float  # standard deviation below it, by the median deviation, which wrong labels hardly move


@dataclasses.dataclass(frozen=True)
class Fold:
    """One fold's detector."""

    objects: Calibration  # whether any object is there, by the sum of a place's class scores
    classes: Calibration  # whether one of the detection's class is there, by its score
    placing: tuple[Placing, ...]  # of classes 1..C


def fold_of(matched: Sequence[Matched], classes: int) -> Fold:
    """From all images of a fold."""
    sums, surest, present, right = [np.zeros(0)], [np.zeros(0)], [np.zeros(0, bool)], [np.zeros(0, bool)]
    for one in matched:
        found = one.label_of >= 0
        near = np.zeros(len(found), bool)
        near[found] = one.overlaps[found, one.label_of[found]] >= RIGHT
        same = near.copy()
        same[near] = one.image.labels[one.label_of[near]] == one.seen.labels[near]
        counts = ~one.explained
        sums.append(objectness(one)[counts])
        surest.append(one.seen.scores[counts])
        present.append(near[counts])
        right.append(same[counts])
    known = calibrate(np.concatenate(surest), np.concatenate(right))
    return Fold(calibrate(np.concatenate(sums), np.concatenate(present)), known, _placing(matched, known, classes))


def objectness(one: Matched) -> np.ndarray:
    """(H,) the chance of any object, as the detector says: classes exclude each other, so their scores add up."""
    return np.minimum(one.seen.chances.sum(axis=1), 1.0)


def own_class(one: Matched, label: int) -> tuple[float, np.ndarray, float]:
    """Of a label with a place: the score of its own class there, that detection's box and its IoU with the label; 0
    where the class was not found."""
    place, column = one.place_of[label], one.image.labels[label] - 1
    box = one.seen.class_boxes[place, column]
    score = float(one.seen.chances[place, column])
    return score, box, float(iou(box[None], one.image.boxes[[label]])[0, 0]) if score > 0 else 0.0


def _placing(matched: Sequence[Matched], known: Calibration, classes: int) -> tuple[Placing, ...]:
    """Of each class; of all together where it has fewer than ENOUGH sure detections."""
    found: list[list[float]] = [[] for _ in range(classes)]
    for one in matched:
        for label in np.flatnonzero((one.place_of >= 0) & ~one.image.ignored):
            score, _, overlap = own_class(one, label)
            if score > 0 and known(np.array(score)) >= 0.5:
                found[one.image.labels[label] - 1].append(overlap)
    pooled = [overlap for of_class in found for overlap in of_class]
    return tuple(_spread(of_class if len(of_class) >= ENOUGH else pooled) for of_class in found)


def _spread(overlaps: list[float]) -> Placing:
    if len(overlaps) < 5:
        return Placing(0.8, 0.1)
    values = np.array(overlaps)
    middle = float(np.median(values))
    below = middle - values[values <= middle]
    return Placing(middle, max(_LEAST_SPREAD, 1.4826 * float(np.median(below))))
