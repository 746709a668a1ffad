import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.auditing.calibration import Calibration, calibrate, logit


def drawn(slope, offset, wrong, count=6000, seed=0):
    draw = np.random.default_rng(seed)
    inputs = draw.normal(0.5, 3, count)
    truth = draw.random(count) < 1 / (1 + np.exp(-(slope * inputs + offset)))
    return 1 / (1 + np.exp(-inputs)), truth & (draw.random(count) >= wrong)


def of(scores, right):
    return calibrate(logit(scores)[:, None], right)


@pytest.mark.parametrize("slope, offset, wrong", [(1, 0, 0.0), (0.5, -1, 0.05), (1.5, 0.5, 0.15)])
def test_it_finds_the_curve_that_was_drawn_from(slope, offset, wrong):
    found = of(*drawn(slope, offset, wrong))
    assert found.weights == pytest.approx((offset, slope), abs=0.2)
    assert found.wrong == pytest.approx(wrong, abs=0.03)


def test_sure_ones_are_not_pulled_down_by_wrong_labels():
    scores, right = drawn(1, 0, 0.1)
    assert right[scores > 0.99].mean() < 0.92
    assert of(scores, right)(logit([[0.999]]))[0] > 0.97


def test_evidence_beside_the_score():
    """What is inside something else is never right: the weight of that column says so, and the score's stays."""
    draw = np.random.default_rng(3)
    scores, inside = draw.random(4000), draw.random(4000) < 0.5
    right = (draw.random(4000) < scores) & ~inside
    found = calibrate(np.stack([logit(scores), inside * 4.0], axis=1), right)
    assert found.weights[1] == pytest.approx(1, abs=0.15) and found.weights[2] < -0.8
    assert found(np.array([[0.0, 0.0], [0.0, 4.0]])) == pytest.approx([0.5, 0.02], abs=0.05)


def test_bayes_of_what_is_refuted():
    found = Calibration((0.0, 1.0), 0.1)
    assert found.refuted(logit([[0.9]]))[0] == pytest.approx(0.09 / (0.09 + 0.1))


def test_without_detections_scores_stay():
    assert of(np.zeros(0), np.zeros(0, bool))(logit([[0.2], [0.9]])) == pytest.approx([0.2, 0.9])


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=40), st.randoms())
def test_it_rises_stays_within_0_and_1_and_knows_no_order(pairs, random):
    scores, right = np.array([s for s, _ in pairs]), np.array([r for _, r in pairs], bool)
    found = of(scores, right)
    values = found(logit(np.linspace(0.01, 0.99, 50))[:, None])
    assert (np.diff(values) > 0).all() and values.min() >= 0 and values.max() <= 1
    order = list(range(len(pairs)))
    random.shuffle(order)
    assert of(scores[order], right[order]) == found
