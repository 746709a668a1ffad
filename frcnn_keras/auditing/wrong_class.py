"""Wrong classes: a confident detection of another class on a labelled box."""

import numpy as np

from frcnn_keras.auditing.findings import Finding
from frcnn_keras.auditing.folds import Fold
from frcnn_keras.auditing.pairing import NEAR, RIGHT, Paired


def wrong_class(one: Paired, fold: Fold, class_names: tuple[str, ...]) -> list[Finding]:
    """Every label whose place shows another class at least as likely.

    The score is p q / (q + q0) f. q: the best score of another class at the place, q0 that of the labelled one: of the
    two, how much is the other's. p: the calibrated chance that q is right, which is small where the detector is at a
    loss altogether. f: how well the box fits, 0 at an IoU of 0.2 and 1 from 0.5 on: a detection that lies beside the
    label may show a neighbour.
    """
    image, findings = one.image, []
    for label in np.flatnonzero((one.place_of >= 0) & ~image.ignored):
        place, own = one.place_of[label], image.labels[label] - 1
        others = one.seen.chances[place].copy()
        others[own] = -1.0
        other = int(np.argmax(others))
        if others[other] <= 0:
            continue
        share = others[other] / (others[other] + one.seen.chances[place, own])
        fits = min(1.0, (one.overlaps[place, label] - NEAR) / (RIGHT - NEAR))
        box = tuple(map(float, image.boxes[label]))
        findings.append(Finding("wrong_class", image.id, image.file, box, class_names[own], class_names[other],
                                fold.chance(others[other]) * share * fits, int(image.annotations[label]), box))
    return findings
