"""Detections of one object, whatever class each says, as one: what stands at a place, and what it may be."""

from typing import NamedTuple

import numpy as np

from frcnn_keras.auditing.findings import AuditedImage

SAME_PLACE = 0.6  # IoU; a detector's own suppression (0.5) works within a class, so those of one class rarely reach it


class Hypotheses(NamedTuple):
    """Places at which a detector saw something, the surest first."""

    boxes: np.ndarray  # (H, 4) float64: of the surest detection there
    labels: np.ndarray  # (H,) int64: its class, 1..C
    scores: np.ndarray  # (H,) float64: its score
    chances: np.ndarray  # (H, C) float64: best score of each class there, 0 where below the detector's threshold
    class_boxes: np.ndarray  # (H, C, 4) float64: box of that best one; the surest one's where there is none


def hypotheses_of(image: AuditedImage, classes: int) -> Hypotheses:
    """Goes down the detections by score: each joins the first place that it overlaps by SAME_PLACE, or is a new one.

    A detector decides class by class, so that a region that may be of two classes makes two detections. Together they
    are what is left in COCO's results of the class probabilities.
    """
    boxes, labels, scores = image.found_boxes, image.found_labels, image.scores
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


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(N, 4) and (M, 4) -> (N, M) intersection over union; 0 where the union is empty. In NumPy and float64: an audit
    needs no TensorFlow."""
    shared = intersection(boxes, others)
    union = area(boxes)[:, None] + area(others)[None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def intersection(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(N, 4) and (M, 4) -> (N, M) shared area."""
    corner = np.minimum(boxes[:, None, 2:], others[None, :, 2:]) - np.maximum(boxes[:, None, :2], others[None, :, :2])
    return np.prod(np.maximum(corner, 0.0), axis=-1)


def area(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) -> (N,)."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
