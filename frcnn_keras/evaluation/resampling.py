"""COCO's average precision of many draws of the same images at once, an image that is drawn twice counting twice.

Detections are judged once (`judging`): what is right in an image stays so however often it is drawn. A draw is then a
weight an image, and the curve a cumulative sum of weights.
"""

import numpy as np

from frcnn_keras.evaluation.judging import LEFT_OUT, RIGHT, THRESHOLDS, Judged

_RECALLS = np.linspace(0.0, 1.0, 101)
_CELLS = 2_000_000  # weights in memory at a time: 16 MB an array


def draw_images(images: int, draws: int, seed: int) -> np.ndarray:
    """(draws, images) int64: how often each image is in each draw of as many images, with replacement."""
    rng = np.random.default_rng(seed)
    return np.stack([np.bincount(rng.integers(images, size=images), minlength=images) for _ in range(draws)])


def resampled(judged: Judged, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One class's average precision and recall in every draw: (draws, 10) float64 both, at each of
    `judging.THRESHOLDS`; NaN where a draw has no object that counts.

    They are those that COCO's evaluation gives for the drawn images, copies of an image beside each other.

    Args:
        judged: I images' detections.
        weights: (draws, I) int, how often each image is in each draw.
    """
    images, copies, outcomes = _in_copies(judged, int(weights.max(initial=1)))
    precision, recall = (np.full((len(weights), len(THRESHOLDS)), np.nan) for _ in range(2))
    step = max(1, _CELLS // max(1, len(images)))
    for start in range(0, len(weights), step):
        rows = slice(start, start + step)
        drawn = weights[rows][:, images]  # (B, N)
        drawn = np.where(copies < 0, drawn, np.clip(drawn - copies, 0, 1))
        objects = weights[rows] @ judged.objects
        counted = np.cumsum(drawn, axis=1)
        for number, outcome in enumerate(outcomes):
            out = outcome == LEFT_OUT
            whole = counted - np.cumsum(drawn * out, axis=1) if out.any() else counted
            right = np.flatnonzero(outcome == RIGHT)
            found = np.cumsum(drawn[:, right], axis=1)
            precision[rows, number], recall[rows, number] = _curve(found, whole[:, right], objects)
    return precision, recall


def _in_copies(judged: Judged, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images, copies and outcomes of the detections in the order in which `most` copies of every image have them.

    Copies of one detection follow each other, and are one place with a weight (copy -1). Only where several detections
    of one image have the same score, as those near 1 often do, do those of its first copy come before those of its
    second; there every copy is a place of its own.
    """
    count = len(judged.images)
    if not count:
        return judged.images, np.zeros(0, np.int64), judged.outcomes
    fresh = np.ones(count, bool)
    fresh[1:] = (np.diff(judged.scores) != 0) | (np.diff(judged.images) != 0)
    starts = np.flatnonzero(fresh)
    lengths = np.diff([*starts, count])
    repeats = np.where(lengths > 1, most, 1)
    order = np.concatenate([np.tile(np.arange(start, start + length), repeat)
                            for start, length, repeat in zip(starts, lengths, repeats, strict=True)])
    copies = np.concatenate([np.repeat(np.arange(repeat) if length > 1 else [-1], length)
                             for length, repeat in zip(lengths, repeats, strict=True)])
    return judged.images[order], copies, judged.outcomes[:, order]


def _curve(found: np.ndarray, counted: np.ndarray, objects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(B,) average precision and recall. found, counted: (B, R) right detections, and all, up to each right one.
    objects: (B,)."""
    rows, columns = found.shape
    none = np.where(objects > 0, 0.0, np.nan)
    if not columns:
        return none, none
    precision = np.divide(found, counted, out=np.zeros(found.shape), where=counted > 0)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    needed = _needed(objects)  # (B, 101)
    apart = (int(objects.max()) + 2) * np.arange(rows)[:, None]  # one search in all rows: they follow each other
    places = np.searchsorted((found + apart).ravel(), (needed + apart).ravel()).reshape(needed.shape)
    places -= columns * np.arange(rows)[:, None]
    reached = places < columns
    heights = np.take_along_axis(envelope, np.where(reached, places, 0), axis=1)
    recall = np.divide(found[:, -1], objects, out=np.zeros(rows), where=objects > 0)
    return np.where(reached, heights, 0.0).mean(axis=1) + none, recall + none


def _needed(objects: np.ndarray) -> np.ndarray:
    """(B, 101) how many right detections it takes to reach each of COCO's recalls, as floating point divides."""
    count = np.maximum(objects, 1)[:, None]
    needed = np.ceil(_RECALLS * count).astype(np.int64)
    needed -= (needed > 0) & ((needed - 1) / count >= _RECALLS)
    return needed + (needed / count < _RECALLS)
