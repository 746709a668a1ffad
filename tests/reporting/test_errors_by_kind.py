import numpy as np
import pytest

from frcnn_keras.evaluation.coco import coco_metrics
from frcnn_keras.reporting import errors_by_kind as kinds
from frcnn_keras.reporting.errors_by_kind import KINDS, Table, ap50, kinds_of, without
from frcnn_keras.reporting.matching import match
from tests.reporting.pictures_by_hand import drawn_at_random, picture

OBJECT = (1, 0, 0, 10, 10)


def table_of(pictures, classes=2):
    matched = [match(one) for one in pictures]
    return Table.of(pictures, matched, [kinds_of(*pair) for pair in zip(pictures, matched, strict=True)], classes)


@pytest.mark.parametrize("detection, kind", [
    ((1, .5, 0, 0, 10, 10), kinds.RIGHT),
    ((2, .5, 0, 0, 10, 10), kinds.CLASSIFICATION),
    ((1, .5, 0, 0, 10, 4), kinds.LOCALISATION),  # IoU .4
    ((2, .5, 0, 0, 10, 4), kinds.BOTH),
    ((1, .5, 0, 0, 10, .9), kinds.BACKGROUND),  # IoU .09
    ((1, .5, 50, 50, 60, 60), kinds.BACKGROUND),
])
def test_one_object_and_one_detection(detection, kind):
    one = picture([OBJECT], [detection])
    assert kinds_of(one, match(one)).kinds == (kind,)


def test_a_second_box_is_a_duplicate_and_no_object_is_missed():
    one = picture([OBJECT], [(1, .5, 0, 0, 10, 10), (1, .9, 0, 0, 10, 9)])
    found = kinds_of(one, match(one))
    assert found.kinds == (kinds.DUPLICATE, kinds.RIGHT) and found.objects.tolist() == [0, 0]
    assert not found.missed.any()


def test_missed_is_what_no_detection_has_to_do_with():
    one = picture([OBJECT, (1, 50, 50, 60, 60), (2, 80, 80, 90, 90)], [(2, .5, 0, 0, 10, 10)], ignored=[2])
    assert kinds_of(one, match(one)).missed.tolist() == [False, True, False]


def test_an_image_without_objects_and_one_without_detections():
    empty = picture([], [(1, .5, 0, 0, 10, 10)])
    assert kinds_of(empty, match(empty)).kinds == (kinds.BACKGROUND,)
    missed = picture([OBJECT], [])
    assert kinds_of(missed, match(missed)).missed.tolist() == [True]


def test_what_ap50_would_be_by_hand():
    """Class 1: two objects, one found below a false alarm: precision 1/2 up to recall 1/2, which 51 of 101 recalls
    reach. The other object is missed."""
    table = table_of([picture([OBJECT, (1, 50, 50, 60, 60)], [(1, .9, 80, 80, 90, 90), (1, .5, 0, 0, 10, 10)])])
    assert ap50(table) == pytest.approx(.5 * 51 / 101)
    assert without(table, kinds.BACKGROUND) == pytest.approx(51 / 101)
    assert without(table, kinds.MISSED) == pytest.approx(.5)
    assert all(without(table, kind) == ap50(table) for kind in KINDS if kind not in (kinds.BACKGROUND, kinds.MISSED))


def test_a_misnamed_detection_becomes_right_once():
    """Class 1 has two objects, one of which two detections of class 2 lie on; class 2 has one object, found last."""
    table = table_of([picture([OBJECT, (1, 50, 50, 60, 60), (2, 80, 80, 90, 90)], [
        (2, .9, 0, 0, 10, 10), (2, .8, 0, 0, 10, 9), (1, .7, 50, 50, 60, 60), (2, .6, 80, 80, 90, 90)])])
    assert ap50(table) == pytest.approx((51 / 101 + 1 / 3) / 2)
    assert without(table, kinds.CLASSIFICATION) == pytest.approx(1)


def test_a_mislaid_detection_of_an_object_that_is_found_goes():
    table = table_of([picture([OBJECT], [(1, .9, 0, 0, 10, 4), (1, .5, 0, 0, 10, 10)])])
    assert table.kinds.tolist() == [kinds.LOCALISATION, kinds.RIGHT]
    assert ap50(table) == pytest.approx(.5) and without(table, kinds.LOCALISATION) == 1


@pytest.mark.parametrize("seed", range(3))
def test_ap50_is_cocos(seed):
    found = drawn_at_random(seed)
    expected = coco_metrics(found.images, found.detections, found.class_names)["AP50"]
    assert ap50(table_of(found.images, 3)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_without_any_error_all_is_right(seed):
    """What is mended never makes it worse, and images hold no more wrong ones than were sorted."""
    table = table_of(drawn_at_random(seed).images, 3)
    assert all(without(table, kind) >= ap50(table) - 1e-12 for kind in KINDS)
    assert set(np.unique(table.kinds)) <= {*KINDS, kinds.RIGHT}


def test_nothing_at_all():
    assert np.isnan(ap50(table_of([], 2)))
