"""Detections of one object, whatever class each says, as one: what stands at a place, and what it may be."""

from typing import NamedTuple

import numpy as np

from frcnn_keras.evaluation.overlaps import iou
from frcnn_keras.runs.evaluated import EvaluatedImage

SAME_PLACE = 0.6  # IoU; a detector's own suppression (0.5) works within a class, so those of one class rarely reach it


class Hypotheses(NamedTuple):
    """Places at which a detector saw something, the surest first."""

    boxes: np.ndarray  # (H, 4) float64: of the surest detection there
    labels: np.ndarray  # (H,) int64: its class, 1..C
    scores: np.ndarray  # (H,) float64: its score
    chances: np.ndarray  # (H, C) float64: best score of each class there, 0 where below the detector's threshold
    class_boxes: np.ndarray  # (H, C, 4) float64: box of that best one; the surest one's where there is none


def hypotheses_of(image: EvaluatedImage, classes: int) -> Hypotheses:
    """Goes down the detections by score: each joins the first place that it overlaps by SAME_PLACE, or is a new one.

    A detector decides class by class, so that a region that may be of two classes makes two detections. Together they
    are what is left in COCO's results of the class probabilities.
    """
    found = image.detected
    boxes, labels, scores = found.boxes, found.labels, found.scores
    order = np.lexsort((labels, *boxes.T, -scores))  # ties by content: the order in the file decides nothing
    overlaps = iou(boxes, boxes)
    leaders: list[int] = []
    members: list[list[int]] = []
    for one in order:
        place = next((place for place, leader in enumerate(leaders) if overlaps[one, leader] >= SAME_PLACE), None)
        if place is None:
            leaders.append(one)
            members.append([one])
        else:
            members[place].append(one)
    chances = np.zeros((len(leaders), classes))
    class_boxes = np.repeat(boxes[leaders][:, None], classes, axis=1)  # (H, C, 4)
    for place, group in enumerate(members):
        for one in reversed(group):  # the surest of a class last
            chances[place, labels[one] - 1] = scores[one]
            class_boxes[place, labels[one] - 1] = boxes[one]
    return Hypotheses(boxes[leaders], labels[leaders], scores[leaders], chances, class_boxes)
