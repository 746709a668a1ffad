"""What a fold's detector is known to do: how often it is right, how closely it places boxes, what it misses."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from frcnn_keras.auditing.calibration import Calibration, calibrate, logit
from frcnn_keras.auditing.hypotheses import Hypotheses
from frcnn_keras.auditing.pairing import RIGHT, Paired
from frcnn_keras.evaluation.overlaps import area, intersection, iou

EVIDENCE = ("logit of the best score", "logit of all classes' scores together",
            "IoU with the surer place or other label that it overlaps most", "share of it in one that holds it",
            "log of its size, as a share of the picture's")
_SHARES = 4.0  # shares in units in which a weight of 1 is as much as one of a logit
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

    objects: Calibration  # whether any object is there, by object_evidence
    classes: Calibration  # whether one of the detection's class is there, by its score
    placing: tuple[Placing, ...]  # of classes 1..C

    def chance(self, score: float) -> float:
        """Of a detection with that score to be right, class and place."""
        return float(self.classes(logit(np.array([[score]])))[0])


def fold_of(paired: Sequence[Paired], classes: int) -> Fold:
    """From all images of a fold."""
    evidence, surest = [np.zeros((0, len(EVIDENCE)))], [np.zeros(0)]
    present, right = [np.zeros(0, bool)], [np.zeros(0, bool)]
    for one in paired:
        near = labelled(one)
        same = near.copy()
        same[near] = one.image.labels[one.label_of[near]] == one.seen.labels[near]
        counts = ~one.explained
        evidence.append(object_evidence(one)[counts])
        surest.append(one.seen.scores[counts])
        present.append(near[counts])
        right.append(same[counts])
    classes_of = calibrate(logit(np.concatenate(surest))[:, None], np.concatenate(right))
    objects = calibrate(np.concatenate(evidence), np.concatenate(present))
    return Fold(objects, classes_of, _placing(paired, classes_of, classes))


def labelled(one: Paired) -> np.ndarray:
    """(H,) whether a label lies at each place."""
    found = one.label_of >= 0
    near = np.zeros(len(found), bool)
    near[found] = one.overlaps[found, one.label_of[found]] >= RIGHT
    return near


def object_evidence(one: Paired) -> np.ndarray:
    """(H, len(EVIDENCE)) what tells a place with an object from one without.

    The sum counts beside the best score: where two classes are in doubt the object is not, but a detector in doubt is
    wrong more often than one that is sure. A place that lies on another object, or in it, is often a part of that
    object; and there are detectors that take empty ground for large objects. How much each weighs is the fold's own
    affair (Calibration): where objects lie in each other, lying in another says nothing.
    """
    image, seen = one.image, one.seen
    earlier = np.tril(np.ones((len(seen.boxes), len(seen.boxes)), bool), -1)
    others = np.arange(len(image.boxes)) != one.label_of[:, None]  # (H, G): labels that it does not speak of
    rivals, counted = np.concatenate([seen.boxes, image.boxes]), np.concatenate([earlier, others], axis=1)
    on = (iou(seen.boxes, rivals) * counted).max(axis=1, initial=0.0)
    own = np.maximum(area(seen.boxes), 1e-9)
    inside = (intersection(seen.boxes, rivals) * counted).max(axis=1, initial=0.0) / own
    size = np.log(own / (image.width * image.height)) / 2
    return np.stack([logit(seen.scores), logit(objectness(seen)), on * _SHARES, inside * _SHARES, size], axis=1)


def objectness(seen: Hypotheses) -> np.ndarray:
    """(H,) the score of any object at a place: classes exclude each other, so their scores add up."""
    return np.minimum(seen.chances.sum(axis=1), 1.0)


def own_class(one: Paired, label: int) -> tuple[float, np.ndarray, float]:
    """Of a label with a place: the score of its own class there, that detection's box and its IoU with the label; 0
    where the class was not found."""
    place, column = one.place_of[label], one.image.labels[label] - 1
    box = one.seen.class_boxes[place, column]
    score = float(one.seen.chances[place, column])
    return score, box, float(iou(box[None], one.image.boxes[[label]])[0, 0]) if score > 0 else 0.0


def _placing(paired: Sequence[Paired], known: Calibration, classes: int) -> tuple[Placing, ...]:
    """Of each class; of all together where it has fewer than ENOUGH sure detections."""
    found: list[list[float]] = [[] for _ in range(classes)]
    for one in paired:
        for label in np.flatnonzero((one.place_of >= 0) & ~one.image.ignored):
            score, _, overlap = own_class(one, label)
            if score > 0 and known(logit(np.array([[score]])))[0] >= 0.5:
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
