"""Missing objects: a confident detection where nothing is labelled."""

import numpy as np

from frcnn_keras.auditing.findings import Finding
from frcnn_keras.auditing.folds import Fold, object_evidence
from frcnn_keras.auditing.pairing import RIGHT, Paired
from frcnn_keras.evaluation.overlaps import iou


def missing(one: Paired, fold: Fold, class_names: tuple[str, ...]) -> list[Finding]:
    """Every place that speaks of no label.

    The score is p (1 - (u / 0.5)^2). p: the chance that there is an object of whatever class, the labels saying that
    there is none: by Bayes, from the calibrated chance and the share of objects that the labels lack. u: the largest
    IoU with a label, or with a surer place. Half on a labelled object it is that object once more, badly placed;
    objects that touch overlap by a little, which should cost little: hence the square.
    """
    seen, image = one.seen, one.image
    chances = fold.objects.refuted(object_evidence(one))  # (H,)
    nearest = np.maximum(one.overlaps.max(axis=1, initial=0.0),
                         np.tril(iou(seen.boxes, seen.boxes), -1).max(axis=1, initial=0.0))
    scores = chances * np.maximum(0.0, 1 - (nearest / RIGHT) ** 2)
    return [Finding("missing", image.id, image.file, tuple(map(float, seen.boxes[place])), "",
                    class_names[seen.labels[place] - 1], float(scores[place]))
            for place in np.flatnonzero((one.label_of < 0) & ~one.explained)]
