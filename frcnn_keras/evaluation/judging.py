"""What COCO's evaluation decides about every detection before it counts: right, wrong or left out, at ten overlaps.

The rules are those of pycocotools.cocoeval.evaluateImg for all sizes and 100 detections: the best scored detection
chooses first, the object that it overlaps most among those of its class that nobody has taken. An ignored object (see
`coco.coco_metrics`) is chosen only where no other is left, by any number of detections, which are left out then.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from frcnn_keras.evaluation.coco import image_ids_of
from frcnn_keras.evaluation.overlaps import intersection

RIGHT, WRONG, LEFT_OUT = 1, 0, -1
THRESHOLDS = np.linspace(0.5, 0.95, 10)
LIMIT = 100  # detections of an image and class


@dataclasses.dataclass(frozen=True)
class Judged:
    """The N detections of one class in all of I images, best score first, equal ones in the order of the images' ids.
    """

    images: np.ndarray  # (N,) int, which image each is in, by its place among the examples
    scores: np.ndarray  # (N,) float64, falling
    outcomes: np.ndarray  # (10, N) int8: RIGHT, WRONG or LEFT_OUT at each of THRESHOLDS
    objects: np.ndarray  # (I,) int, objects of the class that count, of each image


@dataclasses.dataclass(frozen=True)
class Matches:
    """What becomes of D detections of one class in one image, best score first, at each of THRESHOLDS."""

    outcomes: np.ndarray  # (10, D) int8: RIGHT, WRONG or LEFT_OUT
    objects: np.ndarray  # (10, D) int64: the object that a RIGHT one finds; else -1


def judge(examples: Sequence, detections: Sequence, class_count: int) -> tuple[Judged, ...]:
    """Of each class 1..C. examples, detections: as of `coco.coco_metrics`.

    Raises:
        ValueError: they are not as many.
    """
    if len(examples) != len(detections):
        raise ValueError("examples and detections must be as many. Received: "
                         f"{len(examples)} examples, {len(detections)} detections")
    places = np.argsort(image_ids_of(examples), kind="stable").tolist()
    objects = np.zeros((class_count, len(examples)), np.int64)
    found: list[list[tuple]] = [[] for _ in range(class_count)]
    for place in places:
        example, detected = examples[place], detections[place]
        counted = np.asarray(example.labels)[~example.ignored]
        objects[:, place] = np.bincount(counted, minlength=class_count + 1)[1:class_count + 1]
        for label, best, matches in matches_of(example, detected):
            if 1 <= label <= class_count:
                scores = np.asarray(detected.scores, np.float64)[best]
                found[label - 1].append((np.full(len(best), place), scores, matches.outcomes))
    return tuple(_joined(parts, counts) for parts, counts in zip(found, objects, strict=True))


def matches_of(example: Any, detected: Any) -> Iterator[tuple[int, np.ndarray, Matches]]:
    """One image's detections, class by class: the label, the places of those that count, best score first, and what
    becomes of them; `objects` are places among all objects of the image. What is beyond the LIMIT is left away."""
    truth, boxes = _widths(example.boxes), _widths(detected.boxes)
    scores, labels = np.asarray(detected.scores, np.float64), np.asarray(detected.labels)
    overlaps = _overlaps(boxes, truth, example.ignored)
    near = ((overlaps >= THRESHOLDS[0]) & (labels[:, None] == example.labels)).any(axis=1)
    order = np.lexsort((-scores, labels))  # stable, as COCO's code sorts
    for own in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if len(order) else ():
        best, label = own[:LIMIT], int(labels[own[0]])
        if not near[best].any():  # most classes that are found in an image are not in it
            yield label, best, _wrong(len(best))
            continue
        objects = np.flatnonzero(example.labels == label)
        matches = match(overlaps[best][:, objects], example.ignored[objects])
        yield label, best, Matches(matches.outcomes, np.append(objects, -1)[matches.objects])


def _wrong(count: int) -> Matches:
    return Matches(np.full((len(THRESHOLDS), count), WRONG, np.int8), np.full((len(THRESHOLDS), count), -1, np.int64))


def match(overlaps: np.ndarray, ignored: np.ndarray) -> Matches:
    """Judges the detections of one image and class.

    Args:
        overlaps: (D, G) of the detections, best score first, with the objects.
        ignored: (G,) bool.
    """
    wrong = _wrong(len(overlaps))
    outcomes, objects = wrong.outcomes, wrong.objects
    free = np.ones((len(THRESHOLDS), len(ignored)), bool)
    reached = overlaps.max(axis=1, initial=0.0) >= THRESHOLDS[0]
    rows = np.arange(len(THRESHOLDS))
    for place in np.flatnonzero(reached):
        near = (overlaps[place] >= THRESHOLDS[:, None]) & (free | ignored)
        choice = np.where(near & ~ignored, overlaps[place], -1.0)
        best = choice.shape[1] - 1 - choice[:, ::-1].argmax(axis=1)  # of equal ones the last, as in COCO's code
        right = choice[rows, best] >= 0
        free[rows[right], best[right]] = False
        outcomes[right, place], objects[right, place] = RIGHT, best[right]
        outcomes[~right & (near & ignored).any(axis=1), place] = LEFT_OUT
    return Matches(outcomes, objects)


def _joined(parts: list[tuple], objects: np.ndarray) -> Judged:
    images = np.concatenate([np.zeros(0, np.int64), *(part[0] for part in parts)])
    scores = np.concatenate([np.zeros(0), *(part[1] for part in parts)])
    outcomes = np.concatenate([np.zeros((len(THRESHOLDS), 0), np.int8), *(part[2] for part in parts)], axis=1)
    order = np.argsort(-scores, kind="stable")
    return Judged(images[order], scores[order], outcomes[:, order], objects)


def _widths(boxes: np.ndarray) -> np.ndarray:
    """x, y, width, height in float64, from which COCO's code computes."""
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def _overlaps(boxes: np.ndarray, truth: np.ndarray, ignored: np.ndarray) -> np.ndarray:
    """(D, G) IoU of x, y, width, height; with an ignored object the share of the detection's area that lies in it. To
    the last digit what COCO's code computes: `overlaps.iou` rounds otherwise."""
    corners = [np.concatenate([some[:, :2], some[:, :2] + some[:, 2:]], axis=1) for some in (boxes, truth)]
    shared = intersection(*corners)
    areas, truth_areas = boxes[:, 2] * boxes[:, 3], truth[:, 2] * truth[:, 3]
    together = np.where(ignored, areas[:, None], areas[:, None] + truth_areas - shared)
    return np.divide(shared, together, out=np.zeros_like(shared), where=together > 0)
