"""Detections cut out of their picture."""

import math

import numpy as np


def crop(image: np.ndarray, box: np.ndarray) -> np.ndarray | None:
    """The pixels that a box touches, a view of `image`; None where it lies outside.

    image: (H, W, 3). box: x1, y1, x2, y2 in its pixels.
    """
    height, width = image.shape[:2]
    x1, y1, x2, y2 = (float(edge) for edge in box)
    if not all(map(math.isfinite, (x1, y1, x2, y2))) or x2 < 0 or y2 < 0:
        return None
    left, top = max(0, math.floor(x1)), max(0, math.floor(y1))
    right, bottom = min(width, max(math.ceil(x2), left + 1)), min(height, max(math.ceil(y2), top + 1))
    return image[top:bottom, left:right] if left < right and top < bottom else None
