import math

import pytest

from frcnn_keras.readers.labelme_shapes import objects_of


def shape(kind, points, label="cat", **more):
    return {"label": label, "shape_type": kind, "points": points, "flags": {}, "group_id": None} | more


@pytest.mark.parametrize("kind, points, box", [
    ("rectangle", [[10, 20], [30, 50]], (10, 20, 30, 50)), ("rectangle", [[30, 50.5], [10, 20]], (10, 20, 30, 50.5)),
    ("polygon", [[0, 5], [7, 1], [3, 9]], (0, 1, 7, 9)), ("circle", [[50, 40], [53, 44]], (45, 35, 55, 45)),
    ("mask", [[4, 5], [9, 11]], (4, 5, 9, 11)), ("rotation", [[5, 0], [10, 5], [5, 10], [0, 5]], (0, 0, 10, 10))])
def test_the_box_about_a_shape(kind, points, box):
    found = objects_of([shape(kind, points)])
    assert [raw.box for raw in found.objects] == [box] and not found.faults
    assert found.objects[0].name == "cat" and found.objects[0].item == "shape 1 (cat)"


def test_the_first_versions_have_no_type():
    assert objects_of([{"label": " cat ", "points": [[0, 0], [5, 0], [5, 7]]}]).objects[0][:2] == ("cat", (0, 0, 5, 7))


def test_points_and_lines_are_left_out():
    kinds = ("point", "line", "linestrip", "points")
    assert objects_of([shape(kind, [[1, 1]]) for kind in kinds])[0::2] == ([], 4, 0)


@pytest.mark.parametrize("more, difficult", [
    ({}, False), ({"flags": {"difficult": True}}, True), ({"flags": {"difficult": False, "occluded": True}}, False),
    ({"difficult": True}, True), ({"flags": None}, False), ({"difficult": 1}, True)])
def test_difficult(more, difficult):
    assert objects_of([shape("rectangle", [[0, 0], [5, 5]], **more)]).objects[0].difficult is difficult


def boxed(kind, low, high):
    """A shape about which that box is."""
    return [low, high] if kind != "polygon" else [low, high, [low[0], high[1]]]


@pytest.mark.parametrize("kinds", [("polygon",) * 2, ("mask",) * 2, ("polygon", "mask"), (None, "polygon")])
def test_parts_of_one_object(kinds):
    parts = [([0, 0], [5, 5], "cat", 1), ([10, 2], [20, 9], "cat", 1), ([0, 0], [3, 3], "dog", 1),
             ([0, 0], [2, 2], "cat", 2), ([0, 0], [1, 1], "cat", None), ([0, 0], [1, 1], "cat", None)]
    shapes = []
    for place, (low, high, label, group) in enumerate(parts):
        kind = kinds[place % 2]
        shapes.append(shape(kind, boxed(kind or "polygon", low, high), label, group_id=group))
        if kind is None:
            del shapes[-1]["shape_type"]
    found = objects_of(shapes)
    assert [raw.box for raw in found.objects] == [(0, 0, 20, 9), (0, 0, 3, 3), (0, 0, 2, 2), (0, 0, 1, 1), (0, 0, 1, 1)]
    assert found.joined == 1 and found.apart == 0


@pytest.mark.parametrize("kind", ["rectangle", "circle", "rotation"])
def test_whole_objects_of_one_group(kind):
    """A herd is no cow."""
    places = [[0, 0], [20, 0], [50, 50]]
    points = [[[x, y], [x + 4, y], [x, y + 4]] for x, y in places]
    found = objects_of([shape(kind, each, group_id=7) for each in points])
    assert len(found.objects) == 3 and found.joined == 0 and found.apart == 2
    mixed = objects_of([shape(kind, points[0], group_id=7), *(shape("polygon", each, group_id=7) for each in points)])
    assert len(mixed.objects) == 2 and mixed.joined == 2 and mixed.apart == 0


@pytest.mark.parametrize("wrong, words", [
    (7, "object with label and points"), (shape("rectangle", [[0, 0]]), "a rectangle needs 2 points or more; it has 1"),
    (shape("blob", []), "shape_type must be"), (shape("rectangle", "x"), "list of"), (shape(["x"], []), "shape_type"),
    (shape("polygon", [[0, 0], [1, 1], [1]]), r"\[x, y\] of numbers; received: \[1\]"),
    (shape("circle", [[0, 0], 5]), "of num"),
    (shape("rectangle", [[0, "a"], [5, 5]]), "of numbers"),
    (shape("rectangle", [[0, 0], [5, 5]], None), "label must be"),
    (shape("rectangle", [[0, 0], [5, 5]], difficult="maybe"), "difficult must be")])
def test_broken_shapes(wrong, words):
    import re

    found = objects_of([shape("rectangle", [[0, 0], [5, 5]]), wrong])
    (item, message), = found.faults
    assert item.startswith("shape 2") and re.search(words, message) and len(found.objects) == 1


@pytest.mark.parametrize("kind", ["rectangle", "polygon", "circle"])
@pytest.mark.parametrize("value", [math.nan, math.inf, 1e308])
def test_what_is_no_number_is_in_no_good_box(kind, value):
    """The check of boxes refuses it: nothing here passes a NaN over."""
    box = objects_of([shape(kind, [[0, 0], [value, 5], [3, 3]][: 3 if kind == "polygon" else 2])]).objects[0].box
    assert not all(math.isfinite(side) and side < 1e9 for side in box)
