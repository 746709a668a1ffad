"""Images with objects and detections written down, for the tests of what is made of them."""

import numpy as np

from frcnn_keras.runs.evaluated import Detected, Evaluated, EvaluatedImage


def picture(objects, detections, id=1, file="a.jpg", size=(100, 100), ignored=()):
    """objects: (label, x1, y1, x2, y2); detections: (label, score, x1, y1, x2, y2); ignored: places of objects."""
    truth, found = np.array(objects, float).reshape(-1, 5), np.array(detections, float).reshape(-1, 6)
    left = np.zeros(len(truth), bool)
    left[list(ignored)] = True
    height, width = size
    return EvaluatedImage(id, id, file, width, height, 1, 100 * id + np.arange(len(truth)), truth[:, 1:],
                          truth[:, 0].astype(int), left, Detected(found[:, 2:], found[:, 1], found[:, 0].astype(int)))


def evaluated(*pictures, names=("a", "b"), data="f"):
    """The data set of them."""
    return Evaluated(data, tuple(names), tuple(range(10, 10 * len(names) + 1, 10)), pictures)


def drawn_at_random(seed, images=20, classes=3):
    """Objects of three classes, and detections that are shifted, renamed, doubled and made up; scores often equal."""
    rng = np.random.default_rng(seed)
    pictures = []
    for id in range(1, images + 1):
        corners = rng.uniform(0, 70, (rng.integers(0, 6), 2))
        boxes = np.concatenate([corners, corners + rng.uniform(10, 30, corners.shape)], axis=1)
        labels = rng.integers(1, classes + 1, len(boxes))
        made_up = rng.uniform(0, 40, (3, 4)) + [0, 0, 40, 40]
        found = np.concatenate([boxes, boxes + rng.normal(0, 4, boxes.shape), made_up])
        found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
        named = np.concatenate([labels, labels, rng.integers(1, classes + 1, 3)])
        renamed = rng.random(len(named)) < 0.2
        named[renamed] = rng.integers(1, classes + 1, renamed.sum())
        keep = rng.random(len(named)) < 0.8
        scores = rng.integers(1, 20, len(named)) / 20
        pictures.append(EvaluatedImage(id, id, f"{id}.jpg", 100, 100, 1, 100 * id + np.arange(len(boxes)), boxes,
                                       labels, rng.random(len(boxes)) < 0.1,
                                       Detected(found[keep], scores[keep], named[keep])))
    return evaluated(*pictures, names="abc"[:classes], data="drawn")
