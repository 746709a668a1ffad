"""How often a detector of one fold is right when it says a score, labels being wrong now and then.

Folds' detectors differ in how sure they are, and a score of 0.99 that is right 99 times of 100 is refuted more often by
the labels if these are wrong. So for each fold a curve is fitted with a share of wrong labels: a detection is right with
p(s) = sigmoid(a logit(s) + b), and the labels say so with p(s) (1 - w). This is a logistic regression (Platt,
"Probabilistic outputs for support vector machines", 1999) with labels that are wrong on one side, fitted by expectation
and maximisation: who is refuted may be right after all, and the surer it was the more. p rises strictly, so that no two
scores become one, as they do in isotonic regression.
"""

import dataclasses

import numpy as np

_EDGE = 1e-4  # of scores: float32's softmax says 1, of which nobody is that sure
_PRIOR = 4.0  # precision of a and b about 1 and 0: with few detections a score is taken as it is
_WRONG = (2.0, 20.0)  # of Beta: wrong labels are few, as if 2 of 22 had been seen
_ROUNDS = 60


@dataclasses.dataclass(frozen=True)
class Calibration:
    """A fold's curve."""

    slope: float  # above 0
    offset: float
    wrong: float  # share of right detections that the labels refute

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Scores, any shape -> the chance that each is right, 0..1, whatever the labels say."""
        return _sigmoid(self.slope * _logit(scores) + self.offset)


def calibrate(scores: np.ndarray, right: np.ndarray) -> Calibration:
    """From detections (M,) and whether the labels say that each is right (M,)."""
    order = np.lexsort((right, scores))  # sums depend on their order, and results must not
    inputs, said = _logit(scores[order]), right[order].astype(float)
    slope, offset, wrong = 1.0, 0.0, _WRONG[0] / sum(_WRONG)
    for _ in range(_ROUNDS):
        chances = _sigmoid(slope * inputs + offset)
        refuted = wrong * chances / np.maximum(wrong * chances + 1 - chances, 1e-12)  # right, if it is refuted
        truth = np.where(said > 0, 1.0, refuted)
        slope, offset = _newton(inputs, truth, slope, offset)
        wrong = (float(np.sum(truth * (1 - said))) + _WRONG[0]) / (float(np.sum(truth)) + sum(_WRONG))
    return Calibration(slope, offset, wrong)


def _newton(inputs: np.ndarray, truth: np.ndarray, slope: float, offset: float) -> tuple[float, float]:
    """One step of Newton's, halved until it is one upwards: each round of the whole need not do more."""
    chances = _sigmoid(slope * inputs + offset)
    weights, errors = chances * (1 - chances), truth - chances
    gradient = np.array([np.sum(errors * inputs) - _PRIOR * (slope - 1), np.sum(errors) - _PRIOR * offset])
    cross = np.sum(weights * inputs)
    curvature = np.array([[np.sum(weights * inputs ** 2) + _PRIOR, cross], [cross, np.sum(weights) + _PRIOR]])
    step, now = np.linalg.solve(curvature, gradient), _likelihood(inputs, truth, slope, offset)
    for halving in range(20):
        tried = slope + step[0] / 2 ** halving, offset + step[1] / 2 ** halving
        if tried[0] > 1e-3 and _likelihood(inputs, truth, *tried) >= now:
            return float(tried[0]), float(tried[1])
    return slope, offset


def _likelihood(inputs: np.ndarray, truth: np.ndarray, slope: float, offset: float) -> float:
    values = slope * inputs + offset
    return float(np.sum(truth * values - np.logaddexp(0, values)) - _PRIOR / 2 * ((slope - 1) ** 2 + offset ** 2))


def _logit(scores: np.ndarray) -> np.ndarray:
    inside = np.clip(np.asarray(scores, float), _EDGE, 1 - _EDGE)
    return np.log(inside / (1 - inside))


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))
