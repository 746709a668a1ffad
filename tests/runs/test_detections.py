import dataclasses
import operator
from pathlib import Path

import numpy as np
import pytest

import frcnn_keras
from frcnn_keras.runs.detections import Detection, Detections

NAMES = ("ant", "bee", "käfer")


def found(**changes):
    one = Detections.of(np.arange(12, dtype=np.float32).reshape(3, 4), np.array([0.9, 0.5, 0.25], np.float32),
                        np.array([3, 1, 3], np.int32), NAMES, (7, 8, 90), "a.png")
    return dataclasses.replace(one, **changes)


def test_names_are_those_of_the_labels():
    assert found().names == ("käfer", "ant", "käfer") and len(found()) == 3
    assert found().category_ids == (90, 7, 90) and found().image == "a.png"


def test_above_is_strictly_above_and_keeps_what_belongs_together():
    best = found().above(0.5)
    assert best.names == ("käfer",) and best.scores.tolist() == [np.float32(0.9)] and best.labels.tolist() == [3]
    assert best.boxes.tolist() == [[0, 1, 2, 3]] and best.category_ids == (90,) and best.image == "a.png"
    assert found().above(0.25).names == ("käfer", "ant") and found().above(0.25).boxes[1].tolist() == [4, 5, 6, 7]
    assert len(found().above(-1)) == 3


def test_nothing_found():
    none = found().above(0.9)
    assert len(none) == 0 and none.names == () and none.boxes.shape == (0, 4) and none.labels.dtype == np.int32
    assert len(Detections.of(none.boxes, none.scores, none.labels, NAMES)) == 0
    assert list(none) == [] and len(none[:5]) == len(none[[]]) == 0 and repr(none) == "Detections(none)"


def test_one_by_its_number():
    one = found()[1]
    assert isinstance(one, Detection) and frcnn_keras.Detection is Detection
    assert one.box.tolist() == [4, 5, 6, 7] and one.box.dtype == np.float32
    assert (one.score, one.label, one.name, one.category_id) == (0.5, 1, "ant", 7)
    assert isinstance(one.score, float) and isinstance(one.label, int)
    assert found()[-1].score == found()[np.int64(2)].score == 0.25
    assert found(category_ids=())[0].category_id == 3
    for number in (3, -4):
        with pytest.raises(IndexError):
            found()[number]


@pytest.mark.parametrize("chosen, numbers", [
    (slice(2), [0, 1]), (slice(None, None, -1), [2, 1, 0]), ([2, 0], [2, 0]), (np.array([1]), [1]), ([], []),
    ([True, False, True], [0, 2]), (np.array([False] * 3), []), ((1, 1), [1, 1])])
def test_several(chosen, numbers):
    some, all_of_them = found()[chosen], found()
    assert isinstance(some, Detections) and some.image == "a.png"
    np.testing.assert_array_equal(some.boxes, all_of_them.boxes[np.array(numbers, int)])
    assert some.boxes.shape == (len(numbers), 4)
    for name in ("scores", "labels"):
        assert getattr(some, name).tolist() == getattr(all_of_them, name)[np.array(numbers, int)].tolist()
    for name in ("names", "category_ids"):
        assert getattr(some, name) == tuple(getattr(all_of_them, name)[number] for number in numbers)


def test_a_mask_of_another_length_is_refused():
    with pytest.raises(IndexError):
        found()[[True, False]]


def test_iteration():
    assert list(map(operator.attrgetter("name"), found())) == ["käfer", "ant", "käfer"]
    assert [one.box[0] for one in reversed(list(found()))] == [8, 4, 0]


def test_it_tells_of_itself():
    assert repr(found()) == "Detections(3: käfer 0.90, ant 0.50, käfer 0.25)"
    many = Detections.of(np.zeros((30, 4), np.float32), np.full(30, 0.5, np.float32), np.ones(30, np.int32), NAMES)
    assert repr(many).endswith("and 22 more)") and len(repr(many)) < 200


def test_what_is_kept_is_no_copy_and_not_printed():
    image = np.zeros((4000, 3000, 3), np.uint8)
    assert found(image=image)[:1].image is image and "image" not in repr(found(image=Path("x")))
