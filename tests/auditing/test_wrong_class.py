import pytest

from frcnn_keras.auditing.pairing import pair
from frcnn_keras.auditing.wrong_class import wrong_class
from tests.auditing.by_hand import NAMES, image, plain_fold


def found_in(*args, **kwargs):
    return wrong_class(pair(image(*args, **kwargs), 3), plain_fold(), NAMES)


def test_another_class_on_the_labelled_box():
    [one] = found_in([(10, 10, 50, 50, 1)], [(10, 10, 50, 50, 3, 0.9)], first=7)
    assert (one.label, one.suggested, one.annotation, one.box) == ("cat", "cow", 7, (10, 10, 50, 50))
    assert one.score == pytest.approx(0.9)


def test_what_the_labelled_class_has_is_taken_off():
    [one] = found_in([(10, 10, 50, 50, 1)], [(10, 10, 50, 50, 3, 0.6), (10, 10, 50, 50, 1, 0.2)])
    assert one.score == pytest.approx(0.6 * 0.6 / 0.8)


def test_a_right_class_has_a_low_score():
    [one] = found_in([(10, 10, 50, 50, 1)], [(10, 10, 50, 50, 1, 0.9), (10, 10, 50, 50, 3, 0.06)])
    assert one.score == pytest.approx(0.06 * 0.06 / 0.96)
    assert found_in([(10, 10, 50, 50, 1)], [(10, 10, 50, 50, 1, 0.9)]) == []


def test_a_detection_beside_the_label_counts_less():
    # 40 x 40 moved by 20: 20 / 60 = 1 / 3; (1/3 - 0.2) / 0.3
    [one] = found_in([(10, 10, 50, 50, 1)], [(30, 10, 70, 50, 3, 0.9)])
    assert one.score == pytest.approx(0.9 * (1 / 3 - 0.2) / 0.3)


def test_two_objects_side_by_side_are_not_mixed_up():
    labelled = [(0, 0, 40, 40, 1), (20, 0, 60, 40, 2)]
    assert found_in(labelled, [(0, 0, 40, 40, 1, 0.9), (20, 0, 60, 40, 2, 0.95)]) == []
