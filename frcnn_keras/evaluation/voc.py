"""Average precision by the rules of the PASCAL VOC challenges: VOC07's eleven points, VOC10's area.

The rules are those of Everingham et al., "The PASCAL Visual Object Classes (VOC) Challenge" (IJCV 2010), section 4.2:
a detection is right if its overlap with an object of its class exceeds the threshold; of several detections of one
object only the best scored is right. Two details differ from the development kit's code: areas are those of continuous
boxes (no "+1"), and the overlap must exceed the threshold, as the paper and py-faster-rcnn have it, where the kit's
Matlab code also accepts equality.
"""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from frcnn_keras.ops import boxes as box_ops

TRUE, FALSE, IGNORED = 1, 0, -1  # what became of a detection


class PrecisionRecall(NamedTuple):
    """One class's curve over its D detections that count, best score first."""

    precision: np.ndarray  # (D,) float64
    recall: np.ndarray  # (D,) float64; NaN where the class has no object
    scores: np.ndarray  # (D,) float64, falling
    objects: int  # objects of the class that count


def match_detections(overlaps: np.ndarray, scores: np.ndarray, ignored: np.ndarray, iou_threshold: float) -> np.ndarray:
    """Judges the detections of one class in one image.

    Each detection goes to the object that it overlaps most, taken already or not. It is TRUE if the overlap exceeds
    the threshold and no better scored detection went to that object, IGNORED if that object is ignored (any number of
    detections may go there), else FALSE.

    Args:
        overlaps: (M, G) IoU of the detections with the image's objects of the class.
        scores: (M,) in any order; of equal scores the first comes first.
        ignored: (G,) bool, difficult and crowd objects.
        iou_threshold: what the overlap must exceed.

    Returns:
        (M,) int8 of TRUE, FALSE, IGNORED, in the order given.
    """
    outcome = np.full(len(scores), FALSE, np.int8)
    if overlaps.size == 0:
        return outcome
    best = overlaps.argmax(axis=1)  # (M,)
    hit = overlaps.max(axis=1) > iou_threshold
    outcome[hit & ignored[best]] = IGNORED
    order = np.argsort(-scores, kind="stable")
    claims = order[(hit & ~ignored[best])[order]]  # best score first
    _, first = np.unique(best[claims], return_index=True)
    outcome[claims[first]] = TRUE
    return outcome


def precision_recall(
    examples: Sequence, detections: Sequence, class_count: int, iou_threshold: float = 0.5
) -> tuple[PrecisionRecall, ...]:
    """The precision-recall curve of every class.

    Args:
        examples: the images' `Example`s; of each, `boxes`, `labels` and `ignored` are read.
        detections: of each image, in the same order: `boxes` (M, 4) in pixels of the upright image, `scores` (M,),
            `labels` (M,) 1..C.
        class_count: C.
        iou_threshold: what the overlap of a right detection must exceed.

    Returns:
        C curves; item 0 is label 1. Detections of ignored objects are in none.
    """
    if len(examples) != len(detections):
        raise ValueError(
            f"examples and detections must be as many. Received: {len(examples)} examples, {len(detections)} detections"
        )
    scores = [[] for _ in range(class_count)]
    outcomes = [[] for _ in range(class_count)]
    objects = np.zeros(class_count, np.int64)
    for example, detected in zip(examples, detections):
        detected_scores, detected_labels = np.asarray(detected.scores, np.float64), np.asarray(detected.labels)
        _check_labels(detected_labels, class_count)
        overlaps = np.asarray(box_ops.iou(detected.boxes, example.boxes))  # (M, G)
        objects += np.bincount(example.labels[~example.ignored], minlength=class_count + 1)[1:]
        for label in np.unique(detected_labels):
            rows, columns = detected_labels == label, example.labels == label
            scores[label - 1].append(detected_scores[rows])
            outcomes[label - 1].append(
                match_detections(
                    overlaps[rows][:, columns], detected_scores[rows], example.ignored[columns], iou_threshold
                )
            )
    return tuple(_curve(s, o, int(n)) for s, o, n in zip(scores, outcomes, objects))


def _check_labels(labels: np.ndarray, class_count: int) -> None:
    if labels.size and not (1 <= labels.min() and labels.max() <= class_count):
        raise ValueError(
            f"labels of detections must be 1 to {class_count}. Received: {labels.min()} to {labels.max()}"
        )


def _curve(scores: list[np.ndarray], outcomes: list[np.ndarray], objects: int) -> PrecisionRecall:
    """Joins the images' judgements of one class; equal scores keep the order of the images."""
    all_scores = np.concatenate([np.zeros(0), *scores])
    all_outcomes = np.concatenate([np.zeros(0, np.int8), *outcomes])
    order = np.argsort(-all_scores, kind="stable")
    order = order[all_outcomes[order] != IGNORED]  # (D,)
    true = np.cumsum(all_outcomes[order] == TRUE)
    precision = true / np.arange(1, len(order) + 1)
    recall = true / objects if objects else np.full(len(order), np.nan)
    return PrecisionRecall(precision, recall, all_scores[order], objects)


def average_precision_11_point(curve: PrecisionRecall) -> float:
    """VOC 2007 to 2009: the mean, over the recalls 0, .1, ... 1, of the best precision at that recall or a higher one.

    Returns:
        0..1; NaN for a class without objects.
    """
    if not curve.objects:
        return float("nan")
    # k / 10 is rounded exactly as the recall of k objects in 10 is; a multiple of .1 would miss 3 of 10.
    reached = curve.recall[None, :] >= np.arange(11)[:, None] / 10  # (11, D)
    best = np.where(reached, curve.precision[None, :], 0.0).max(axis=1, initial=0.0)
    return float(best.mean())


def average_precision_area(curve: PrecisionRecall) -> float:
    """VOC 2010 and later: the area under the curve whose precision is made to fall monotonically.

    Returns:
        0..1; NaN for a class without objects.
    """
    if not curve.objects:
        return float("nan")
    envelope = np.maximum.accumulate(curve.precision[::-1])[::-1]
    steps = np.diff(curve.recall, prepend=0.0)
    return float(np.sum(steps * envelope))


def voc_metrics(
    examples: Sequence, detections: Sequence, class_names: Sequence[str], iou_threshold: float = 0.5
) -> dict[str, dict]:
    """Both of VOC's average precisions, of each class and as a mean.

    A class without objects (none at all, or ignored ones only) has NaN and is left out of the mean; a class with
    objects and no detections has 0. Arguments as of `precision_recall`; label i + 1 is class_names[i].

    Returns:
        {"voc07": {"mAP": float, "per_class": {name: float}}, "voc10": the same}.
    """
    curves = precision_recall(examples, detections, len(class_names), iou_threshold)
    return {
        "voc07": _summary(class_names, [average_precision_11_point(curve) for curve in curves]),
        "voc10": _summary(class_names, [average_precision_area(curve) for curve in curves]),
    }


def _summary(class_names: Sequence[str], values: list[float]) -> dict:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of NaN only is NaN, which is meant
        mean = float(np.nanmean(values)) if values else float("nan")
    return {"mAP": mean, "per_class": dict(zip(class_names, values))}
