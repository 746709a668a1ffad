import numpy as np

from frcnn_keras.auditing.hypotheses import hypotheses_of
from tests.auditing.by_hand import image


def test_detections_of_two_classes_at_one_place_are_one():
    # 20 x 10 and 20 x 8 share 160 of 200: IoU 0.8. The third is elsewhere
    seen = hypotheses_of(image((), [(0, 0, 20, 8, 2, 0.3), (0, 0, 20, 10, 1, 0.6), (50, 50, 60, 60, 3, 0.4)]), 3)
    assert seen.labels.tolist() == [1, 3]
    np.testing.assert_array_equal(seen.boxes, [(0, 0, 20, 10), (50, 50, 60, 60)])
    np.testing.assert_array_equal(seen.chances, [(0.6, 0.3, 0), (0, 0, 0.4)])
    np.testing.assert_array_equal(seen.class_boxes[0], [(0, 0, 20, 10), (0, 0, 20, 8), (0, 0, 20, 10)])


def test_a_place_begins_with_its_surest_and_does_not_creep():
    # neighbours overlap by 15 of 25 = 0.6; the outer ones by 10 of 30
    row = [(x, 0, x + 20, 10, label, score) for x, label, score in ((0, 1, 0.9), (5, 2, 0.8), (10, 3, 0.7))]
    assert hypotheses_of(image((), row), 3).scores.tolist() == [0.9, 0.7]


def test_order_in_the_file_decides_nothing():
    found = [(0, 0, 20, 10, 2, 0.5), (0, 0, 20, 10, 1, 0.5), (1, 0, 20, 10, 3, 0.5)]
    one, other = (hypotheses_of(image((), rows), 3) for rows in (found, found[::-1]))
    for mine, yours in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine, yours)


def test_nothing_found():
    assert len(hypotheses_of(image(), 3).boxes) == 0
