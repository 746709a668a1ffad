"""Everything that is computed from the images for the report."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from frcnn_keras.evaluation.intervals import DRAWS, coco_intervals
from frcnn_keras.evaluation.reached import SIZES, sizes_of
from frcnn_keras.reporting import errors_by_kind as kinds
from frcnn_keras.reporting.confusion import confusion_matrix
from frcnn_keras.reporting.curves import Curve, curve_of
from frcnn_keras.reporting.errors_by_kind import KINDS, Kinds, Table, ap50, kinds_of, without
from frcnn_keras.reporting.matching import Matched, match
from frcnn_keras.runs.evaluated import Evaluated

MANY, FEWER = 100_000, 200  # detections, above which so many draws are made


@dataclasses.dataclass(frozen=True)
class ErrorKind:
    """One kind of error over all images."""

    name: str
    means: str
    sure: int  # errors of it that score their class's threshold or more; of missed objects, all
    ap50: float  # what it would be without them
    gain: float  # how much more that is


@dataclasses.dataclass(frozen=True)
class SizeRange:
    """What becomes of the objects of one size."""

    name: str
    objects: int
    found: int
    misnamed: int
    misplaced: int
    missed: int


@dataclasses.dataclass(frozen=True)
class Analysis:
    """All of it."""

    matched: tuple[Matched, ...]  # of each image
    sorted: tuple[Kinds, ...]  # of each image
    curves: tuple[Curve, ...]  # of each class, at an IoU of .5
    ap50: float
    errors: tuple[ErrorKind, ...]
    confusion: np.ndarray  # (C + 1, C + 1), see confusion.confusion_matrix
    sizes: tuple[SizeRange, ...]
    interval: dict[str, Any]  # see evaluation.intervals.coco_intervals


def analyse(found: Evaluated, interval: dict[str, Any] | None = None) -> Analysis:
    """interval: where it was computed already."""
    matched = tuple(match(picture) for picture in found.images)
    sorted_ = tuple(kinds_of(picture, one) for picture, one in zip(found.images, matched, strict=True))
    table = Table.of(found.images, matched, sorted_, len(found.class_names))
    curves = tuple(curve_of(table.scores[table.labels == label], table.kinds[table.labels == label] == kinds.RIGHT,
                            int(count)) for label, count in enumerate(table.counts, 1))
    thresholds = [curve.threshold for curve in curves]
    return Analysis(matched, sorted_, curves, ap50(table), _errors(table, thresholds),
                    confusion_matrix(found.images, thresholds), _sizes(found, matched, sorted_),
                    interval or _interval(found))


def _interval(found: Evaluated) -> dict[str, Any]:
    """Fewer draws where there are many detections: 335,000 of 5,000 images take two minutes for a thousand."""
    detections = sum(len(one.scores) for one in found.detections)
    return coco_intervals(found.images, found.detections, found.class_names,
                          draws=DRAWS if detections <= MANY else FEWER)


def _errors(table: Table, thresholds: Sequence[float]) -> tuple[ErrorKind, ...]:
    """What costs most first."""
    sure, now = table.scores >= np.array([0.0, *thresholds])[table.labels], ap50(table)
    found = []
    for kind in KINDS:
        count = table.missed.sum() if kind == kinds.MISSED else np.sum(sure & (table.kinds == kind))
        value = without(table, kind)
        found.append(ErrorKind(kind, kinds.MEANS[kind], int(count), value, value - now))
    return tuple(sorted(found, key=lambda one: -one.gain))


def _sizes(found: Evaluated, matched: Sequence[Matched], sorted_: Sequence[Kinds]) -> tuple[SizeRange, ...]:
    sizes, fates = [np.zeros(0, int)], [np.zeros(0, dtype="U16")]
    for picture, match_, own in zip(found.images, matched, sorted_, strict=True):
        fate = np.full(len(picture.labels), kinds.MISSED, dtype="U16")
        for kind in (kinds.LOCALISATION, kinds.CLASSIFICATION):  # of both the nearer to right
            fate[[object_ for name, object_ in zip(own.kinds, own.objects, strict=True) if name == kind]] = kind
        fate[match_.taken >= 0] = kinds.RIGHT
        counts = ~picture.ignored
        sizes.append(sizes_of(picture.boxes)[counts])
        fates.append(fate[counts])
    size, fate = np.concatenate(sizes), np.concatenate(fates)
    return tuple(SizeRange(name, int(inside.sum()), *(int(np.sum(inside & (fate == kind))) for kind in (
        kinds.RIGHT, kinds.CLASSIFICATION, kinds.LOCALISATION, kinds.MISSED)))
        for place, (name, _, _) in enumerate(SIZES) for inside in [size == place])
