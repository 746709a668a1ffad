import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.data.example import Dataset, Problem
from frcnn_keras.data.image_header import ImageHeader
from frcnn_keras.data.validation import Assembly, RawObject, check_boxes, resolve_classes, settle
from frcnn_keras.errors import InputError

HEADER = ImageHeader("JPEG", (100, 200))


def check(*boxes, height=100, width=200):
    return check_boxes(boxes, height, width, "a.xml", [f"object {number}" for number in range(1, len(boxes) + 1)])


def read():
    return b""


def assemble(*images, classes=("cat", "dog")):
    assembly = Assembly("set", classes)
    for number, objects in enumerate(images, start=1):
        raw = [RawObject(name, box, f"object {k}") for k, (name, box) in enumerate(objects, start=1)]
        assembly.add(number, f"{number}.jpg", read, HEADER, raw)
    return assembly


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


def test_resolve_classes():
    assert resolve_classes(["b", "a", "background", "", "b"], None) == ("b", "a")
    assert resolve_classes(["b"], ["a", "b"]) == ("a", "b")
    for bad in (["a", "a"], [""], [], ["a", "Background"], ["__background__"]):
        with pytest.raises(InputError):
            resolve_classes(["a"], bad)


def test_assembly_labels_and_flags():
    assembly = Assembly("set", ("cat", "dog"))
    assembly.add(7, "7.jpg", read, HEADER, [
        RawObject("dog", (0, 0, 1, 1), "object 1"),
        RawObject("dog", (0, 0, 10, 10), "object 2", difficult=True),
        RawObject("cat", (0, 0, 20, 10), "object 3", crowd=True),
    ])
    dataset = assembly.finish([18, 17])
    (example,) = dataset.examples
    assert (example.id, example.height, example.width) == (7, 100, 200)
    assert example.labels.tolist() == [2, 1] and example.labels.dtype == np.int32
    assert example.difficult.tolist() == [True, False] and example.crowd.tolist() == [False, True]
    assert example.ignored.tolist() == [True, True]
    assert dataset.category_ids == (18, 17)
    assert assembly.finish().category_ids == (1, 2)


def test_assembly_refuses_unknown_classes_and_background():
    box = (0, 0, 10, 10)
    dataset = assemble([("cat", box), ("cow", box), ("background", box), ("", box)]).finish()
    assert len(dataset.examples[0].boxes) == 1
    assert [(problem.fatal, problem.item) for problem in dataset.problems] == [
        (True, "object 2"), (True, "object 3"), (True, "object 4")]
    assert "'cow'" in dataset.problems[0].message and "background" in dataset.problems[1].message


def test_assembly_refuses_a_second_image_of_the_same_id():
    assembly = assemble([("cat", (0, 0, 10, 10))])
    assembly.add(1, "other.jpg", read, HEADER, [])
    dataset = assembly.finish()
    assert len(dataset.examples) == 1
    (problem,) = dataset.problems
    assert problem.fatal and problem.file == "other.jpg" and "1.jpg" in problem.message


def test_one_summary_of_clipped_boxes():
    over, inside = ("cat", (-5, 0, 10, 10)), ("cat", (0, 0, 10, 10))
    dataset = assemble([inside], [inside, over, over], [over]).finish()
    (problem,) = dataset.problems
    assert not problem.fatal
    assert "3 boxes in 2 images reach over" in problem.message and problem.message.endswith("2.jpg object 2")
    (problem,) = assemble([over]).finish().problems
    assert "1 box in 1 image reaches over" in problem.message


def test_compare_size():
    assembly = assemble()
    for stated in ((100, 200), (0, 0), (0, 200)):
        assembly.compare_size("a.xml", stated, (100, 200))
    assert not assembly.finish().problems
    assembly.compare_size("a.xml", (200, 100), (100, 200))
    (problem,) = assembly.finish().problems
    assert not problem.fatal and "EXIF" in problem.message and "100 x 200" in problem.message


def test_settle_stops_at_the_first_fatal_problem():
    good = assemble([("cat", (0, 0, 10, 10))]).finish()
    assert settle(good) == good
    remark, one, two = Problem("r", "tiny", fatal=False), Problem("a.xml", "bad", "object 3"), Problem("b.xml", "worse")
    with pytest.raises(InputError) as caught:
        settle(dataclasses.replace(good, problems=(remark, one)))
    assert str(caught.value) == "a.xml: object 3: bad"
    with pytest.raises(InputError) as caught:
        settle(dataclasses.replace(good, problems=(remark, one, two)))
    message = "a.xml: object 3: bad (and 1 more; `python -m frcnn_keras check ...` lists them)"
    assert str(caught.value) == message
    settled = settle(dataclasses.replace(good, problems=(remark, one, two)), skip_bad=True)
    assert len(settled.problems) == 3 and not any(problem.fatal for problem in settled.problems)
    assert settled.examples == good.examples


def test_settle_refuses_emptiness():
    with pytest.raises(InputError, match="no image"):
        settle(Dataset("set", ("cat",), (1,), (), ()))
    with pytest.raises(InputError, match="b.xml: broken"):
        settle(Dataset("set", ("cat",), (1,), (), (Problem("b.xml", "broken"),)), skip_bad=True)
    with pytest.raises(InputError, match="2 images, but no object"):
        settle(assemble([], []).finish())
    assembly = Assembly("set", ("cat",))
    assembly.add(1, "1.jpg", read, HEADER, [RawObject("cat", (0, 0, 9, 9), "object 1", difficult=True)])
    with pytest.raises(InputError, match="no object"):
        settle(assembly.finish())
