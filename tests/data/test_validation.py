import dataclasses

import numpy as np
import pytest

from frcnn_keras.data.example import Dataset, Problem
from frcnn_keras.data.image_header import ImageHeader
from frcnn_keras.data.validation import Assembly, RawObject, settle
from frcnn_keras.errors import InputError

HEADER = ImageHeader("JPEG", (100, 200))


def read():
    return b""


def assemble(*images, classes=("cat", "dog")):
    assembly = Assembly("set", classes)
    for number, objects in enumerate(images, start=1):
        raw = [RawObject(name, box, f"object {k}") for k, (name, box) in enumerate(objects, start=1)]
        assembly.add(number, f"{number}.jpg", read, HEADER, raw)
    return assembly


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
