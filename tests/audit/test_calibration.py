import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.audit.calibration import calibrate


def drawn(slope, offset, wrong, count=6000, seed=0):
    draw = np.random.default_rng(seed)
    inputs = draw.normal(0.5, 3, count)
    truth = draw.random(count) < 1 / (1 + np.exp(-(slope * inputs + offset)))
    return 1 / (1 + np.exp(-inputs)), truth & (draw.random(count) >= wrong)


@pytest.mark.parametrize("slope, offset, wrong", [(1, 0, 0.0), (0.5, -1, 0.05), (1.5, 0.5, 0.15)])
def test_it_finds_the_curve_that_was_drawn_from(slope, offset, wrong):
    found = calibrate(*drawn(slope, offset, wrong))
    assert found.slope == pytest.approx(slope, abs=0.15)
    assert found.offset == pytest.approx(offset, abs=0.2)
    assert found.wrong == pytest.approx(wrong, abs=0.03)


def test_sure_ones_are_not_pulled_down_by_wrong_labels():
    scores, right = drawn(1, 0, 0.1)
    assert right[scores > 0.99].mean() < 0.92
    assert calibrate(scores, right)(np.array(0.999)) > 0.97


def test_without_detections_scores_stay():
    assert calibrate(np.zeros(0), np.zeros(0, bool))(np.array([0.2, 0.9])) == pytest.approx([0.2, 0.9])


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=40), st.randoms())
def test_it_rises_stays_within_0_and_1_and_knows_no_order(pairs, random):
    scores, right = np.array([s for s, _ in pairs]), np.array([r for _, r in pairs], bool)
    found = calibrate(scores, right)
    values = found(np.linspace(0.01, 0.99, 50))
    assert (np.diff(values) > 0).all() and values.min() >= 0 and values.max() <= 1
    order = list(range(len(pairs)))
    random.shuffle(order)
    assert calibrate(scores[order], right[order]) == found
