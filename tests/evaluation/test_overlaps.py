import numpy as np
import pytest

from frcnn_keras.evaluation.overlaps import area, inside, intersection, iou


def test_by_hand():
    boxes, others = np.array([(0, 0, 4, 2), (0, 0, 0, 0)], float), np.array([(2, 1, 6, 3), (0, 0, 0, 0)], float)
    assert intersection(boxes, others).tolist() == [[2, 0], [0, 0]]
    assert iou(boxes, others) == pytest.approx(np.array([[2 / 14, 0], [0, 0]]))
    assert area(boxes).tolist() == [8, 0]


def test_the_share_of_a_box_in_another():
    boxes, others = np.array([(0, 0, 10, 10), (0, 0, 0, 0)], float), np.array([(5, 0, 15, 10), (-5, -5, 50, 50)], float)
    assert inside(boxes, others).tolist() == [[0.5, 1], [0, 0]]
    assert iou(boxes, others)[0, 0] == 50 / 150


def test_of_nothing():
    nothing, some = np.zeros((0, 4)), np.ones((3, 4))
    assert iou(nothing, some).shape == (0, 3) and inside(some, nothing).shape == (3, 0)
