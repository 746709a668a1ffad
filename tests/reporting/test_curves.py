import numpy as np
import pytest

from frcnn_keras.reporting.curves import average_precision, curve_of


def test_a_curve_by_hand():
    curve = curve_of(np.array([.2, .9, .5, .5]), np.array([True, True, False, True]), 4)
    assert curve.scores.tolist() == [.9, .5, .2]
    assert curve.precision.tolist() == [1, 2 / 3, 3 / 4] and curve.recall.tolist() == [.25, .5, .75]
    assert curve.f1 == pytest.approx([.4, 4 / 7, .75]) and curve.best == 2 and curve.threshold == .2


def test_nothing_found_and_nothing_right():
    none = np.zeros(0)
    assert curve_of(none, none.astype(bool), 3).best is None
    assert curve_of(np.array([.5]), np.array([False]), 3).threshold == 1
    assert average_precision(none, none.astype(bool), 3) == 0
    assert np.isnan(average_precision(none, none.astype(bool), 0))


def test_average_precision_by_hand():
    """Wrong, right, right of three objects: 2/3 up to recall 2/3, which 67 of 101 recalls reach."""
    value = average_precision(np.array([.9, .8, .7]), np.array([False, True, True]), 3)
    assert value == pytest.approx(67 / 101 * 2 / 3)
