"""Duplicate labels: two boxes on one object."""

import numpy as np

from frcnn_keras.auditing.findings import Finding
from frcnn_keras.auditing.pairing import Paired
from frcnn_keras.evaluation.overlaps import iou

SAME, OTHER = 0.5, 0.8  # IoU from which two labels of one class, of two classes may be of one object


def duplicate(one: Paired, class_names: tuple[str, ...]) -> list[Finding]:
    """Of two labels that overlap, the one that detections speak for less.

    The score is how far the IoU is between SAME (or OTHER) and 1; times 1 - q of the label's own class where a place of
    its own speaks for it. Objects that do overlap so much are rarer than clicks made twice, and a detector with
    suppression at 0.5 never finds both: the boxes themselves are the best evidence.
    """
    image = one.image
    own = np.array([one.seen.chances[place, label - 1] if place >= 0 else 0.0
                    for place, label in zip(one.place_of, image.labels, strict=True)])  # (G,)
    fits = np.array([one.overlaps[place, label] if place >= 0 else 0.0 for label, place in enumerate(one.place_of)])
    overlaps, best = iou(image.boxes, image.boxes), {}
    for first in range(len(own)):
        for second in range(first + 1, len(own)):
            if image.ignored[[first, second]].any():
                continue
            least = SAME if image.labels[first] == image.labels[second] else OTHER
            # the later one goes where nothing tells them apart: the order of annotations is the file's own
            worse = min(second, first, key=lambda label: (own[label] * fits[label], -label))
            score = (overlaps[first, second] - least) / (1 - least) * (1 - own[worse])
            if score > best.get(worse, 0.0):
                best[worse] = float(score)
    return [Finding("duplicate", image.id, image.file, box, class_names[image.labels[label] - 1], "", score,
                    int(image.annotations[label]), box)
            for label, score in best.items() for box in [tuple(map(float, image.boxes[label]))]]
