import pytest

from frcnn_keras.auditing.matching import match
from frcnn_keras.auditing.spurious import spurious, support
from tests.auditing.by_hand import NAMES, image


def found_in(*images):
    return spurious([match(one, 3) for one in images], NAMES)


def test_support_by_hand():
    # IoU 1: the score; 40 x 40 moved by 20, 1 / 3: two thirds of it, of whatever class; classes add up
    labelled = [(0, 0, 40, 40, 1), (100, 0, 140, 40, 2), (150, 50, 190, 90, 3)]
    found = [(0, 0, 40, 40, 1, 0.9), (120, 0, 160, 40, 3, 0.5), (120, 0, 160, 40, 1, 0.1)]
    one = match(image(labelled, found), 3)
    assert support(one) == pytest.approx([0.9, 0.6 * 2 / 3, 0])


def test_one_label_without_support_among_many():
    good = [image([(0, 0, 40, 40, 1)], [(0, 0, 40, 40, 1, 0.9)], number=n, first=n) for n in range(1, 50)]
    bad = image([(100, 10, 140, 50, 1)], number=50, first=50)
    scores = {one.annotation: one.score for one in found_in(*good, bad)}
    # of the 49 others none has so little; in the class half of itself, of 50
    assert scores[50] == pytest.approx(0.02 / (0.02 + 25 * 0.01 / (49 + 25)))
    # all others have no more
    assert scores[1] == pytest.approx(0.1 * 0.02 / (0.02 + (49 + 25 * 0.99) / (49 + 25)))


def test_where_half_is_missed_a_miss_says_little():
    images = [image([(0, 0, 40, 40, 1)], [(0, 0, 40, 40, 1, 0.9)] if n % 2 else (), number=n, first=n)
              for n in range(1, 41)]
    assert max(one.score for one in found_in(*images)) < 0.05


def test_small_ones_are_missed_and_a_large_one_is_not():
    small = [image([(0, 0, 4, 4, 1)], number=n, first=n) for n in range(1, 11)]
    large = [image([(0, 0, 60, 60, 1)], [(0, 0, 60, 60, 1, 0.9)], number=n, first=n) for n in range(11, 211)]
    odd = image([(0, 0, 61, 61, 1)], number=211, first=211)
    scores = {one.annotation: one.score for one in found_in(*small, *large, odd)}
    # of the 50 nearest of the small one 9 are missed too; of the odd one's none. In the class 11 of 211
    in_class = 10.5 / 211
    assert scores[1] == pytest.approx(0.02 / (0.02 + (10 - 1 + 25 * in_class) / 75))
    assert scores[211] == pytest.approx(0.02 / (0.02 + 25 * in_class / 75))


def test_a_label_alone_and_none():
    assert found_in(image([(0, 0, 40, 40, 1)]))[0].score == pytest.approx(0.02 / 0.52)
    assert found_in(image([(0, 0, 40, 40, 1)], ignored=[0])) == found_in(image()) == []
