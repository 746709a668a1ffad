"""Which detections of a data set are right, class by class."""

import numpy as np

from frcnn_keras.auditing.findings import Audited
from frcnn_keras.auditing.hypotheses import iou
from frcnn_keras.evaluation.thresholds import Judged
from frcnn_keras.evaluation.voc import IGNORED, TRUE, match_detections

IOU = 0.5  # that a right one must exceed


def judged(audited: Audited) -> tuple[Judged, ...]:
    """Of classes 1..C, by the rules of PASCAL VOC (evaluation.voc)."""
    return tuple(_of_class(audited, label) for label in range(1, len(audited.class_names) + 1))


def _of_class(audited: Audited, label: int) -> Judged:
    scores, outcomes, places = [np.zeros(0)], [np.zeros(0, np.int8)], [np.zeros(0, np.int64)]
    objects = np.zeros(len(audited.images), np.int64)
    for place, image in enumerate(audited.images):
        rows, columns = image.found_labels == label, image.labels == label
        overlaps = iou(image.found_boxes[rows], image.boxes[columns])
        scores.append(image.scores[rows])
        outcomes.append(match_detections(overlaps, image.scores[rows], image.ignored[columns], IOU))
        places.append(np.full(int(rows.sum()), place))
        objects[place] = int((columns & ~image.ignored).sum())
    every, outcome, images = (np.concatenate(parts) for parts in (scores, outcomes, places))
    order = np.argsort(-every, kind="stable")
    order = order[outcome[order] != IGNORED]
    return Judged(every[order], outcome[order] == TRUE, images[order], objects)
