"""Which objects the anchors reach, and which anchor sizes would reach more of them."""

from collections.abc import Sequence

import numpy as np

from frcnn_keras.ops.anchors import base_anchors
from frcnn_keras.ops.boxes import iou

THRESHOLDS = (0.5, 0.7)  # IoU: what a box is regressed well from, and what makes an anchor positive
GAIN = 0.02  # a size joins the suggestion for this much more reach (see `score`), as each costs memory and time ...
LOSS = 0.002  # ... and leaves it where this much is lost at most
_STEP = 2**0.5  # sizes that are tried lie half an octave apart
_NEAR = 1.2  # a size that differs by less than this factor from one there is tells nothing new
_CHUNK = 64  # objects whose overlaps are computed at a time


def best_overlaps(boxes: np.ndarray, image_sizes: np.ndarray, sizes: Sequence[float], ratios: Sequence[float],
                  stride: float, offset: float) -> np.ndarray:
    """The best IoU that each object has with anchors of each size that lie wholly inside its image.

    Of the anchors of one shape an object overlaps the one most whose centre is nearest to its own, across and down;
    so no grid is laid out, and the cost does not depend on the image's size.

    Args:
        boxes: (G, 4) objects, in pixels of the resized images.
        image_sizes: (G, 2) height and width of the resized image that each object is in.
        sizes, ratios: S anchor sizes and the ratios (height / width) that each comes in.
        stride, offset: pixels from cell to cell, and the centre of cell 0.

    Returns:
        (G, S) float32; 0 where no anchor of the size lies inside the image and touches the object.
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    halves = base_anchors(sizes, ratios)[:, 2:].astype(np.float64)  # (K, 2): half width, half height
    best = np.zeros((len(boxes), len(sizes)), np.float32)
    for start in range(0, len(boxes), _CHUNK):
        chunk, (height, width) = boxes[start:start + _CHUNK], np.asarray(image_sizes)[start:start + _CHUNK].T
        x = _nearest((chunk[:, 0] + chunk[:, 2]) / 2, halves[:, 0], width, stride, offset)  # (g, K)
        y = _nearest((chunk[:, 1] + chunk[:, 3]) / 2, halves[:, 1], height, stride, offset)
        corners = (x - halves[:, 0], y - halves[:, 1], x + halves[:, 0], y + halves[:, 1])
        anchors = np.nan_to_num(np.stack(corners, -1))  # (g, K, 4); without area where none lies inside
        overlaps = iou(anchors.reshape(-1, 4), chunk).numpy().reshape(len(chunk), -1, len(chunk))
        object_overlaps = overlaps[np.arange(len(chunk)), :, np.arange(len(chunk))]  # (g, K)
        best[start:start + _CHUNK] = object_overlaps.reshape(len(chunk), len(ratios), len(sizes)).max(axis=1)
    return best


def _nearest(middle, half, length, stride: float, offset: float) -> np.ndarray:
    """Centres (G, K) of the cells nearest to the middles (G,) whose anchors, `half` (K,) to each side, lie inside
    0..length (G,); NaN where none does."""
    middle, length = middle[:, None], length[:, None]  # (G, 1)
    lowest = np.maximum(np.ceil((half - offset) / stride), 0)  # (K,)
    highest = np.minimum(np.floor((length - half - offset) / stride), np.ceil(length / stride) - 1)  # (G, K)
    cell = np.clip(np.rint((middle - offset) / stride), lowest, highest)
    return np.where(lowest <= highest, offset + stride * cell, np.nan)


def shares(best: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """(classes, 2) share of each class's objects whose best IoU reaches each of THRESHOLDS; NaN without objects.

    best: (G,) float; labels: (G,) 1..classes.
    """
    reached = np.asarray(best)[:, None] >= np.array(THRESHOLDS, np.float32)  # (G, 2); matching compares in float32
    counts = np.bincount(labels, minlength=classes + 1)[1:, None]  # (classes, 1)
    sums = np.stack([np.bincount(labels, column, classes + 1)[1:] for column in reached.T], axis=1)
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)


def score(best: np.ndarray, labels: np.ndarray) -> float:
    """One number for a set of sizes: `shares`, averaged over THRESHOLDS and over the classes.

    A class weighs as the root of its objects' number: a frequent class does not outvote the others, and a class of one
    object, whose share can only be 0 or 1, has little to say.
    """
    counts = np.bincount(labels)[1:]
    rows = shares(best, labels, len(counts)).mean(axis=1)
    return float(np.average(rows[counts > 0], weights=np.sqrt(counts[counts > 0])))


def sizes_to_try(sides: np.ndarray, current: Sequence[float]) -> list[float]:
    """Current sizes and others in half octaves from 8 pixels on, as far as objects (root of the area) go."""
    low, high = np.percentile(sides, (1, 99))
    steps = [round(8 * _STEP**n) for n in range(20)]
    candidates = [float(size) for size in steps if low / _STEP <= size <= high * _STEP]
    return sorted({*current, *(size for size in candidates if not _has_near(size, current))})


def suggest(best: np.ndarray, tried: Sequence[float], current: Sequence[float], labels: np.ndarray) -> list[float]:
    """Sizes that reach more than the current ones, or the same with fewer; the current ones where nothing helps.

    Adds the size that raises `score` most, while one does by GAIN or more; then drops those without which it loses
    LOSS at most. At most two more than there were.

    Args:
        best: (G, S) best IoU of each object with anchors of each size in `tried`.
        tried: S sizes, the current ones among them.
        labels: (G,) int.
    """
    columns = {size: column for column, size in enumerate(tried)}

    def value(sizes):
        return score(best[:, [columns[size] for size in sizes]].max(axis=1), labels)

    chosen = sorted(set(current))
    while len(chosen) < len(set(current)) + 2:
        candidates = [[*chosen, size] for size in tried if not _has_near(size, chosen)]
        wider = max(candidates, key=value, default=chosen)
        if value(wider) < value(chosen) + GAIN:
            break
        chosen = wider
    whole = value(chosen)
    while len(chosen) > 1:
        fewer = max(([kept for kept in chosen if kept != size] for size in chosen), key=value)
        if value(fewer) < whole - LOSS:
            break
        chosen = fewer
    return sorted(chosen)


def _has_near(size: float, sizes: Sequence[float]) -> bool:
    return any(max(size, other) < _NEAR * min(size, other) for other in sizes)
