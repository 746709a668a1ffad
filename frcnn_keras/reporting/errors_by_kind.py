"""What kind of error each wrong detection and each missed object is, and what AP50 would be without that kind: Bolya et
al., "TIDE: A General Toolbox for Identifying Object Detection Errors" (ECCV 2020, arXiv 2008.08115), sections 2.2, 2.3.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from frcnn_keras.reporting.curves import average_precision
from frcnn_keras.reporting.matching import IOU, Matched
from frcnn_keras.runs.evaluated import EvaluatedImage

NEAR = 0.1  # IoU below which a detection has to do with no object
CLASSIFICATION, LOCALISATION, BOTH, DUPLICATE, BACKGROUND, MISSED = KINDS = (
    "classification", "localisation", "both", "duplicate", "background", "missed")
MEANS = {
    CLASSIFICATION: "right place, wrong class",
    LOCALISATION: "right class, but the box overlaps the object by less than half",
    BOTH: "wrong class, and the box overlaps the object by less than half",
    DUPLICATE: "a second box on an object that is found already",
    BACKGROUND: "nothing is labelled there",
    MISSED: "a labelled object that no detection has to do with",
}
RIGHT, LEFT_OUT = "right", "left out"


@dataclasses.dataclass(frozen=True)
class Kinds:
    """The kinds of one image's D detections and G objects."""

    kinds: tuple[str, ...]  # (D,) of KINDS without MISSED, RIGHT, or LEFT_OUT
    objects: np.ndarray  # (D,) int: the object that a detection finds, or should have found; -1 none
    missed: np.ndarray  # (G,) bool


def kinds_of(picture: EvaluatedImage, matched: Matched) -> Kinds:
    """Sorts one image's errors, each into the first kind that it fits of localisation, classification, duplicate,
    background and both. An object is missed where it is found by none, and is no wrongly classified or localised
    detection's either."""
    labels, taken = picture.detected.labels, matched.taken >= 0
    same = labels[:, None] == picture.labels
    masks = {LOCALISATION: same, CLASSIFICATION: ~same, DUPLICATE: same & taken, BOTH: np.ones_like(same)}
    most = {kind: np.where(mask, matched.overlaps, 0.0) for kind, mask in masks.items()}  # (D, G)
    best = {kind: overlaps.max(axis=1, initial=0.0) for kind, overlaps in most.items()}
    kinds = np.select(
        [matched.objects >= 0, matched.left_out, (best[LOCALISATION] >= NEAR) & (best[LOCALISATION] < IOU),
         best[CLASSIFICATION] >= IOU, best[DUPLICATE] >= IOU, best[BOTH] < NEAR],
        [RIGHT, LEFT_OUT, LOCALISATION, CLASSIFICATION, DUPLICATE, BACKGROUND], BOTH)
    objects = matched.objects.copy()
    for kind in set(kinds.tolist()) & most.keys():  # without objects none
        objects[kinds == kind] = most[kind][kinds == kind].argmax(axis=1)
    missed = ~taken & ~picture.ignored
    missed[objects[(kinds == CLASSIFICATION) | (kinds == LOCALISATION)]] = False
    return Kinds(tuple(kinds.tolist()), objects, missed)


@dataclasses.dataclass(frozen=True)
class Table:
    """All images' N detections that count, and how many objects each class has."""

    kinds: np.ndarray  # (N,) str
    labels: np.ndarray  # (N,)
    scores: np.ndarray  # (N,)
    objects: np.ndarray  # (N,) which object over all images, -1 none
    object_labels: np.ndarray  # (all objects,)
    taken: np.ndarray  # (all objects,) bool
    missed: np.ndarray  # (all objects,) bool
    counts: np.ndarray  # (C,) objects that count

    @classmethod
    def of(cls, pictures: Sequence[EvaluatedImage], matched: Sequence[Matched], sorted_: Sequence[Kinds], classes: int
           ) -> "Table":
        """Of each image, in the order of their ids, in which COCO's code ranks equal scores."""
        order = sorted(range(len(pictures)), key=lambda place: pictures[place].number)
        starts = np.cumsum([0, *(len(pictures[place].labels) for place in order)])
        kinds = np.array([kind for place in order for kind in sorted_[place].kinds], dtype="U16")
        labels, scores = (_joined([getattr(pictures[place].detected, name) for place in order])
                          for name in ("labels", "scores"))
        objects = _joined([np.where(sorted_[place].objects < 0, -1, sorted_[place].objects + start)
                           for place, start in zip(order, starts, strict=False)])
        object_labels = _joined([pictures[place].labels for place in order])
        ignored = _joined([pictures[place].ignored for place in order]).astype(bool)
        counts = np.bincount(object_labels[~ignored].astype(int), minlength=classes + 1)[1:]
        keep = kinds != LEFT_OUT
        return cls(kinds[keep], labels[keep].astype(int), scores[keep], objects[keep].astype(int),
                   object_labels.astype(int), _joined([matched[place].taken >= 0 for place in order]).astype(bool),
                   _joined([sorted_[place].missed for place in order]).astype(bool), counts)


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0), *parts])


def ap50(table: Table) -> float:
    """The mean over classes that have objects, as it is."""
    return _ap50(table.labels, table.scores, table.kinds == RIGHT, table.counts)


def without(table: Table, kind: str) -> float:
    """AP50 where errors of one kind are mended: the best scored detection that is mislaid or misnamed becomes right, if
    nothing else finds its object; other wrong ones are taken away; missed objects do not count."""
    if kind == MISSED:
        gone = np.bincount(table.object_labels[table.missed], minlength=len(table.counts) + 1)[1:]
        return _ap50(table.labels, table.scores, table.kinds == RIGHT, table.counts - gone)
    right, labels, keep = table.kinds == RIGHT, table.labels.copy(), table.kinds != kind
    if kind in (CLASSIFICATION, LOCALISATION):
        mended: set[int] = set()
        for place in np.flatnonzero(~keep)[np.argsort(-table.scores[~keep], kind="stable")]:
            object_ = int(table.objects[place])
            if not table.taken[object_] and object_ not in mended:
                mended.add(object_)
                right[place] = keep[place] = True
                labels[place] = table.object_labels[object_]
    return _ap50(labels[keep], table.scores[keep], right[keep], table.counts)


def _ap50(labels: np.ndarray, scores: np.ndarray, right: np.ndarray, counts: np.ndarray) -> float:
    values = [average_precision(scores[labels == label], right[labels == label], int(count))
              for label, count in enumerate(counts, 1) if count]
    return float(np.mean(values)) if values else float("nan")
