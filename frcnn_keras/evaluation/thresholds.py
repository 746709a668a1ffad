"""The score from which a class's detections are taken: by F1, or by a wanted precision; and how sure that score is."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from frcnn_keras.evaluation.judging import LEFT_OUT, RIGHT, Judged

DRAWS = 1000
_CELLS = 4_000_000  # of an array at most: draws are taken so many at a time
_BETWEEN = (2.5, 97.5)  # per cent of the draws


@dataclasses.dataclass(frozen=True)
class Threshold:
    """A score to pass, and what passes it."""

    score: float  # detections must score more
    low: float  # 95 % of the draws of images would have chosen a score between low and high; NaN where none did
    high: float
    precision: float  # NaN where nothing passes
    recall: float  # NaN without objects
    f1: float
    reached: bool  # whether the wanted precision is


def together(judged: Sequence[Judged]) -> Judged:
    """All classes as one."""
    order = np.argsort(-np.concatenate([one.scores for one in judged]), kind="stable")
    scores, images = (np.concatenate([getattr(one, name) for one in judged])[order] for name in ("scores", "images"))
    outcomes = np.concatenate([one.outcomes for one in judged], axis=1)[:, order]
    return Judged(images, scores, outcomes, np.sum([one.objects for one in judged], axis=0))


def choose(judged: Judged, precision: float | None = None, draws: int = DRAWS, seed: int = 0) -> Threshold:
    """The threshold of the best F1 (of equal ones the highest), or the lowest one whose precision is `precision` or
    more; where none is, that of the highest precision.

    The interval is a bootstrap over images, as detections of one image hang together: images are drawn with
    replacement, `draws` times, and each draw chooses.
    """
    judged = _counted(judged)
    ends = np.append(np.diff(judged.scores) != 0, True)[:len(judged.scores)]  # the last of equal scores
    counts, found = np.arange(1, len(judged.scores) + 1)[None], np.cumsum(judged.outcomes[0] == RIGHT)[None]
    total = int(judged.objects.sum())
    place = int(_places(counts, found, np.array([total]), ends, precision)[0])
    reached = precision is None or place >= 0
    if place < 0:
        shares = np.where(ends, found[0] / counts[0], -1.0)
        place = len(shares) - 1 - int(np.argmax(shares[::-1])) if len(shares) else -1
    low, high = _interval(judged, precision, ends, draws, seed)
    taken, right = (int(counts[0, place]), int(found[0, place])) if place >= 0 else (0, 0)
    return Threshold(_below(judged.scores, place), low, high, right / taken if taken else math.nan,
                     right / total if total else math.nan, 2 * right / max(1, taken + total), reached)


def _counted(judged: Judged) -> Judged:
    """Without what is left out at the first overlap, .5."""
    keep = judged.outcomes[0] != LEFT_OUT
    return Judged(judged.images[keep], judged.scores[keep], judged.outcomes[:, keep], judged.objects)


def _places(counts: np.ndarray, found: np.ndarray, objects: np.ndarray, ends: np.ndarray, precision: float | None
            ) -> np.ndarray:
    """counts, found: (B, D) detections to each place, and right ones among them. -> (B,) the last place that is taken;
    -1 for none."""
    if not counts.shape[1]:
        return np.full(len(counts), -1)
    if precision is None:
        values = np.where(ends, 2 * found / np.maximum(counts + objects[:, None], 1), -1.0)
        best = values.argmax(axis=1)
        return np.where(values.max(axis=1) > 0, best, -1)
    enough = ends & (found >= precision * counts - 1e-9) & (found > 0)
    last = enough.shape[1] - 1 - enough[:, ::-1].argmax(axis=1)
    return np.where(enough.any(axis=1), last, -1)


def _interval(judged: Judged, precision: float | None, ends: np.ndarray, draws: int, seed: int) -> tuple[float, float]:
    images, right, chosen = len(judged.objects), judged.outcomes[0] == RIGHT, []
    if not images or not len(judged.scores):
        return math.nan, math.nan
    generator, step = np.random.default_rng(seed), max(1, _CELLS // max(images, len(judged.scores)))
    for begin in range(0, draws, step):
        size = min(step, draws - begin)
        weights = generator.multinomial(images, np.full(images, 1 / images), size)  # (B, I)
        taken = weights[:, judged.images]  # (B, D)
        places = _places(taken.cumsum(axis=1), (taken * right).cumsum(axis=1), weights @ judged.objects, ends,
                         precision)
        chosen += [_below(judged.scores, int(place)) for place in places if place >= 0]
    if not chosen:
        return math.nan, math.nan
    low, high = np.percentile(chosen, _BETWEEN)
    return float(low), float(high)


def _below(scores: np.ndarray, place: int) -> float:
    """A score that the detections to a place pass and the next do not: half way, in ten thousandths where these tell
    them apart; 1 where none is to pass."""
    if place < 0:
        return 1.0
    mine, following = float(scores[place]), float(scores[place + 1]) if place + 1 < len(scores) else 0.0
    middle = (mine + following) / 2 if place + 1 < len(scores) else mine - 1e-4
    rounded = round(middle, 4)
    return max(0.0, rounded if following <= rounded < mine else middle)
