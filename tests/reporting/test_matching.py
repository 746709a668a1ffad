import numpy as np
import pytest

from frcnn_keras.evaluation.judging import LEFT_OUT, RIGHT, judge
from frcnn_keras.reporting.matching import match
from tests.reporting.pictures_by_hand import drawn_at_random, picture


def test_the_best_scored_chooses_first_and_a_second_one_finds_nothing():
    one = picture([(1, 0, 0, 10, 10)], [(1, .5, 0, 0, 10, 10), (1, .9, 0, 0, 10, 8), (2, .99, 0, 0, 10, 10)])
    found = match(one)
    assert found.objects.tolist() == [-1, 0, -1] and found.taken.tolist() == [1] and not found.left_out.any()


def test_what_lies_in_an_ignored_object_is_left_out():
    found = match(picture([(1, 0, 0, 50, 50)], [(1, .5, 0, 0, 10, 10), (1, .6, 0, 0, 10, 10)], ignored=[0]))
    assert found.left_out.all() and found.taken.tolist() == [-1] and not found.overlaps.any()


@pytest.mark.parametrize("seed", range(5))
def test_it_decides_as_cocos_evaluation(seed):
    found = drawn_at_random(seed)
    judged = judge(found.images, found.detections, 3)
    matched = [match(one) for one in found.images]
    for label, one in enumerate(judged, 1):
        rights = [[sum(m.objects[p.detected.labels == label] >= 0), sum(m.left_out[p.detected.labels == label])]
                  for p, m in zip(found.images, matched, strict=True)]
        expected = [[np.sum((one.images == place) & (one.outcomes[0] == outcome)) for outcome in (RIGHT, LEFT_OUT)]
                    for place in range(len(found.images))]
        assert rights == expected
