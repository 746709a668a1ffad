"""Boxes in NumPy, in the precision of what is given, for tests/torchvision_oracle.py."""

import math

import numpy as np

LIMIT = math.log(1000 / 16)


def decode(deltas, anchors):
    size = anchors[:, 2:] - anchors[:, :2]
    centre = anchors[:, :2] + size / 2 + deltas[:, :2] * size
    half = size * np.exp(np.minimum(deltas[:, 2:], LIMIT)) / 2
    return np.concatenate([centre - half, centre + half], 1)


def clip(boxes, size):
    return np.clip(boxes, 0, np.array([size[1], size[0]] * 2, boxes.dtype))


def suppress(boxes, limit):
    """Places of the boxes that stay, of boxes that come best first."""
    area, alive, kept = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), np.ones(len(boxes), bool), []
    for place in range(len(boxes)):
        if alive[place]:
            kept.append(place)
            low, high = np.maximum(boxes[place, :2], boxes[:, :2]), np.minimum(boxes[place, 2:], boxes[:, 2:])
            shared = np.prod(np.maximum(high - low, 0), 1)
            alive &= shared <= limit * (area + area[place] - shared)
    return kept


def bins(start, end, cells):
    """Weights (R, 7, cells) of a map's cells in each of the 7 bins of regions [start, end]: two samples a bin."""
    width = np.maximum(end - start, 1)[:, None] / 7
    total = 0
    for sample in (0.25, 0.75):
        place = start[:, None] + (np.arange(7) + np.asarray(sample, start.dtype)) * width  # (R, 7)
        near = np.clip(place, 0, cells - 1)
        weight = np.maximum(0, 1 - np.abs(near[..., None] - np.arange(cells).astype(start.dtype)))
        total = total + weight * ((place >= -1) & (place <= cells))[..., None] / 2
    return total.astype(start.dtype)
