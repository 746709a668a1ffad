"""Shifted and loose boxes: a confident detection of the label's class that has another place or size."""

import math

import numpy as np

from frcnn_keras.auditing.findings import Finding
from frcnn_keras.auditing.folds import Fold, Placing, own_class
from frcnn_keras.auditing.pairing import NEAR, Paired

_SHARE = 0.05  # of boxes that are badly drawn, before anything is seen
_DEGREES = 4  # of Student's distribution: detectors miss edges far more often than a normal one has it


def shifted(one: Paired, fold: Fold, class_names: tuple[str, ...]) -> list[Finding]:
    """Every label at whose place its own class was found.

    The score is p m. p: the calibrated chance that the detection is right. m: how probable it is, by Bayes, that the
    box is drawn badly: a bad one has any IoU with the detection from 0.2 to 1, a good one those that this detector has
    with labels of the class, Student's distribution about their median. So a class that is always found loosely, small
    cells, is not said to be labelled loosely: a fixed IoU would say so.
    """
    image, findings = one.image, []
    for label in np.flatnonzero((one.place_of >= 0) & ~image.ignored):
        score, box, overlap = own_class(one, label)
        if score <= 0:
            continue
        name = class_names[image.labels[label] - 1]
        chance = fold.chance(score) * badly_drawn(overlap, fold.placing[image.labels[label] - 1])
        findings.append(Finding("shifted", image.id, image.file, tuple(map(float, box)), name, name, chance,
                                int(image.annotations[label]), tuple(map(float, image.boxes[label]))))
    return findings


def badly_drawn(overlap: float, placing: Placing) -> float:
    """The chance that a label with this IoU is no good one; 0..1."""
    if overlap >= placing.middle:
        return 0.0
    deviation = (placing.middle - overlap) / placing.spread
    at_middle = math.gamma((_DEGREES + 1) / 2) / math.gamma(_DEGREES / 2) / math.sqrt(_DEGREES * math.pi)
    good = at_middle * (1 + deviation ** 2 / _DEGREES) ** (-(_DEGREES + 1) / 2) / placing.spread
    bad = _SHARE / (1 - NEAR)
    return bad / (bad + (1 - _SHARE) * good)
