"""Which boxes of an image are good enough to work with."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from frcnn_keras.data.example import Problem

SMALLEST_SIDE = 2.0  # pixels of the image; smaller objects neither train nor count
ROUNDING = 0.01  # pixels by which a box may reach over the edge unreported: annotations are rounded to 2 decimals


class CheckedBoxes(NamedTuple):
    boxes: np.ndarray  # (K, 4) float32, inside the image
    kept: np.ndarray  # (K,) int64: which of the boxes given these are
    clipped: np.ndarray  # int64: which of the boxes given were kept and clipped
    problems: list[Problem]


def check_boxes(boxes, height: int, width: int, file: str, items: Sequence[str]) -> CheckedBoxes:
    """Sorts the good boxes of one image from the bad.

    boxes: (G, 4) x1, y1, x2, y2 in pixels, of any values; items: G names for messages. Fatal problems: coordinates
    that are no finite numbers, x2 <= x1 or y2 <= y1, a box wholly outside the image. Boxes that reach over the edge
    are clipped; those then under 2 pixels a side are left out with a problem that is not fatal.
    """
    raw = np.asarray(boxes, np.float64).reshape(-1, 4)  # (G, 4)
    limit = np.array([width, height, width, height], np.float64)
    with np.errstate(invalid="ignore"):  # NaN compares false; such boxes are refused first
        inside = np.clip(raw, 0.0, limit)
        sides = np.minimum(inside[:, 2] - inside[:, 0], inside[:, 3] - inside[:, 1])  # (G,)
        infinite = ~np.isfinite(raw).all(axis=1)
        inverted = ~infinite & ((raw[:, 2] <= raw[:, 0]) | (raw[:, 3] <= raw[:, 1]))
        outside = ~infinite & ~inverted & (sides <= 0)
        small = ~infinite & ~inverted & ~outside & (sides < SMALLEST_SIDE)
        over = (np.abs(raw - inside) > ROUNDING).any(axis=1)
    problems = []
    for index in np.flatnonzero(infinite | inverted | outside | small):
        corners = "x1 {:g}, y1 {:g}, x2 {:g}, y2 {:g}".format(*raw[index])
        if infinite[index]:
            message = f"the box has a coordinate that is no finite number ({corners}); correct or remove it"
        elif inverted[index]:
            message = f"the box has no area ({corners}): x2 > x1 and y2 > y1 are needed; correct or remove it"
        elif outside[index]:
            message = f"the box ({corners}) lies wholly outside the image of {width} x {height}; correct or remove it"
        else:
            w, h = inside[index, 2:] - inside[index, :2]
            message = f"{w:g} x {h:g} pixels is under {SMALLEST_SIDE:g} pixels a side; left out"
        problems.append(Problem(file, message, items[index], fatal=not small[index]))
    good = ~(infinite | inverted | outside | small)
    kept = np.flatnonzero(good)
    return CheckedBoxes(inside[kept].astype(np.float32), kept, np.flatnonzero(good & over), problems)
