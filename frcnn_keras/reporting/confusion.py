"""Which class is taken for which: labels in rows, what was found in columns, the background last."""

from collections.abc import Sequence

import numpy as np

from frcnn_keras.evaluation.overlaps import inside, iou
from frcnn_keras.reporting.matching import IOU
from frcnn_keras.runs.evaluated import EvaluatedImage


def confusion_matrix(pictures: Sequence[EvaluatedImage], thresholds: Sequence[float]) -> np.ndarray:
    """(C + 1, C + 1) int counts of pairs (label, found) at an IoU of .5. The last column is of objects that nothing
    finds, the last row of detections where nothing is labelled.

    Each object is paired with one detection at most: first with those of its own class, then the rest with each other,
    the largest overlap first. Ignored objects, and detections that lie in one, count nowhere.

    Args:
        pictures: the images.
        thresholds: (C,) the score that a detection of each class has at least.
    """
    classes = len(thresholds)
    least = np.array([np.inf, *thresholds])
    counts = np.zeros((classes + 1, classes + 1), np.int64)
    for picture in pictures:
        found = picture.detected
        sure = found.scores >= least[found.labels]
        labels, objects = found.labels[sure], picture.labels[~picture.ignored]
        overlaps = iou(found.boxes[sure], picture.boxes[~picture.ignored])
        covered = inside(found.boxes[sure], picture.boxes[picture.ignored]).max(axis=1, initial=0.0) >= IOU
        pairs = _pairs(overlaps, labels[:, None] == objects)
        for place, object_ in pairs:
            counts[objects[object_] - 1, labels[place] - 1] += 1
        alone = set(range(len(labels))) - {place for place, _ in pairs} - set(
            np.flatnonzero(covered).tolist())
        for place in alone:
            counts[classes, labels[place] - 1] += 1
        for object_ in set(range(len(objects))) - {object_ for _, object_ in pairs}:
            counts[objects[object_] - 1, classes] += 1
    return counts


def _pairs(overlaps: np.ndarray, same: np.ndarray) -> list[tuple[int, int]]:
    """(detection, object) pairs, those of one class first, then by falling overlap."""
    places, objects = np.nonzero(overlaps >= IOU)
    order = np.lexsort((-overlaps[places, objects], ~same[places, objects]))
    pairs: list[tuple[int, int]] = []
    done: tuple[set[int], set[int]] = set(), set()
    for place, object_ in zip(places[order].tolist(), objects[order].tolist(), strict=True):
        if place not in done[0] and object_ not in done[1]:
            pairs.append((place, object_))
            done[0].add(place), done[1].add(object_)
    return pairs


def most_confused(counts: np.ndarray, most: int = 20) -> list[tuple[int, int, int]]:
    """(row, column, count) of the largest counts of two different classes, background left out, largest first."""
    inner = counts[:-1, :-1].copy()
    np.fill_diagonal(inner, 0)
    order = np.argsort(-inner, axis=None, kind="stable")[:most]
    rows, columns = np.unravel_index(order, inner.shape)
    return [(int(row), int(column), int(inner[row, column])) for row, column in zip(rows, columns, strict=True)
            if inner[row, column]]
