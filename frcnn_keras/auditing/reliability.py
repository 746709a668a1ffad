"""Whether chances are what they say: of detections that are called right in 7 of 10 cases, how many are labelled."""

import dataclasses

import numpy as np

from frcnn_keras.auditing.find import Audit
from frcnn_keras.auditing.folds import Fold, labelled, object_evidence
from frcnn_keras.auditing.pairing import Paired, pair

BINS = 10
ENOUGH = 10  # detections, below which a bin says nothing


@dataclasses.dataclass(frozen=True)
class Reliability:
    """Of one fold's detections, or of all: the bins that hold ENOUGH."""

    said: tuple[float, ...]  # the mean chance of a bin's detections to show an object
    seen: tuple[float, ...]  # the share of them at which one is labelled
    counts: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Reliabilities:
    """Of the places that detectors saw something at."""

    scores: Reliability  # of all: the score itself taken as the chance
    calibrated: Reliability  # of all: what `missing` takes as the chance, by the calibration of their folds
    folds: dict[int, Reliability]  # the same of each fold


def reliabilities(audit: Audit) -> Reliabilities:
    """Of an audit's images. Where labels are missing the share lies below the chance, as it should."""
    scores, chances, truth, folds = [np.zeros(0)], [np.zeros(0)], [np.zeros(0, bool)], [np.zeros(0, int)]
    for image in audit.audited.images:
        one = pair(image, len(audit.audited.class_names))
        own_scores, own_chances, own_truth = _of_image(one, audit.folds[image.fold])
        scores.append(own_scores)
        chances.append(own_chances)
        truth.append(own_truth)
        folds.append(np.full(len(own_truth), image.fold))
    score, chance, right, fold = (np.concatenate(parts) for parts in (scores, chances, truth, folds))
    return Reliabilities(_binned(score, right), _binned(chance, right),
                         {number: _binned(chance[fold == number], right[fold == number]) for number in audit.folds})


def _of_image(one: Paired, fold: Fold) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    counts = ~one.explained
    return one.seen.scores[counts], fold.objects(object_evidence(one))[counts], labelled(one)[counts]


def _binned(chances: np.ndarray, right: np.ndarray) -> Reliability:
    place = np.minimum((chances * BINS).astype(int), BINS - 1)
    bins = [place == number for number in range(BINS) if np.sum(place == number) >= ENOUGH]
    return Reliability(tuple(float(chances[inside].mean()) for inside in bins),
                       tuple(float(right[inside].mean()) for inside in bins),
                       tuple(int(inside.sum()) for inside in bins))
