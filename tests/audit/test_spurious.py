import pytest

from frcnn_keras.audit.matching import match
from frcnn_keras.audit.spurious import spurious, support
from tests.audit.by_hand import NAMES, image, plain_fold


def found_in(*images):
    return spurious([match(one, 3) for one in images], {1: plain_fold()}, NAMES)


def test_support_by_hand():
    # IoU 1: the score; 40 x 40 moved by 20, 1 / 3: two thirds of it, of whatever class; classes add up
    labelled = [(0, 0, 40, 40, 1), (100, 0, 140, 40, 2), (150, 50, 190, 90, 3)]
    found = [(0, 0, 40, 40, 1, 0.9), (120, 0, 160, 40, 3, 0.5), (120, 0, 160, 40, 1, 0.1)]
    one = match(image(labelled, found), 3)
    assert support(one, plain_fold()) == pytest.approx([0.9, 0.6 * 2 / 3, 0])


def test_one_label_without_support_among_many():
    good = [image([(0, 0, 40, 40, 1)], [(0, 0, 40, 40, 1, 0.9)], number=n, first=n) for n in range(1, 50)]
    bad = image([(100, 10, 140, 50, 1)], number=50, first=50)
    scores = {one.annotation: one.score for one in found_in(*good, bad)}
    # of the 49 others none has so little
    assert scores[50] == pytest.approx(1)
    # one of itself and 49 others: all the 48 others like it have no more, nor has the bad one
    assert scores[1] == pytest.approx(0.1 * (1 - (49 / 50 - 0.02)))


def test_where_half_is_missed_a_miss_says_little():
    images = [image([(0, 0, 40, 40, 1)], [(0, 0, 40, 40, 1, 0.9)] if n % 2 else (), number=n, first=n)
              for n in range(1, 41)]
    # 19 other misses of 40
    assert max(one.score for one in found_in(*images)) == pytest.approx(1 - (19 / 40 - 0.02))


def test_small_ones_are_missed_and_a_large_one_is_not():
    small = [image([(0, 0, 4, 4, 1)], number=n, first=n) for n in range(1, 61)]
    large = [image([(0, 0, 60, 60, 1)], [(0, 0, 60, 60, 1, 0.9)], number=n, first=n) for n in range(61, 121)]
    odd = image([(0, 0, 62, 62, 1)], number=121, first=121)
    scores = {one.annotation: one.score for one in found_in(*small, *large, odd)}
    assert scores[121] > 0.95 and max(scores[n] for n in range(1, 61)) < 0.1


def test_a_label_alone_and_none():
    assert found_in(image([(0, 0, 40, 40, 1)]))[0].score == 1
    assert found_in(image([(0, 0, 40, 40, 1)], ignored=[0])) == found_in(image()) == []
