"""How often a detector of one fold is right when it says what it says, labels being wrong now and then.

Folds' detectors differ in how sure they are, and a score of 0.99 that is right 99 times of 100 is refuted more often by
the labels if these are wrong. So for each fold a curve is fitted with a share of wrong labels w: a detection is right
with p = sigmoid(b + a . evidence), and the labels say so with p (1 - w). The evidence is the logit of the score and
what else a caller has. This is a logistic regression (Platt, "Probabilistic outputs for support vector machines", 1999)
with labels that are wrong on one side, fitted by expectation and maximisation: who is refuted may be right after all,
and the surer it was the more. p rises strictly with the score, so that no two scores become one, as they do in isotonic
regression.
"""

import dataclasses

import numpy as np

EDGE = 1e-4  # of scores: float32's softmax says 1, of which nobody is that sure
_PRIOR = 4.0  # precision of the weights about 1 for the score's logit and 0 for all else: few detections change little
_WRONG = (2.0, 20.0)  # of Beta: wrong labels are few, as if 2 of 22 had been seen
_ROUNDS = 60


@dataclasses.dataclass(frozen=True)
class Calibration:
    """A fold's curve."""

    weights: tuple[float, ...]  # of 1 and of each column of evidence; that of the first, the score, is above 0
    wrong: float  # share of right detections that the labels refute

    def __call__(self, evidence: np.ndarray) -> np.ndarray:
        """(M, F) -> (M,) the chance that each is right, 0..1, whatever the labels say."""
        return _sigmoid(_inputs(evidence) @ np.array(self.weights))

    def refuted(self, evidence: np.ndarray) -> np.ndarray:
        """The same of detections that the labels refute, by Bayes: w p / (w p + 1 - p)."""
        chances = self(evidence)
        return _right_though_refuted(chances, self.wrong)


def logit(scores: np.ndarray) -> np.ndarray:
    """Scores 0..1, any shape; of those within EDGE of 0 and 1 that of EDGE."""
    inside = np.clip(np.asarray(scores, float), EDGE, 1 - EDGE)
    return np.log(inside / (1 - inside))


def calibrate(evidence: np.ndarray, right: np.ndarray) -> Calibration:
    """From detections' evidence (M, F), first the logit of the score, and whether the labels say that each is right
    (M,)."""
    order = np.lexsort((right, *evidence.T))  # sums depend on their order, and results must not
    inputs, said = _inputs(evidence[order]), right[order].astype(float)
    weights, wrong = _usual(inputs), _WRONG[0] / sum(_WRONG)
    for _ in range(_ROUNDS):
        truth = np.where(said > 0, 1.0, _right_though_refuted(_sigmoid(inputs @ weights), wrong))
        weights = _newton(inputs, truth, weights)
        wrong = (float(np.sum(truth * (1 - said))) + _WRONG[0]) / (float(np.sum(truth)) + sum(_WRONG))
    return Calibration(tuple(map(float, weights)), wrong)


def _newton(inputs: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """One step of Newton's, halved until it is one upwards: each round of the whole need not do more."""
    chances = _sigmoid(inputs @ weights)
    gradient = inputs.T @ (truth - chances) - _PRIOR * (weights - _usual(inputs))
    curvature = (inputs * (chances * (1 - chances))[:, None]).T @ inputs + _PRIOR * np.eye(len(weights))
    step, now = np.linalg.solve(curvature, gradient), _likelihood(inputs, truth, weights)
    for halving in range(20):
        tried = weights + step / 2 ** halving
        if tried[1] > 1e-3 and _likelihood(inputs, truth, tried) >= now:
            return tried
    return weights


def _likelihood(inputs: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> float:
    values = inputs @ weights
    return float(np.sum(truth * values - np.logaddexp(0, values))
                 - _PRIOR / 2 * np.sum((weights - _usual(inputs)) ** 2))


def _usual(inputs: np.ndarray) -> np.ndarray:
    """Weights by which a score is taken as it is."""
    return np.eye(inputs.shape[1])[1]


def _inputs(evidence: np.ndarray) -> np.ndarray:
    return np.concatenate([np.ones((len(evidence), 1)), evidence], axis=1)


def _right_though_refuted(chances: np.ndarray, wrong: float) -> np.ndarray:
    return wrong * chances / np.maximum(wrong * chances + 1 - chances, 1e-12)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))
