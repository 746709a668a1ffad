"""Images with labels and detections that a test names one by one."""

import numpy as np

from frcnn_keras.runs.evaluated import Detected, Evaluated, EvaluatedImage

NAMES = ("cat", "dog", "cow")


def image(labelled=(), found=(), number=1, fold=1, ignored=(), first=1, width=200, height=100):
    """labelled: (x1, y1, x2, y2, label) each; found: the same with a score behind. ignored: rows of labelled."""
    objects = np.array(labelled, float).reshape(-1, 5)
    seen = np.array(found, float).reshape(-1, 6)
    crowd = np.zeros(len(objects), bool)
    crowd[list(ignored)] = True
    return EvaluatedImage(
        id=f"{number}.jpg", number=number, file=f"{number}.jpg", width=width, height=height, fold=fold,
        annotations=np.arange(first, first + len(objects)), boxes=objects[:, :4], labels=objects[:, 4].astype(np.int64),
        ignored=crowd, detected=Detected(seen[:, :4], seen[:, 5], seen[:, 4].astype(np.int64)))


def audited(*images):
    """Of the three classes."""
    return Evaluated("by hand", NAMES, (1, 2, 3), images)


def many(draw, count=60, score=0.97):
    """Images of one object each, found where it is labelled."""
    images = []
    for number in range(1, count + 1):
        x, y, label = draw.integers(5, 100), draw.integers(5, 40), int(draw.integers(1, 4))
        box = (x, y, x + 50, y + 40)
        images.append(image([(*box, label)], [(*box, label, score)], number=number, fold=1 + number % 2, first=number))
    return images


def plain_fold(middle=0.9, spread=0.05, wrong=0.5):
    """A fold whose detector's scores are chances as they are; of objects, `wrong` are not labelled."""
    from frcnn_keras.auditing.calibration import Calibration
    from frcnn_keras.auditing.folds import EVIDENCE, Fold, Placing

    weights = (0.0, 1.0) + (0.0,) * (len(EVIDENCE) - 1)
    return Fold(Calibration(weights, wrong), Calibration((0.0, 1.0), 0.0), (Placing(middle, spread),) * len(NAMES))
