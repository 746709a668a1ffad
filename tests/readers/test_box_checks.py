import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.readers.box_checks import check_boxes


def check(*boxes, height=100, width=200):
    return check_boxes(boxes, height, width, "a.xml", [f"object {number}" for number in range(1, len(boxes) + 1)])


def test_good_boxes_pass_unchanged():
    checked = check((0, 0, 200, 100), (10.5, 20.25, 30, 40))
    np.testing.assert_array_equal(checked.boxes, [[0, 0, 200, 100], [10.5, 20.25, 30, 40]])
    assert checked.boxes.dtype == np.float32
    assert checked.kept.tolist() == [0, 1] and checked.clipped.size == 0 and not checked.problems


def test_no_boxes():
    checked = check()
    assert checked.boxes.shape == (0, 4) and checked.kept.shape == (0,) and not checked.problems


@pytest.mark.parametrize(
    "box, words",
    [
        ((np.nan, 0, 10, 10), "no finite number"),
        ((0, 0, np.inf, 10), "no finite number"),
        ((10, 0, 10, 10), "no area"),
        ((20, 0, 10, 10), "no area"),
        ((0, 9, 10, 3), "no area"),
        ((200, 0, 210, 10), "wholly outside"),
        ((-20, 0, 0, 10), "wholly outside"),
        ((0, 100, 10, 120), "wholly outside"),
        ((300, 300, 400, 400), "wholly outside"),
    ],
)
def test_bad_boxes_are_fatal_and_named(box, words):
    checked = check((5, 5, 50, 50), box, (7, 7, 50, 50))
    assert checked.kept.tolist() == [0, 2]
    (problem,) = checked.problems
    assert problem.fatal and (problem.file, problem.item) == ("a.xml", "object 2") and words in problem.message
    assert "\n" not in str(problem)


def test_tiny_objects_are_left_out_and_reported():
    checked = check((0, 0, 1, 1), (0, 0, 1.99, 50), (0, 0, 2, 2), (198.5, 0, 260, 50))
    assert checked.kept.tolist() == [2]
    assert [problem.item for problem in checked.problems] == ["object 1", "object 2", "object 4"]
    assert not any(problem.fatal for problem in checked.problems)
    assert checked.clipped.size == 0  # what is left out is not counted as clipped


def test_boxes_over_the_edge_are_clipped():
    checked = check((-1, 5, 50, 50), (150, 50, 230, 130), (0, 0, 200.005, 100))
    np.testing.assert_array_equal(checked.boxes, [[0, 5, 50, 50], [150, 50, 200, 100], [0, 0, 200, 100]])
    assert checked.clipped.tolist() == [0, 1]  # the third is rounding
    assert not checked.problems


numbers = st.one_of(st.floats(-300, 300), st.sampled_from([0.0, 100.0, 200.0, 1e30, -1e30, np.nan, np.inf]))


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.lists(st.tuples(numbers, numbers, numbers, numbers), max_size=6))
def test_every_box_is_kept_or_explained(boxes):
    checked = check(*boxes)
    x1, y1, x2, y2 = checked.boxes.T
    assert ((x1 >= 0) & (y1 >= 0) & (x2 <= 200) & (y2 <= 100) & (x2 - x1 > 1.99) & (y2 - y1 > 1.99)).all()
    named = {int(problem.item.split()[1]) - 1 for problem in checked.problems}
    assert sorted(named | set(checked.kept.tolist())) == list(range(len(boxes)))
    assert not named & set(checked.kept.tolist())
    for index in named:  # by the definition, one box at a time
        a, b, c, d = boxes[index]
        finite = all(np.isfinite(boxes[index]))
        w, h = min(c, 200) - max(a, 0), min(d, 100) - max(b, 0)
        assert not finite or c <= a or d <= b or w < 2 or h < 2
