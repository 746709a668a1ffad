import numpy as np
import pytest

from frcnn_keras.readers.box_forms import BoxForm, suspicion, to_corners


def boxes(*rows):
    return np.array(rows, np.float64).reshape(-1, 4)


def of(rows, form, size=(100, 200)):
    return suspicion(boxes(*rows), np.tile(size, (len(rows), 1)), form)


def test_corners_of_each_form():
    rows = boxes((3, 5, 30, 50), (0, 1, 10.5, 20))
    np.testing.assert_array_equal(to_corners(rows, BoxForm.CORNERS), rows)
    np.testing.assert_array_equal(to_corners(rows, BoxForm.FROM_ONE), [[2, 4, 30, 50], [0, 0, 10.5, 20]])
    np.testing.assert_array_equal(to_corners(rows, BoxForm.SIDES), [[3, 5, 33, 55], [0, 1, 10.5, 21]])
    assert to_corners(boxes(), BoxForm.SIDES).shape == (0, 4)
    to_corners(boxes((np.inf, 0, -np.inf, np.nan)), BoxForm.SIDES)  # without a warning


@pytest.mark.parametrize("form", BoxForm)
def test_fractions(form):
    found = of([(0.2, 0.2, 0.6, 0.7), (0, 0, 1, 1)], form)
    assert found.fatal and "fractions" in found.message
    if form is not BoxForm.FROM_ONE:
        assert of([(0.2, 0.2, 0.6, 0.7), (0, 0, 50, 40)], form) is None  # one of them is in pixels
    assert of([], form) is None and of([(np.nan, 0, 1, 1)], form) is None or form is BoxForm.FROM_ONE


def test_corners_where_sides_are_expected():
    found = of([(100, 60, 150, 90), (120, 40, 190, 90), (3, 4, 30, 20)], BoxForm.SIDES)
    assert found.fatal and "--coco-corners" in found.message
    for rows in ([(100, 60, 50, 30), (120, 40, 70, 50)],  # what these are as x, y, width, height
                 [(100, 60, 105, 30)],  # reaches over the edge, but is no box of corners either
                 [(10, 10, 195, 95)],  # by a little alone
                 [(100, 60, 150, 90), (1, 2, 30, 40), (2, 3, 40, 50)]):  # a third of them
        assert of(rows, BoxForm.SIDES) is None
    assert of([(100, 60, 150, 90)], BoxForm.CORNERS) is None


def test_sides_where_corners_are_expected():
    found = of([(100, 60, 50, 30), (120, 40, 70, 50), (3, 4, 30, 20)], BoxForm.CORNERS)
    assert found.fatal and "all boxes lie in their images as x, y, width, height, and 2 of 3 are none" in found.message
    assert not of([(100, 60, 50, 30), (120, 40, 70, 50), *[(3, 4, 30, 20)] * 7], BoxForm.CORNERS).fatal
    for rows in ([(100, 60, 150, 90), (120, 40, 190, 90)],  # corners
                 [(100, 60, 50, 30), (120, 40, 190, 90), (90, 60, 50, 30)],  # one reaches over the edge as sides
                 [(100, 60, 50, 30), (3, 4, 30, 20)],  # one box alone
                 [(100, 60, 50, -30), (120, 40, 70, 50), (120, 40, 70, 30)], [(np.nan, 60, 50, 30)] * 3):
        assert of(rows, BoxForm.CORNERS) is None
    assert of([(100, 60, 50, 30), (120, 40, 70, 50)], BoxForm.FROM_ONE) is None


def test_boxes_that_begin_at_pixel_0():
    found = of([(0, 5, 20, 30), (7, 0, 20, 30), (1, 1, 20, 30)], BoxForm.FROM_ONE)
    assert not found.fatal and found.message.startswith("2 boxes begin") and "--voc-from-zero" in found.message
    assert of([(0, 5, 20, 30)], BoxForm.FROM_ONE).message.startswith("1 box begins")
    assert of([(1, 1, 200, 100), (-3, 5, 20, 30)], BoxForm.FROM_ONE) is None
    assert of([(0, 0, 20, 30)], BoxForm.CORNERS) is None
