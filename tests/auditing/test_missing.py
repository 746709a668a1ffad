import pytest

from frcnn_keras.auditing.calibration import Calibration
from frcnn_keras.auditing.folds import Fold
from frcnn_keras.auditing.missing import missing
from frcnn_keras.auditing.pairing import pair
from tests.auditing.by_hand import NAMES, image, plain_fold


def found_in(*args, **kwargs):
    return missing(pair(image(*args, **kwargs), 3), plain_fold(), NAMES)


def refuted(p, wrong=0.5):
    return wrong * p / (wrong * p + 1 - p)


def test_a_detection_where_nothing_is_labelled():
    [one] = found_in((), [(10, 20, 30, 60, 2, 0.8)])
    assert (one.kind, one.box, one.label, one.suggested) == ("missing", (10, 20, 30, 60), "", "dog")
    assert one.score == pytest.approx(0.4 / 0.6) and one.annotation is None and one.labelled is None


def test_doubt_about_the_class_is_less_about_the_object():
    # of the evidence the sum of the classes alone
    fold = Fold(Calibration((0.0, 0.0, 1.0, 0.0, 0.0, 0.0), 0.5), plain_fold().classes, ())
    [one] = missing(pair(image((), [(10, 20, 30, 60, 2, 0.5), (10, 20, 30, 60, 3, 0.4)]), 3), fold, NAMES)
    assert (one.suggested, one.score) == ("dog", pytest.approx(refuted(0.9)))


def test_what_overlaps_a_label_costs_by_the_square():
    # the label's own detection is another; 40 x 40 beside it by 30: 10 / 70 = 1 / 7 of IoU
    labelled, own = [(0, 0, 40, 40, 1)], (0, 0, 40, 40, 1, 0.9)
    [one] = found_in(labelled, [own, (30, 0, 70, 40, 1, 0.8)])
    assert one.score == pytest.approx(refuted(0.8) * (1 - (2 / 7) ** 2))


def test_half_on_a_label_it_is_that_object_again():
    # 40 x 40 and 40 x 20 share half: IoU 0.5
    [one] = found_in([(0, 0, 40, 40, 1)], [(0, 0, 40, 40, 1, 0.9), (0, 20, 40, 40, 1, 0.8)])
    assert one.score == 0


def test_of_two_at_one_missing_object_the_surer_counts():
    better, worse = found_in((), [(0, 0, 40, 40, 1, 0.9), (0, 0, 40, 20, 1, 0.8)])
    assert (better.score, worse.score) == (pytest.approx(refuted(0.9)), 0)


def test_what_lies_in_a_crowd_is_no_finding():
    assert found_in([(0, 0, 100, 100, 1)], [(10, 10, 20, 20, 1, 0.9)], ignored=[0]) == []
