import pytest

from frcnn_keras.auditing.pairing import pair
from frcnn_keras.auditing.spurious import spurious, support
from tests.auditing.by_hand import NAMES, image


def found_in(*images):
    return spurious([pair(one, 3) for one in images], NAMES)


def test_support_by_hand():
    # IoU 1: the score; 40 x 40 moved by 20, 1 / 3: two thirds of it, of whatever class; classes add up
    labelled = [(0, 0, 40, 40, 1), (100, 0, 140, 40, 2), (150, 50, 190, 90, 3)]
    found = [(0, 0, 40, 40, 1, 0.9), (120, 0, 160, 40, 3, 0.5), (120, 0, 160, 40, 1, 0.1)]
    one = pair(image(labelled, found), 3)
    assert support(one) == pytest.approx([0.9, 0.6 * 2 / 3, 0])


def found_at(score, number, side=40):
    """An object with that support; without a detection where it is 0."""
    box = (0, 0, side, side, 1)
    return image([box], [(*box, score)] if score else (), number=number, first=number)


def test_bayes_by_hand():
    # 96 well found, 3 in the tail from 0.2 to 0.6, one not found
    images = [found_at(0.9, n) for n in range(1, 97)] + [found_at(0.4, n) for n in (97, 98, 99)] + [found_at(0, 100)]
    scores = {one.annotation: one.score for one in found_in(*images)}
    # the one itself left out none is faint: half a one of 50 before anything is seen, of 99 labels, then the class's
    # own none of 99, drawn to that by 100
    share = 100 * (0.5 / (99 + 50)) / (99 + 100)
    # of the 50 nearest in size, which stand in order of support, the last 50: 3; the class 3 of 100, weighing 99; one
    # of 10 besides
    tail = (3 + 99 * 0.03 + 1) / (50 + 99 + 10) / 0.4
    assert scores[100] == pytest.approx(share / 0.07 / (share / 0.07 + tail))
    assert scores[1] < 1e-4


def test_many_without_support_and_no_tail():
    """What is beyond the right ones' tail has no object: 5 of 200 where no detection is faint."""
    scores = {one.annotation: one.score for one in
              found_in(*[found_at(0.95, n) for n in range(1, 196)], *[found_at(0, n) for n in range(196, 201)])}
    assert min(scores[n] for n in range(196, 201)) > 0.9 > 0.01 > max(scores[n] for n in range(1, 196))


def test_where_faint_detections_are_usual_a_miss_says_little():
    scores = {one.annotation: one.score for one in
              found_in(*[found_at(0.95, n) for n in range(1, 101)], *[found_at(0.4, n) for n in range(101, 196)],
                       *[found_at(0, n) for n in range(196, 201)])}
    assert max(scores.values()) < 0.05


def test_small_ones_are_faint_and_a_large_one_is_not():
    small = [found_at(0.4 if n % 2 else 0.9, n, side=6) for n in range(1, 101)]
    large = [found_at(0.95, n, side=60) for n in range(101, 201)]
    scores = {one.annotation: one.score for one in
              found_in(*small, *large, found_at(0, 201, side=6), found_at(0, 202, side=61))}
    assert scores[202] > 1.5 * scores[201]


def test_one_that_overlaps_another_label_is_missed_for_that():
    good = [found_at(0.95, n) for n in range(1, 100)]
    # 40 x 40 beside one another by 30: IoU 1 / 7
    pair = image([(0, 0, 40, 40, 1), (30, 0, 70, 40, 1)], number=100, first=100)
    apart = image([(0, 0, 40, 40, 1), (80, 0, 120, 40, 1)], number=100, first=100)
    near, far = ({one.annotation: one.score for one in found_in(*good, two)} for two in (pair, apart))
    assert near[100] == pytest.approx(far[100] * (1 - (2 / 7) ** 2))


def test_a_label_alone_and_none():
    assert found_in(image([(0, 0, 40, 40, 1)]))[0].score < 0.5
    assert found_in(image([(0, 0, 40, 40, 1)], ignored=[0])) == found_in(image()) == []
