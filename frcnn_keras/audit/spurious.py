"""Labels where no object is: nothing of any class was found there."""

from collections.abc import Sequence

import numpy as np

from frcnn_keras.audit.findings import Finding
from frcnn_keras.audit.folds import Fold, objectness
from frcnn_keras.audit.hypotheses import area
from frcnn_keras.audit.matching import RIGHT, Matched

NEIGHBOURS = 50  # labels of its class, nearest in size, by which a label's miss is judged
_SHARE = 0.02  # of labels without an object, before anything is seen


def support(one: Matched, fold: Fold) -> np.ndarray:
    """(G,) how well any detection, of any class, speaks for a label: the best p min(1, IoU / 0.5); p: its calibrated
    chance to be an object."""
    chances = fold.objects(objectness(one))  # (H,)
    return (chances[:, None] * np.minimum(1.0, one.overlaps / RIGHT)).max(axis=0, initial=0.0)


def spurious(matched: Sequence[Matched], folds: dict[int, Fold], class_names: tuple[str, ...]) -> list[Finding]:
    """Every label, by the support that it lacks.

    The score is (1 - v) (1 - m). v: the label's support. m: how often labels like it, the NEIGHBOURS of its class
    nearest in size, have no more support than it, beyond the share that may be wrong themselves: where the detector
    misses a third of the small objects, a small one that it misses is no surprise.
    """
    where = [(one, label) for one in matched for label in np.flatnonzero(~one.image.ignored)]
    of_image = {id(one): support(one, folds[one.image.fold]) for one in matched}
    supports = np.array([of_image[id(one)][label] for one, label in where])
    labels = np.array([one.image.labels[label] for one, label in where], int)
    sizes = np.array([np.log(max(area(one.image.boxes[[label]])[0], 1e-6)) for one, label in where])
    misses = np.zeros(len(where))
    for label in set(labels.tolist()):
        rows = np.flatnonzero(labels == label)
        misses[rows] = _misses(sizes[rows], supports[rows])
    scores = (1 - supports) * (1 - misses)
    findings = []
    for (one, label), score in zip(where, scores, strict=True):
        image, box = one.image, tuple(map(float, one.image.boxes[label]))
        findings.append(Finding("spurious", image.id, image.file, box, class_names[image.labels[label] - 1], "",
                                float(score), int(image.annotations[label]), box))
    return findings


def _misses(sizes: np.ndarray, supports: np.ndarray) -> np.ndarray:
    """(N,) of labels of one class: the share of the others nearest in size with no more support, less _SHARE."""
    order = np.lexsort((supports, sizes))
    near, ranked, count = sizes[order], supports[order], len(order)
    width = min(NEIGHBOURS, count - 1)
    found, begin = np.zeros(count), 0
    for place in range(count):
        # the window moves on while what comes is nearer than what goes, and at least so far that the label is in it
        while begin + width < place or (begin + width + 1 < count and begin < place
                                        and near[begin + width + 1] - near[place] < near[place] - near[begin]):
            begin += 1
        window = np.delete(ranked[begin:begin + width + 1], place - begin)
        found[order[place]] = max(0.0, np.sum(window <= ranked[place]) / (width + 1) - _SHARE)
    return found
