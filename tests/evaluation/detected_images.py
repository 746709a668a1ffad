"""Drawn images with objects and detections for the tests of scores: near hits, misses, crowds, equal scores."""

from types import SimpleNamespace

import numpy as np

from frcnn_keras.data.example import Example


def detected_images(seed, images=12, classes=3, ties=False, crowds=True, numbers=False):
    """(examples, detections). ties: few different scores, so that many are equal. numbers: ids that are not in the
    order of the images."""
    rng = np.random.default_rng(seed)
    ids = rng.permutation(images * 3)[:images].tolist() if numbers else [f"{place}.png" for place in range(images)]
    pairs = [_image(rng, id, classes, ties, crowds) for id in ids]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _image(rng, id, classes, ties, crowds):
    count = rng.integers(0, 6)
    corners = rng.uniform(0, 200, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(10, 80, (count, 2))], 1).astype(np.float32)
    labels = rng.integers(1, classes + 1, count).astype(np.int32)
    crowd = (rng.random(count) < 0.2) & crowds
    difficult = (rng.random(count) < 0.15) & crowds
    example = Example(id, str(id), bytes, 300, 300, boxes, labels, difficult, crowd)
    near = np.repeat(np.arange(count), rng.integers(0, 4, count)) if count else np.zeros(0, int)
    sides = np.tile(boxes[near, 2:] - boxes[near, :2], 2)
    found = boxes[near] + (rng.normal(0, 0.12, (len(near), 4)) * (rng.random((len(near), 1)) < 0.8) * sides)
    found = np.concatenate([found, np.tile(rng.uniform(0, 200, (3, 2)), 2) + [0, 0, 40, 30]])
    wrong = rng.random(len(near)) < 0.15
    kinds = np.where(wrong, rng.integers(1, classes + 1, len(near)), labels[near])
    kinds = np.concatenate([kinds, rng.integers(1, classes + 1, 3)]).astype(np.int32)
    scores = rng.integers(1, 4, len(kinds)) / 4 if ties else rng.random(len(kinds))
    return example, SimpleNamespace(boxes=found.astype(np.float32), scores=scores.astype(np.float32), labels=kinds)
