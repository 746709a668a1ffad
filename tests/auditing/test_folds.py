import numpy as np
import pytest

from frcnn_keras.auditing.calibration import logit
from frcnn_keras.auditing.folds import ENOUGH, fold_of, object_evidence, objectness, own_class
from frcnn_keras.auditing.pairing import pair
from tests.auditing.by_hand import image


def test_evidence_by_hand():
    # of 200 x 100 pixels. The label's own detection; a quarter of it once more, which has IoU 1/4 with the surer one
    labelled = [(0, 0, 40, 40, 1)]
    found = [(0, 0, 40, 40, 1, 0.9), (0, 0, 20, 20, 2, 0.5), (0, 0, 20, 20, 1, 0.25)]
    one = pair(image(labelled, found), 3)
    assert objectness(one.seen) == pytest.approx([0.9, 0.75])
    own, part = object_evidence(one)
    size = np.log(1600 / 20000) / 2
    assert own == pytest.approx([logit(0.9), logit(0.9), 0, 0, size])  # its own label is none that it lies on
    assert part == pytest.approx([logit(0.5), logit(0.75), 4 / 4, 4, size + np.log(0.5)])


def test_the_class_of_a_label_at_its_place():
    # 40 x 40 and 40 x 32 share 0.8 of the larger
    one = pair(image([(0, 0, 40, 40, 1)], [(0, 0, 40, 40, 2, 0.9), (0, 0, 40, 32, 1, 0.3)]), 3)
    score, box, overlap = own_class(one, 0)
    assert (score, tuple(box), overlap) == (0.3, (0, 0, 40, 32), pytest.approx(0.8))
    one = pair(image([(0, 0, 40, 40, 3)], [(0, 0, 40, 40, 2, 0.9)]), 3)
    assert own_class(one, 0)[::2] == (0.0, 0.0)


def found_at(height, label, number):
    """A label 40 x 40 found as 40 x height: IoU height / 40."""
    return pair(image([(0, 0, 40, 40, label)], [(0, 0, 40, height, label, 0.99)], number=number, first=number), 3)


def test_placing_of_a_class_and_of_all():
    # cats: 35 of 0.9 less 0.0, 0.05, 0.1 in turn; two dogs are too few, and are taken with the cats
    heights = [36, 34, 32] * 12
    assert len(heights) >= ENOUGH
    cats = [found_at(height, 1, number) for number, height in enumerate(heights, 1)]
    dogs = [found_at(20.5, 2, 100), found_at(20.5, 2, 101)]
    cat, dog, cow = fold_of([*cats, *dogs], 3).placing
    # median 0.85; below it 0, 0.05, as many: the median between them
    assert (cat.middle, cat.spread) == (pytest.approx(0.85), pytest.approx(1.4826 * 0.025, abs=1e-6))
    assert dog == cow and dog.middle == pytest.approx(0.85) and dog != cat


def test_a_fold_with_nothing():
    fold = fold_of([pair(image(), 3)], 3)
    assert fold.chance(0.7) == pytest.approx(0.7) and fold.placing[0].middle == 0.8


def test_ignored_objects_do_not_teach():
    ignored = pair(image([(0, 0, 40, 40, 1)], [(0, 0, 40, 40, 1, 0.99)], ignored=[0]), 3)
    assert fold_of([ignored] * 40, 3) == fold_of([], 3)
