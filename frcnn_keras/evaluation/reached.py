"""How many objects of each size proposals reach: which stage loses the small ones."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from frcnn_keras.evaluation.recall import best_overlaps

SIZES = (("small", 0.0, 32.0**2), ("medium", 32.0**2, 96.0**2), ("large", 96.0**2, np.inf))  # COCO's, pixels squared
COUNTS, THRESHOLDS = (100, 300), (0.5, 0.7)  # proposals, and overlaps, of which recall is measured
NAMES = tuple(f"recall@{count}/{threshold:g}" for count in COUNTS for threshold in THRESHOLDS)


@dataclasses.dataclass(frozen=True)
class Reached:
    """One image's objects that count, or all images' together."""

    objects: np.ndarray  # (len(SIZES),) int
    reached: np.ndarray  # (len(SIZES), len(NAMES)) int: of them by proposals

    def __add__(self, other: "Reached") -> "Reached":
        return Reached(self.objects + other.objects, self.reached + other.reached)


NOTHING = Reached(np.zeros(len(SIZES), np.int64), np.zeros((len(SIZES), len(NAMES)), np.int64))


def sizes_of(boxes: np.ndarray) -> np.ndarray:
    """(G,) which of SIZES each box (G, 4), in pixels of the upright image, has."""
    area = np.round(np.prod(np.asarray(boxes, np.float64)[:, 2:] - boxes[:, :2], axis=1), 1)  # float32 is off by less
    return np.digitize(area, [low for _, low, _ in SIZES[1:]])


def reached(proposals: np.ndarray, boxes: np.ndarray, ignored: np.ndarray) -> Reached:
    """Of one image. proposals (P, 4), the best first, boxes (G, 4) and ignored (G,) bool, objects that do not count;
    boxes in pixels of the upright image."""
    counts = ~np.asarray(ignored, bool)
    size = sizes_of(boxes)[counts, None] == np.arange(len(SIZES))  # (G, sizes)
    best = best_overlaps(proposals, boxes[counts], COUNTS)  # (counts, G)
    found = [size[row >= threshold].sum(axis=0) for row in best for threshold in THRESHOLDS]
    return Reached(size.sum(axis=0), np.stack(found, axis=1))


def recall_of(images: Sequence[Reached]) -> dict[str, float]:
    """The share of all images' objects that proposals reach, by NAMES; NaN where no object counts."""
    together = sum(images, NOTHING)
    return _shares(int(together.objects.sum()), together.reached.sum(axis=0))


def recall_by_size(images: Sequence[Reached]) -> dict[str, dict[str, float]]:
    """{"small": {"objects": how many count, "recall@100/0.5": share, ...}, "medium", "large"}."""
    together = sum(images, NOTHING)
    return {name: {"objects": int(objects), **_shares(int(objects), counts)} for (name, _, _), objects, counts in
            zip(SIZES, together.objects, together.reached, strict=True)}


def _shares(objects: int, counts: np.ndarray) -> dict[str, float]:
    return {name: float(count / objects) if objects else float("nan") for name, count in
            zip(NAMES, counts, strict=True)}
