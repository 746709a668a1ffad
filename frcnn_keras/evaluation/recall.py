"""How many of the objects a set of proposals reaches: what a region proposal network is judged by."""

from collections.abc import Sequence

import numpy as np

from frcnn_keras.ops import boxes as box_ops


def proposal_recall(
    proposals: Sequence[np.ndarray],
    boxes: Sequence[np.ndarray],
    ignored: Sequence[np.ndarray] | None = None,
    counts: Sequence[int] = (100, 300, 1000),
    thresholds: Sequence[float] = (0.5, 0.7),
) -> dict[str, float]:
    """The share of objects that at least one of an image's first proposals overlaps by the threshold or more.

    One proposal may reach several objects: the question is what the second stage is given to work with.

    Args:
        proposals: of each image (P, 4), best score first, in the same pixels as `boxes`; P may differ.
        boxes: of each image (G, 4) objects.
        ignored: of each image (G,) bool, objects that do not count (difficult, crowd); None if all count.
        counts: how many proposals of each image are looked at.
        thresholds: IoU from which an object is reached.

    Returns:
        {"recall@100/0.5": share, ...}, "recall@COUNT/THRESHOLD" for each pair; NaN where no object counts.
    """
    if ignored is None:
        ignored = [np.zeros(len(objects), bool) for objects in boxes]
    if not len(proposals) == len(boxes) == len(ignored):
        raise ValueError(
            "proposals, boxes and ignored must be as many. "
            f"Received: {len(proposals)} of proposals, {len(boxes)} of boxes, {len(ignored)} of ignored"
        )
    best = [np.zeros((len(counts), 0), np.float32)]
    best += [best_overlaps(p, b[~i], counts) for p, b, i in zip(proposals, boxes, ignored)]
    best = np.concatenate(best, axis=1)  # (counts, all objects)
    return {
        f"recall@{count}/{threshold:g}": float(np.mean(row >= threshold)) if row.size else float("nan")
        for count, row in zip(counts, best)
        for threshold in thresholds
    }


def best_overlaps(proposals: np.ndarray, objects: np.ndarray, counts: Sequence[int]) -> np.ndarray:
    """(counts, G) each object's best IoU among the first `count` proposals; 0 where there is none."""
    if not len(objects):
        return np.zeros((len(counts), 0), np.float32)
    overlaps = np.asarray(box_ops.iou(proposals[: max(counts)], objects))  # (P, G)
    return np.stack([overlaps[:count].max(axis=0, initial=0.0) for count in counts])
