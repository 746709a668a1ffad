"""Audit's ranking beside ObjectLab's formulas, and 1,000 draws for thresholds beside a loop, on drawn detections."""

from collections.abc import Iterator

import numpy as np

from benchmarks import objectlab
from benchmarks.inputs import Settings
from benchmarks.timing import Row, alternate, rows_of
from frcnn_keras.auditing.find import find
from frcnn_keras.evaluation.judging import RIGHT, THRESHOLDS, WRONG, Judged
from frcnn_keras.evaluation.thresholds import DRAWS, choose
from frcnn_keras.runs.evaluated import Detected, Evaluated, EvaluatedImage

CLASSES, SIDE, FOLDS = 4, 240, 3
LOOPED = 20  # draws that the loop is measured on


def measure(settings: Settings) -> Iterator[Row]:
    """Rows of 400 and of 1,000 images; with --quick of 20."""
    for count in (20,) if settings.quick else (400, 1000):
        audited = drawn(count)
        found = sum(len(image.detected.scores) for image in audited.images)
        what, beside = f"audit: {count} images, {found} detections", "ObjectLab's formulas, box by box"
        seconds = alternate({what: lambda audited=audited: find(audited),
                             beside: lambda audited=audited: objectlab.scores(audited)}, settings.repeats(5), warm=1)
        yield from rows_of("audit", seconds, [(what, beside)], "s")
    judged, draws = judged_of(audited), 100 if settings.quick else DRAWS
    looped = min(LOOPED, draws)
    what, beside = f"thresholds: {draws} draws of {count} images", "a loop over the draws"
    seconds = alternate({what: lambda: choose(judged, draws=draws), beside: lambda: interval_by_loop(judged, looped)},
                        settings.repeats(5), warm=1)
    seconds[beside] *= draws / looped
    yield from rows_of("audit", seconds, [(what, beside)], "s")


def drawn(count: int, seed: int = 0) -> Evaluated:
    """Images of 240 pixels with 2 to 8 objects of 4 classes, one in twenty not labelled; of each nine in ten found, and
    8 false alarms on the average, as a detector of a few hundred images has them."""
    rng = np.random.default_rng(seed)
    names = tuple(f"class {number}" for number in range(1, CLASSES + 1))
    images = tuple(_image(rng, number) for number in range(count))
    return Evaluated("drawn", names, tuple(range(1, CLASSES + 1)), images)


def _image(rng: np.random.Generator, number: int) -> EvaluatedImage:
    boxes, false = _boxes(rng, int(rng.integers(2, 9))), _boxes(rng, int(rng.poisson(8)))
    labels = rng.integers(1, CLASSES + 1, len(boxes))
    labelled, seen = rng.random(len(boxes)) < 0.95, rng.random(len(boxes)) < 0.9
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    found = np.clip((boxes + rng.normal(0, 0.05, boxes.shape) * sides)[seen], 0, SIDE)
    return EvaluatedImage(
        id=f"{number}.png", number=number, file=f"{number}.png", width=SIDE, height=SIDE, fold=number % FOLDS + 1,
        annotations=100 * number + np.flatnonzero(labelled), boxes=boxes[labelled], labels=labels[labelled],
        ignored=np.zeros(int(labelled.sum()), bool), detected=Detected(
            np.concatenate([found, false]), np.concatenate([rng.beta(8, 1, len(found)), rng.beta(1, 4, len(false))]),
            np.concatenate([labels[seen], rng.integers(1, CLASSES + 1, len(false))])))


def _boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count, 4), 20 to 80 pixels a side."""
    sides = rng.uniform(20, 80, (count, 2))
    corners = rng.uniform(0, SIDE - sides)
    return np.concatenate([corners, corners + sides], axis=1)


def judged_of(audited: Evaluated) -> Judged:
    """All detections as one class, right by a draw of their scores: how they are judged is not measured here."""
    scores = np.concatenate([image.detected.scores for image in audited.images])
    places = np.repeat(np.arange(len(audited.images)), [len(image.detected.scores) for image in audited.images])
    order = np.argsort(-scores, kind="stable")
    right = np.random.default_rng(0).random(len(order)) < scores[order]
    objects = np.bincount(places[order][right], minlength=len(audited.images)) + 1
    outcomes = np.tile(np.where(right, RIGHT, WRONG).astype(np.int8), (len(THRESHOLDS), 1))
    return Judged(places[order], scores[order], outcomes, objects)


def interval_by_loop(judged: Judged, draws: int, seed: int = 0) -> tuple[float, float]:
    """The interval of the best F1's threshold, every draw written down; the draws are those of `choose`."""
    images = len(judged.objects)
    chosen = []
    for weights in np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), draws):
        rows = np.repeat(np.arange(len(judged.scores)), weights[judged.images])
        right, total, best = 0, int(weights @ judged.objects), (0.0, -1)
        for count, row in enumerate(rows.tolist(), 1):
            right += judged.outcomes[0, row] == RIGHT
            last = count == len(rows) or judged.scores[rows[count]] < judged.scores[row]
            if last and 2 * right / (count + total) > best[0]:
                best = 2 * right / (count + total), row
        if best[1] >= 0:
            following = judged.scores[best[1] + 1] if best[1] + 1 < len(judged.scores) else judged.scores[-1] - 2e-4
            chosen.append((judged.scores[best[1]] + following) / 2)
    low, high = np.percentile(chosen, (2.5, 97.5))
    return float(low), float(high)
