import dataclasses

import numpy as np
import pytest

from frcnn_keras.data.example import Dataset, Example, Problem


def example(id="a", file="a.xml", **changes):
    """An image with two objects."""
    arrays = {"boxes": np.array([[1, 2, 30, 40], [5, 6, 7, 9]], np.float32), "labels": np.array([1, 2], np.int32),
              "difficult": np.zeros(2, bool), "crowd": np.zeros(2, bool)}
    return Example(id=id, file=file, read=bytes, height=50, width=60, **{**arrays, **changes})


def dataset(*examples, **changes):
    return dataclasses.replace(Dataset("set", ("x", "y"), (1, 2), examples, ()), **changes)


WHOLE = dataset(example(), example("b")).fingerprint()


@pytest.mark.parametrize("change", [
    {"id": "c"}, {"boxes": np.array([[1, 2, 30, 40], [5, 6, 7, 9.001]], np.float32)},
    {"labels": np.array([2, 1], np.int32)}, {"difficult": np.array([False, True])}, {"crowd": np.array([True, False])},
    {"boxes": np.zeros((0, 4), np.float32), "labels": np.zeros(0, np.int32), "difficult": np.zeros(0, bool),
     "crowd": np.zeros(0, bool)}])
def test_the_fingerprint_depends_on_what_is_trained_on(change):
    assert dataset(example(**change), example("b")).fingerprint() != WHOLE


def test_the_fingerprint_depends_on_which_flag_an_object_has():
    marked = np.array([True, False])
    assert dataset(example(difficult=marked)).fingerprint() != dataset(example(crowd=marked)).fingerprint()


def test_the_fingerprint_depends_on_order_and_number():
    assert dataset(example("b"), example()).fingerprint() != WHOLE
    assert dataset(example()).fingerprint() != WHOLE
    swapped = {"boxes": example().boxes[::-1], "labels": example().labels[::-1]}
    assert dataset(example(**swapped), example("b")).fingerprint() != WHOLE


def test_the_fingerprint_does_not_depend_on_where_the_files_lie():
    there = [example(file="/elsewhere/a.xml"), dataclasses.replace(example("b"), read=lambda: b"image")]
    assert dataset(*there, name="other", problems=(Problem("x", "y"),)).fingerprint() == WHOLE
    assert dataset(example(boxes=np.asfortranarray(example().boxes)), example("b")).fingerprint() == WHOLE


def test_a_fingerprint_tells_an_object_of_one_image_from_one_of_the_next():
    part = {"boxes": example().boxes[:1], "labels": example().labels[:1], "difficult": np.zeros(1, bool),
            "crowd": np.zeros(1, bool)}
    none = {name: values[:0] for name, values in part.items()}
    assert dataset(example(**part), example("b", **none)).fingerprint() != dataset(
        example(**none), example("b", **part)).fingerprint()


def test_ignored_objects_are_the_difficult_and_the_crowds():
    found = example(difficult=np.array([True, False]), crowd=np.array([False, False])).ignored
    assert found.tolist() == [True, False]
    assert example(difficult=np.array([True, False]), crowd=np.array([True, True])).ignored.tolist() == [True, True]


@pytest.mark.parametrize("problem, line", [
    (Problem("a.xml", "has no area", "object 3 (RBC)"), "a.xml: object 3 (RBC): has no area"),
    (Problem("a.xml", "is empty"), "a.xml: is empty"), (Problem("", "is empty"), "is empty"),
    (Problem("a.xml", "is empty", fatal=False), "a.xml: is empty")])
def test_a_problem_as_a_line(problem, line):
    assert str(problem) == line


def test_a_data_set_tells_of_itself_in_a_line():
    data = dataset(example(), example("b", labels=np.array([2, 2], np.int32)))
    assert repr(data) == "Dataset('set': 2 images, 4 objects of 2 classes: x 1, y 3)"
    data = dataclasses.replace(data, problems=(Problem("a.xml", "broken"),))
    assert repr(data) == "Dataset('set': 2 images, 4 objects of 2 classes: x 1, y 3; 1 problem)"
    assert repr(dataset()) == "Dataset('set': 0 images, 0 objects of 2 classes: x 0, y 0)"


@pytest.mark.parametrize("id, path, title", [
    ("cam1/a.jpg", "/data/cam1/a.jpg", "cam1/a.jpg"), (17, "/data/cam1/a.jpg", "a.jpg"), (17, "", "17"),
    ("b.jpg", "/data/all.record", "b.jpg")])
def test_captions_are_file_names(id, path, title):
    assert example(id, path=path).caption == title
