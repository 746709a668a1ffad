import math

import pytest

from frcnn_keras.auditing.folds import Placing
from frcnn_keras.auditing.pairing import pair
from frcnn_keras.auditing.shifted import badly_drawn, shifted
from tests.auditing.by_hand import NAMES, image, plain_fold


def found_in(*args, **kwargs):
    return shifted(pair(image(*args, **kwargs), 3), plain_fold(), NAMES)


def test_the_detection_s_box_is_told():
    # 40 x 40 moved by 12, three tenths: 28 / 52 = 0.54
    [one] = found_in([(10, 10, 50, 50, 1)], [(22, 10, 62, 50, 1, 0.95)])
    assert (one.box, one.labelled) == ((22, 10, 62, 50), (10, 10, 50, 50))
    assert (one.label, one.suggested) == ("cat", "cat")
    assert one.score == pytest.approx(0.95 * badly_drawn(28 / 52, Placing(0.9, 0.05)))
    assert one.score > 0.8


def test_bayes_by_hand():
    # two spreads below: Student's t with 4 degrees has 3/8 (1 + 4/4)^(-5/2) / spread there; a bad one 1 / 0.8
    good = 3 / 8 * 2 ** -2.5 / 0.05
    assert badly_drawn(0.8, Placing(0.9, 0.05)) == pytest.approx(0.05 * 1.25 / (0.05 * 1.25 + 0.95 * good))
    assert badly_drawn(0.95, Placing(0.9, 0.05)) == 0


def test_a_loose_detector_says_less():
    assert badly_drawn(0.6, Placing(0.7, 0.1)) < 0.1 < 0.7 < badly_drawn(0.5, Placing(0.9, 0.04))
    scores = [badly_drawn(overlap / 100, Placing(0.9, 0.05)) for overlap in range(20, 100)]
    assert scores == sorted(scores, reverse=True) and math.isclose(max(scores), 1, abs_tol=0.05)


def test_another_class_s_detection_says_nothing_of_the_box():
    assert found_in([(10, 10, 50, 50, 1)], [(22, 10, 62, 50, 2, 0.95)]) == []
