import numpy as np
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


def test_of_many_the_pairs_are_those_of_a_slow_loop():
    """Labels of two classes thrown on one spot: each that another better one overlaps by enough, by its worst pair."""
    rng = np.random.default_rng(0)
    boxes = [(x, y, x + 40, y + 40, label) for x, y, label in zip(*rng.integers(0, 25, (2, 30)), rng.integers(1, 3, 30),
                                                                  strict=True)]
    found = {one.annotation - 1: one.score for one in found_in(boxes)}
    wanted = {}
    for later in range(30):
        for former in range(later):
            one, other = boxes[former], boxes[later]
            wide, high = 40 - abs(one[0] - other[0]), 40 - abs(one[1] - other[1])
            overlap = wide * high / (3200 - wide * high)
            least = 0.5 if one[4] == other[4] else 0.8
            if overlap > least:
                wanted[later] = max(wanted.get(later, 0), (overlap - least) / (1 - least))
    assert len(wanted) > 10 and found == pytest.approx(wanted)
