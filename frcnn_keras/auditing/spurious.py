"""Labels where no object is: nothing of any class was found there."""

from collections.abc import Sequence

import numpy as np

from frcnn_keras.auditing.findings import Finding
from frcnn_keras.auditing.folds import objectness
from frcnn_keras.auditing.pairing import RIGHT, Paired
from frcnn_keras.evaluation.overlaps import area, iou

NEIGHBOURS = 50  # labels of its class, nearest in size, by which a label's faintness is judged
_CLASS = 100.0  # labels: how much a class is drawn to all classes, and neighbours to their class
_FAINT, _TAIL = 0.2, 0.6  # support: below is where labels without an object are; between the two right ones' tail
_FALL = 0.07  # support by which the number of labels without an object falls to 1 / e
_PRIOR = (0.5, 50.0)  # labels without an object before anything is seen: half a one of 50
_ROOM = (1.0, 10.0)  # and those of the tail: one of 10


def support(one: Paired) -> np.ndarray:
    """(G,) how well any detection, of any class, speaks for a label: the best score of all classes together at a place,
    times min(1, IoU / 0.5). The detector's own scores: the faintest detection is a sign that something is there, and a
    calibrated chance has no room left below it."""
    return (objectness(one.seen)[:, None] * np.minimum(1.0, one.overlaps / RIGHT)).max(axis=0, initial=0.0)


def spurious(paired: Sequence[Paired], class_names: tuple[str, ...]) -> list[Finding]:
    """Every label, by the support that it lacks.

    The score is a / (a + r) (1 - (u / 0.5)^2). a: how many labels without an object have this support, s exp(-v / 0.07)
    / 0.07 of all, v being the support. s, their share, is what lies below a support of 0.2 beyond what right labels
    would have there, if they went on as they do from 0.2 to 0.6. r: how many right ones have it, as many as in that
    tail, by the label's NEIGHBOURS, those of its class nearest in size. So by Bayes: where faint detections of small
    objects are many, a small one that was missed is no surprise; where there are none, it is. u: the largest IoU with
    another label. Objects that hide each other are missed for that; and two labels of one object are duplicates.
    """
    where = [(one, label) for one in paired for label in np.flatnonzero(~one.image.ignored)]
    of_image = {id(one): support(one) for one in paired}
    supports = np.array([of_image[id(one)][label] for one, label in where])
    labels = np.array([one.image.labels[label] for one, label in where], int)
    sizes = np.array([np.log(max(area(one.image.boxes[[label]])[0], 1e-6)) for one, label in where])
    found, tail = np.zeros(len(where)), np.zeros(len(where))
    for label in set(labels.tolist()):
        rows = np.flatnonzero(labels == label)
        found[rows], tail[rows] = _without_object(supports[rows], supports), _tail(sizes[rows], supports[rows])
    absent = found * np.exp(-supports / _FALL) / _FALL
    alone = {id(one): 1 - np.minimum(_crowding(one.image.boxes) / RIGHT, 1) ** 2 for one in paired}
    apart = np.array([alone[id(one)][label] for one, label in where])
    scores = absent / (absent + tail) * apart
    findings = []
    for (one, label), score in zip(where, scores, strict=True):
        image, box = one.image, tuple(map(float, one.image.boxes[label]))
        findings.append(Finding("spurious", image.id, image.file, box, class_names[image.labels[label] - 1], "",
                                float(score), int(image.annotations[label]), box))
    return findings


def _crowding(boxes: np.ndarray) -> np.ndarray:
    """(G,) each label's largest IoU with another."""
    overlaps = iou(boxes, boxes)
    np.fill_diagonal(overlaps, 0.0)
    return overlaps.max(axis=1, initial=0.0)


def _without_object(supports: np.ndarray, every: np.ndarray) -> np.ndarray:
    """(N,) the share s of labels without an object in a class, each label itself left out; every: supports of all
    classes, whose share the class's is drawn to."""
    def excess(values: np.ndarray) -> np.ndarray:
        faint, tail = np.sum(values <= _FAINT), np.sum((values > _FAINT) & (values <= _TAIL))
        # of the tail, 0.4 wide, half as many lie in 0.2
        return np.maximum(0.0, faint - (supports <= _FAINT) - tail * _FAINT / (_TAIL - _FAINT))

    of_all = (excess(every) + _PRIOR[0]) / (len(every) - 1 + _PRIOR[1])
    return (excess(supports) + _CLASS * of_all) / (len(supports) - 1 + _CLASS)


def _tail(sizes: np.ndarray, supports: np.ndarray) -> np.ndarray:
    """(N,) of labels of one class: how many of those nearest in size lie in the tail, by support; smoothed by the whole
    class."""
    order = np.lexsort((supports, sizes))
    near, count = sizes[order], len(order)
    inside = ((supports > _FAINT) & (supports <= _TAIL))[order].astype(float)
    sums, of_class = np.concatenate([[0.0], np.cumsum(inside)]), inside.mean()
    width, weight = min(NEIGHBOURS, count - 1), min(_CLASS, count - 1)
    found, begin = np.zeros(count), 0
    for place in range(count):
        # the window moves on while what comes is nearer than what goes, and at least so far that the label is in it
        while begin + width < place or (begin + width + 1 < count and begin < place
                                        and near[begin + width + 1] - near[place] < near[place] - near[begin]):
            begin += 1
        others = sums[begin + width + 1] - sums[begin] - inside[place]
        found[order[place]] = (others + weight * of_class + _ROOM[0]) / (width + weight + _ROOM[1])
    return found / (_TAIL - _FAINT)
