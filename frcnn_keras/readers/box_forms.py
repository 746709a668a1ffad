"""How a format writes a box's four numbers, and how it shows that a whole data set wrote them otherwise."""

import enum
from typing import NamedTuple

import numpy as np

OVER = 0.05  # share of a side by which a box reaches over the edge that cannot be meant: sloppy ones do by less


class BoxForm(enum.Enum):
    """What the four numbers of a box are."""

    CORNERS = "x1, y1, x2, y2, continuous edges"
    FROM_ONE = "xmin, ymin, xmax, ymax: pixels counted from 1, the last one inside (VOC)"
    SIDES = "x, y, width, height (COCO)"


class Suspicion(NamedTuple):
    """What a data set's boxes seem to be instead."""

    message: str
    fatal: bool  # whether they cannot be used as what the format says


def to_corners(boxes: np.ndarray, form: BoxForm) -> np.ndarray:
    """(G, 4) float64 as annotated -> x1, y1, x2, y2 with continuous edges.

    Pixel 0 of boxes counted from 1 is the first one's: such boxes were counted from 0, see `suspicion`.
    """
    if form is BoxForm.SIDES:
        with np.errstate(invalid="ignore", over="ignore"):  # of infinities; they are refused where boxes are checked
            return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    if form is BoxForm.FROM_ONE:
        starts = np.where(_before_first(boxes), 0.0, boxes[:, :2] - 1)
        return np.concatenate([starts, boxes[:, 2:]], axis=1)
    return boxes


def suspicion(boxes: np.ndarray, sizes: np.ndarray, form: BoxForm) -> Suspicion | None:
    """What all boxes of a data set together say of how they are written; None where nothing speaks against the form.

    boxes: (N, 4) as annotated. sizes: (N, 2) height, width of what each is in.
    """
    boxes = boxes.reshape(-1, 4)
    if not len(boxes):
        return None
    if ((boxes >= 0) & (boxes <= 1)).all():
        return Suspicion("all boxes lie within 0 and 1: they are fractions of the image where pixels are needed; "
                         "multiply them by the image's width and height", True)
    if form is BoxForm.SIDES and _are_corners(boxes, sizes):
        return Suspicion("most boxes reach far over the image as x, y, width, height and none does as x1, y1, x2, y2; "
                         "with --coco-corners they are read as these", True)
    if form is BoxForm.CORNERS and (impossible := _as_sides(boxes, sizes)) > 1:
        return Suspicion(f"all boxes lie in their images as x, y, width, height, and {impossible} of {len(boxes)} are "
                         "none as x1, y1, x2, y2, which they must be: write x + width and y + height in place of width "
                         "and height", 4 * impossible >= len(boxes))
    count = int(_before_first(boxes).any(axis=1).sum()) if form is BoxForm.FROM_ONE else 0
    if count:
        some = "1 box begins" if count == 1 else f"{count} boxes begin"
        return Suspicion(f"{some} at pixel 0, which VOC does not have: it counts from 1. If boxes were counted from 0, "
                         "--voc-from-zero takes them as they are; else all lie one pixel too far to the left and top",
                         False)
    return None


def _before_first(boxes: np.ndarray) -> np.ndarray:
    """(N, 2) bool: which xmin, ymin lie in front of pixel 1, where nothing counted from 1 can."""
    return (boxes[:, :2] >= 0) & (boxes[:, :2] < 1)


def _as_sides(boxes: np.ndarray, sizes: np.ndarray) -> int:
    """How many boxes are none as x1, y1, x2, y2, while all are good as x, y, width, height; 0 where some are not."""
    sides = np.asarray(sizes, np.float64).reshape(-1, 2)[:, ::-1]  # (N, 2) width, height
    with np.errstate(invalid="ignore", over="ignore"):
        inside = (boxes >= 0) & np.concatenate([boxes[:, :2] + boxes[:, 2:] <= sides + 1, boxes[:, 2:] > 0], axis=1)
        impossible = (boxes[:, 2:] <= boxes[:, :2]).any(axis=1)
    return int(impossible.sum()) if inside.all() else 0


def _are_corners(boxes: np.ndarray, sizes: np.ndarray) -> bool:
    """Whether all are good as x1, y1, x2, y2 while most reach far over the edge as x, y, width, height."""
    sides = np.asarray(sizes, np.float64).reshape(-1, 2)[:, ::-1]  # (N, 2) width, height
    with np.errstate(invalid="ignore", over="ignore"):
        inside = (boxes[:, :2] >= 0) & (boxes[:, 2:] > boxes[:, :2]) & (boxes[:, 2:] <= sides + 1)
        over = boxes[:, :2] + boxes[:, 2:] > sides * (1 + OVER)
    return bool(inside.all() and 2 * over.any(axis=1).sum() > len(boxes))
