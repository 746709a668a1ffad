"""Labels where no object is: nothing of any class was found there."""

from collections.abc import Sequence

import numpy as np

from frcnn_keras.auditing.findings import Finding
from frcnn_keras.auditing.folds import objectness
from frcnn_keras.auditing.hypotheses import area
from frcnn_keras.auditing.matching import RIGHT, Matched

NEIGHBOURS = 50  # labels of its class, nearest in size, by which a label's miss is judged
_CLASS = 25.0  # how many neighbours the whole class weighs as much as
_SHARE = 0.02  # of labels without an object, before anything is seen


def support(one: Matched) -> np.ndarray:
    """(G,) how well any detection, of any class, speaks for a label: the best score of all classes together at a place,
    times min(1, IoU / 0.5). The detector's own scores: the faintest detection is a sign that something is there, and a
    calibrated chance has no room left below it."""
    return (objectness(one.seen)[:, None] * np.minimum(1.0, one.overlaps / RIGHT)).max(axis=0, initial=0.0)


def spurious(matched: Sequence[Matched], class_names: tuple[str, ...]) -> list[Finding]:
    """Every label, by the support that it lacks.

    The score is (1 - v) s / (s + m). v: the label's support. m: how often a right label has no more support than it, as
    its NEIGHBOURS tell, those of its class nearest in size. s: the share of labels without an object, a guess. So by
    Bayes: where the detector misses a tenth of the small objects, one that it misses is seldom a wrong label; where it
    misses none, it is one.
    """
    where = [(one, label) for one in matched for label in np.flatnonzero(~one.image.ignored)]
    of_image = {id(one): support(one) for one in matched}
    supports = np.array([of_image[id(one)][label] for one, label in where])
    labels = np.array([one.image.labels[label] for one, label in where], int)
    sizes = np.array([np.log(max(area(one.image.boxes[[label]])[0], 1e-6)) for one, label in where])
    misses = np.zeros(len(where))
    for label in set(labels.tolist()):
        rows = np.flatnonzero(labels == label)
        misses[rows] = _misses(sizes[rows], supports[rows])
    scores = (1 - supports) * _SHARE / (_SHARE + misses)
    findings = []
    for (one, label), score in zip(where, scores, strict=True):
        image, box = one.image, tuple(map(float, one.image.boxes[label]))
        findings.append(Finding("spurious", image.id, image.file, box, class_names[image.labels[label] - 1], "",
                                float(score), int(image.annotations[label]), box))
    return findings


def _misses(sizes: np.ndarray, supports: np.ndarray) -> np.ndarray:
    """(N,) of labels of one class: the share of the others nearest in size with no more support, smoothed by that of
    the whole class; of one label alone a half."""
    order = np.lexsort((supports, sizes))
    near, ranked, count = sizes[order], supports[order], len(order)
    width = min(NEIGHBOURS, count - 1)
    found, begin, every = np.zeros(count), 0, np.sort(supports)
    for place in range(count):
        # the window moves on while what comes is nearer than what goes, and at least so far that the label is in it
        while begin + width < place or (begin + width + 1 < count and begin < place
                                        and near[begin + width + 1] - near[place] < near[place] - near[begin]):
            begin += 1
        window = np.delete(ranked[begin:begin + width + 1], place - begin)
        of_class = (np.searchsorted(every, ranked[place], "right") - 0.5) / count
        found[order[place]] = (np.sum(window <= ranked[place]) + _CLASS * of_class) / (width + _CLASS)
    return found
