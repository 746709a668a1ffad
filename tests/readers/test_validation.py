import dataclasses

import numpy as np
import pytest

from frcnn_keras.data.example import Dataset, Problem
from frcnn_keras.data.image_header import ImageHeader
from frcnn_keras.errors import InputError
from frcnn_keras.readers.validation import Assembly, RawObject, settle

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
    question = Problem("c.xml", "this or that?", fatal=False, question=True)
    with pytest.raises(InputError, match="c.xml: this or that"):
        settle(dataclasses.replace(good, problems=(remark, question)))
    assert not settle(dataclasses.replace(good, problems=(question,)), skip_bad=True).problems[0].stops
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


def of_one(box, header, stated=(0, 0), **settings):
    assembly = Assembly("set", ("cat",), **settings)
    assembly.add(1, "1.jpg", read, header, [RawObject("cat", box, "object 1")], stated=stated, annotated_in="a.json")
    return assembly.finish()


def test_boxes_of_the_stored_image_are_turned_with_one_note():
    """A photograph of 300 x 400, turned to the right: what was at the top left is at the top right."""
    assembly = Assembly("set", ("cat",))
    header = ImageHeader("JPEG", (300, 400), 6)
    for number, stated in enumerate([(300, 400), (400, 300), (300, 400), (0, 0)]):
        objects = [RawObject("cat", (10, 20, 110, 80), "x")] * 2
        assembly.add(number, f"{number}.jpg", read, header, objects, stated=stated)
    dataset = assembly.finish()
    turned, upright = [[220, 10, 280, 110]] * 2, [[10, 20, 110, 80]] * 2
    assert [example.boxes.tolist() for example in dataset.examples] == [turned, upright, turned, upright]
    assert {(example.height, example.width) for example in dataset.examples} == {(400, 300)}
    (problem,) = dataset.problems
    assert not problem.fatal and problem.message.startswith("4 boxes in 2 images were annotated on the image as stored")


def test_another_size_names_the_image_and_leaves_it_out():
    dataset = of_one((10, 20, 110, 80), HEADER, (200, 400))
    (problem,) = dataset.problems
    assert problem.stops and not problem.fatal  # nothing is broken, and --scale-boxes may be the answer
    assert problem.file == "a.json" and "1.jpg" in problem.item and "--scale-boxes" in problem.message
    assert not dataset.examples[0].certain
    with pytest.raises(InputError, match="no image"):
        settle(dataset, skip_bad=True)
    dataset = of_one((10, 20, 110, 80), HEADER, (200, 400), scale_boxes=True)
    assert dataset.examples[0].boxes.tolist() == [[5, 10, 55, 40]] and dataset.examples[0].certain
    assert [problem.fatal for problem in dataset.problems] == [False]


def test_another_size_of_an_image_without_objects_is_a_note():
    assembly = Assembly("set", ("cat",))
    assembly.add(1, "1.jpg", read, HEADER, [], stated=(50, 50))
    dataset = assembly.finish()
    assert dataset.examples[0].certain and [problem.fatal for problem in dataset.problems] == [False]


@pytest.mark.parametrize("box, stated, words", [
    ((5, 5, 390, 200), (0, 0), "fit the image as stored"), ((5, 5, 200, 390), (300, 400), "fit the upright image")])
def test_boxes_that_fit_the_other_picture(box, stated, words):
    dataset = of_one(box, ImageHeader("JPEG", (300, 400), 6), stated)
    (problem,) = dataset.problems
    assert problem.fatal and words in problem.message and not dataset.examples[0].certain


def test_fractions_of_the_picture():
    assembly = Assembly("set", ("cat",))
    assembly.add(1, "1.jpg", read, HEADER, [RawObject("cat", (0.1, 0.2, 0.5, 0.4), "x")], fractions=True)
    dataset = assembly.finish()
    np.testing.assert_allclose(dataset.examples[0].boxes, [[20, 20, 100, 40]])
    assert not dataset.problems


def test_fractions_where_pixels_are_needed():
    """One line for the data set, none for its boxes; nothing trains on it."""
    dataset = assemble([("cat", (0.1, 0.2, 0.5, 0.4))] * 3, [("cat", (0, 0, 1, 1))]).finish()
    (problem,) = dataset.problems
    assert problem.fatal and problem.file == "set" and "fractions" in problem.message
    with pytest.raises(InputError):
        settle(dataset, skip_bad=True)


def test_messages_are_printable():
    assembly = Assembly("s\x1bet", ("cat",))
    assembly.report("caf\udce9.xml", "a\x1b[2Jb", "object\n1")
    assembly.add(1, "caf\udce9.jpg", read, HEADER, [RawObject("\x1b[31m", (0, 0, 9, 9), "object 1 (\x1b[31m)"),
                                                    RawObject("cat", (9, 9, 0, 0), "object 2 \0")])
    dataset = assembly.finish()
    assert len(dataset.problems) == 3 and all(str(problem).isprintable() for problem in dataset.problems)
    assert dataset.examples[0].file.isprintable() and dataset.name.isprintable()
