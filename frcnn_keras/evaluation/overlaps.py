"""Areas that boxes share, in NumPy and float64: whoever judges detections that are written down needs no TensorFlow."""

import numpy as np


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(N, 4) and (M, 4), x1, y1, x2, y2 -> (N, M) intersection over union; 0 where the union is empty."""
    shared = intersection(boxes, others)
    return _shares(shared, area(boxes)[:, None] + area(others)[None] - shared)


def inside(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(N, 4) and (M, 4) -> (N, M) the share of each box that lies in each other one; 0 of an empty box."""
    shared = intersection(boxes, others)
    return _shares(shared, np.broadcast_to(area(boxes)[:, None], shared.shape))


def intersection(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(N, 4) and (M, 4) -> (N, M) shared area."""
    corner = np.minimum(boxes[:, None, 2:], others[None, :, 2:]) - np.maximum(boxes[:, None, :2], others[None, :, :2])
    return np.prod(np.maximum(corner, 0.0), axis=-1)


def area(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) -> (N,)."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _shares(shared: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)
