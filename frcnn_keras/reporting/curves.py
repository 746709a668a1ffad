"""Precision, recall and F1 over the score from which detections count."""

import dataclasses

import numpy as np

_RECALLS = np.linspace(0.0, 1.0, 101)  # COCO's


@dataclasses.dataclass(frozen=True)
class Curve:
    """One class's N different scores, highest first, and what holds where detections of that score and above count."""

    scores: np.ndarray  # (N,)
    precision: np.ndarray  # (N,)
    recall: np.ndarray  # (N,)
    objects: int

    @property
    def f1(self) -> np.ndarray:
        """(N,) the harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return np.divide(2 * self.precision * self.recall, both, out=np.zeros(len(both)), where=both > 0)

    @property
    def best(self) -> int | None:
        """Where F1 is highest, of equal ones at the highest score; None where nothing is right."""
        return int(self.f1.argmax()) if len(self.scores) and self.f1.max() > 0 else None

    @property
    def threshold(self) -> float:
        """The score of the best F1; 1 where nothing is right."""
        return 1.0 if self.best is None else float(self.scores[self.best])


def curve_of(scores: np.ndarray, right: np.ndarray, objects: int) -> Curve:
    """scores, right: (D,) of the class's detections that count. objects: that there are to find."""
    order = np.argsort(-scores, kind="stable")
    ordered, found = scores[order], np.cumsum(right[order])
    last = np.flatnonzero(np.diff(ordered, append=-np.inf))  # equal scores pass a threshold together
    return Curve(ordered[last], found[last] / (last + 1), found[last] / max(objects, 1), objects)


def average_precision(scores: np.ndarray, right: np.ndarray, objects: int) -> float:
    """COCO's: the mean over 101 recalls of the best precision from there on; NaN without objects."""
    if not objects:
        return float("nan")
    found = np.cumsum(right[np.argsort(-scores, kind="stable")])
    if not len(found):
        return 0.0
    precision = np.maximum.accumulate((found / np.arange(1, len(found) + 1))[::-1])[::-1]
    places = np.searchsorted(found / objects, _RECALLS)
    return float(np.where(places < len(found), precision[np.minimum(places, len(found) - 1)], 0.0).mean())
