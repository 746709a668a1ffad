import pytest

from frcnn_keras.auditing.duplicate import duplicate
from frcnn_keras.auditing.pairing import pair
from tests.auditing.by_hand import NAMES, image


def found_in(*args, **kwargs):
    return duplicate(pair(image(*args, **kwargs), 3), NAMES)


def test_the_worse_of_two_goes():
    # 40 x 40 and 40 x 36 share 0.9 of the larger
    [one] = found_in([(0, 0, 40, 36, 1), (0, 0, 40, 40, 1)], [(0, 0, 40, 40, 1, 0.9)], first=5)
    assert (one.annotation, one.score, one.suggested) == (5, pytest.approx((0.9 - 0.5) / 0.5), "")


def test_without_a_detection_the_later_one_goes():
    [one] = found_in([(0, 0, 40, 40, 1), (0, 0, 40, 40, 1)])
    assert (one.annotation, one.score) == (2, 1)


def test_two_classes_on_one_box():
    [one] = found_in([(0, 0, 40, 40, 1), (0, 0, 40, 40, 2)], [(0, 0, 40, 40, 2, 0.9)])
    assert (one.annotation, one.label, one.score) == (1, "cat", 1)
    assert found_in([(0, 0, 40, 40, 1), (0, 0, 40, 30, 2)]) == []  # 0.75


def test_neighbours_and_what_is_ignored_are_none():
    assert found_in([(0, 0, 40, 40, 1), (20, 0, 60, 40, 1)]) == []
    assert found_in([(0, 0, 40, 40, 1), (0, 0, 40, 40, 1)], ignored=[1]) == []
