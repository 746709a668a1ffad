"""Which detection finds which object, as COCO's evaluation decides it at an IoU of .5 (`evaluation.judging` says only
whether one is found)."""

import dataclasses

import numpy as np

from frcnn_keras.reporting.found import Picture

IOU, LIMIT = 0.5, 100  # from which an object is found; detections of an image and class that count


@dataclasses.dataclass(frozen=True)
class Matched:
    """One image's D detections with its G objects."""

    overlaps: np.ndarray  # (D, G) float64 IoU, 0 for objects that are ignored
    objects: np.ndarray  # (D,) int, the object that a detection finds; -1 none
    left_out: np.ndarray  # (D,) bool: lies in an ignored object, or beyond the LIMIT: counts neither way
    taken: np.ndarray  # (G,) int, the detection that an object is found by; -1 none


def match(picture: Picture) -> Matched:
    """The best scored detection chooses first, among the free objects of its class the one that it overlaps most."""
    found, ignored = picture.detected, picture.ignored
    overlaps, inside = overlaps_of(found.boxes, picture.boxes)
    same = found.labels[:, None] == picture.labels
    objects, taken = np.full(len(found.scores), -1), np.full(len(ignored), -1)
    left_out = np.zeros(len(found.scores), bool)
    order = np.argsort(-found.scores, kind="stable")
    for label in np.unique(found.labels):
        own = order[found.labels[order] == label]
        left_out[own[LIMIT:]] = True
        for place in own[:LIMIT]:
            free = same[place] & ~ignored & (taken < 0) & (overlaps[place] >= IOU)
            if free.any():
                last = len(free) - 1 - np.argmax(np.where(free, overlaps[place], -1.0)[::-1])  # of equal ones, as COCO
                objects[place], taken[last] = last, place
            else:
                left_out[place] = bool((same[place] & ignored & (inside[place] >= IOU)).any())
    return Matched(np.where(ignored, 0.0, overlaps), objects, left_out, taken)


def overlaps_of(boxes: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(D, G) IoU, and the share of each box that lies in each other one. boxes (D, 4), others (G, 4): x1, y1, x2, y2.
    """
    sides = np.minimum(boxes[:, None, 2:], others[:, 2:]) - np.maximum(boxes[:, None, :2], others[:, :2])
    shared = np.prod(np.maximum(sides, 0.0), axis=2)
    areas, other_areas = (np.prod(some[:, 2:] - some[:, :2], axis=1) for some in (boxes, others))
    together = areas[:, None] + other_areas - shared
    own = np.broadcast_to(areas[:, None], shared.shape)
    return tuple(np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0) for whole in (together, own))
