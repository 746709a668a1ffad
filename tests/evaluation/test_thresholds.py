import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.evaluation.judging import LEFT_OUT, RIGHT, THRESHOLDS, WRONG, Judged
from frcnn_keras.evaluation.thresholds import choose, together


def judged(scores, right, images=None, objects=(4,)):
    """right: True, False, or None of what is left out; at every overlap but the first all are wrong."""
    outcomes = np.full((len(THRESHOLDS), len(scores)), WRONG, np.int8)
    outcomes[0] = [LEFT_OUT if one is None else RIGHT if one else WRONG for one in right]
    return Judged(np.zeros(len(scores), int) if images is None else np.array(images), np.array(scores, float), outcomes,
                  np.array(objects))


SOME = judged([0.9, 0.8, 0.7, 0.6, 0.5], [1, 1, 0, 1, 0])


def test_the_best_f1_by_hand():
    # 2/6.. of k detections and 4 objects, 2 tp / (k + 4): 2/5, 4/6, 4/7, 6/8, 6/9
    chosen = choose(SOME)
    assert (chosen.score, chosen.f1) == (pytest.approx(0.55), pytest.approx(0.75))
    assert (chosen.precision, chosen.recall, chosen.reached) == (pytest.approx(0.75), pytest.approx(0.75), True)


@pytest.mark.parametrize("wanted, score, precision", [(0.9, 0.75, 1), (0.75, 0.55, 0.75), (0.6, 0.4999, 0.6)])
def test_the_lowest_score_of_a_precision(wanted, score, precision):
    chosen = choose(SOME, wanted)
    assert (chosen.score, chosen.precision) == (pytest.approx(score), pytest.approx(precision))


def test_a_precision_that_no_score_has():
    chosen = choose(judged([0.9, 0.8, 0.7], [0, 1, 1]), 0.9)
    assert not chosen.reached and chosen.precision == pytest.approx(2 / 3) and chosen.score < 0.7


def test_equal_scores_are_not_parted():
    chosen = choose(judged([0.9, 0.8, 0.8], [1, 1, 0], objects=(2,)), 1.0)
    assert chosen.score == pytest.approx(0.85) and chosen.recall == 0.5


def test_nothing_found_and_nothing_there():
    assert choose(judged([], [])).score == 1 and math.isnan(choose(judged([], [])).precision)
    empty = choose(judged([0.9], [0], objects=(0,)))
    assert empty.score == pytest.approx(0.8999) or empty.score == 1
    assert math.isnan(empty.recall)


def test_classes_together():
    both = together([SOME, judged([0.85], [1], objects=(1,))])
    assert both.scores.tolist() == [0.9, 0.85, 0.8, 0.7, 0.6, 0.5] and both.objects.tolist() == [5]
    assert both.outcomes[0].tolist() == [RIGHT, RIGHT, RIGHT, WRONG, RIGHT, WRONG]


def test_what_is_left_out_counts_nowhere():
    # in between, of other images, and the lowest: neither the choice nor its score moves
    more = judged([0.95, 0.9, 0.8, 0.7, 0.65, 0.6, 0.58, 0.5], [None, 1, 1, 0, None, 1, None, 0])
    assert choose(more) == choose(SOME)


def slow_f1(scores, right, images, objects, weights):
    """The threshold of a draw of images, each detection counted as often as its image was drawn."""
    best, chosen = 0.0, None
    for end in range(len(scores)):
        if end + 1 < len(scores) and scores[end + 1] == scores[end]:
            continue
        count = sum(weights[image] for image in images[:end + 1])
        hits = sum(weights[image] for image, hit in zip(images[:end + 1], right[:end + 1], strict=True) if hit)
        f1 = 2 * hits / max(1, count + sum(w * n for w, n in zip(weights, objects, strict=True)))
        if f1 > best:
            best, chosen = f1, end
    return chosen


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 99), st.booleans(), st.integers(0, 4)), min_size=1, max_size=12),
       st.lists(st.integers(1, 5), min_size=5, max_size=5), st.integers(0, 99))
def test_the_interval_is_that_of_a_slow_loop(found, objects, seed):
    found = sorted(found, key=lambda one: -one[0])
    scores, right, images = [one[0] / 100 for one in found], [one[1] for one in found], [one[2] for one in found]
    one = judged(scores, right, images, objects)
    chosen = choose(one, draws=20, seed=seed)
    weights = np.random.default_rng(seed).multinomial(5, np.full(5, 0.2), 20)
    ends = [slow_f1(scores, right, images, objects, row) for row in weights]
    values = [(scores[end] + scores[end + 1]) / 2 if end + 1 < len(scores) else scores[end] - 1e-4
              for end in ends if end is not None]
    if values:
        assert (chosen.low, chosen.high) == pytest.approx(tuple(np.percentile(values, (2.5, 97.5))), abs=1.1e-4)
    else:
        assert math.isnan(chosen.low)
    assert slow_f1(scores, right, images, objects, [1] * 5) is None or any(
        end == slow_f1(scores, right, images, objects, [1] * 5) for end in range(len(scores))
        if scores[end] > chosen.score and (end + 1 == len(scores) or scores[end + 1] <= chosen.score))
