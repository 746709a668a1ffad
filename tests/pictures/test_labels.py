import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.pictures.labels import SMALLEST, lay_out
from frcnn_keras.pictures.lettering import text_width

SIZE = (400, 300)


def placed(boxes, texts=None, text_height=12, smallest=SMALLEST, size=SIZE):
    return lay_out(boxes, texts or [["name 0.90", "name"]] * len(boxes), size, text_height, smallest)


def shared(a, b):
    """Pixels, counted one by one."""
    rows, columns = set(range(a[1], a[3])) & set(range(b[1], b[3])), set(range(a[0], a[2])) & set(range(b[0], b[2]))
    return len(rows) * len(columns)


def test_one_stands_above_its_box_at_its_left_edge():
    (label,) = placed([(100, 100, 200, 200)])
    assert label.text == "name 0.90" and label.text_height == 12
    x1, y1, x2, y2 = label.place
    assert (x1, y2) == (100, 100) and x2 - x1 == text_width("name 0.90", 12) + 6 and y2 - y1 == 12 + 4 + 6


@pytest.mark.parametrize("box, corner", [
    ((100, 5, 200, 100), (100, 100)),  # no room above: below
    ((100, 0, 200, 300), (100, 0)),  # nor below: inside
    ((390, 100, 400, 200), None)])  # moved in from the edge
def test_where_there_is_no_room_above(box, corner):
    (label,) = placed([box])
    if corner:
        assert label.place[:2] == corner
    assert 0 <= label.place[0] and label.place[2] <= SIZE[0] and label.place[3] <= SIZE[1]


def test_what_is_not_drawn_has_no_label():
    assert placed([None, (10, 40, 50, 80)])[0] is None and placed([]) == []


def test_no_label_covers_another_and_the_first_has_the_choice():
    box = (100, 100, 200, 200)
    alone, labels = placed([box])[0], placed([box] * 4)
    assert labels[0] == alone
    found = [label for label in labels if label]
    assert len(found) >= 3
    assert all(shared(a.place, b.place) == 0 for i, a in enumerate(found) for b in found[:i])


def test_no_label_hides_an_object():
    """A small object above a large one, where the large one's label would stand: that moves below."""
    large, small = (100, 100, 200, 200), (104, 84, 114, 94)
    first, second = placed([large, small])
    assert placed([large])[0].place[3] == 100 and shared(first.place, small) <= 0.3 * 100
    assert first.place[1] != 78 and second is not None


def test_labels_together_hide_no_object():
    boxes = [(60, 100, 160, 160)] + [(x, 160, x + 30, 200) for x in range(60, 160, 34)]
    labels = placed(boxes)
    assert sum(shared(label.place, boxes[0]) for label in labels if label) <= 0.3 * 100 * 60


def test_a_label_lies_over_few_boxes():
    """Five large boxes cross where the first one's label would stand above it."""
    crossing = [(80, 10 + i, 390 - i, 290 - i) for i in range(5)]
    (first, *_) = placed([(100, 100, 200, 150), *crossing])
    assert first is None or sum(shared(first.place, box) > 0 for box in crossing) <= 3


def test_all_shrink_where_boxes_are_crowded():
    """Forty labels of 90 x 22 pixels would take two thirds of the picture."""
    boxes = [(x, y, x + 30, y + 25) for x in range(5, 390, 50) for y in range(30, 290, 50)]
    labels = [label for label in placed(boxes, text_height=30) if label]
    assert {label.text_height for label in labels} <= {SMALLEST, *range(SMALLEST, 15)} and len(labels) > 20
    assert {label.text_height for label in placed(boxes[:1], text_height=30) if label} == {30}


def test_a_size_that_was_asked_for_stays():
    boxes = [(x, y, x + 30, y + 25) for x in range(5, 390, 50) for y in range(30, 290, 50)]
    heights = {label.text_height for label in placed(boxes, text_height=14, smallest=14) if label}
    assert heights == {14}
    assert {label.text_height for label in placed(boxes, text_height=4) if label} == {4}  # smaller than the smallest


def test_the_score_goes_before_the_name_and_the_name_is_shortened_before_it_goes():
    texts = [["a name of some length 0.90", "a name of some length"]]
    wide = text_width(texts[0][0], SMALLEST) + 2
    for width, wanted in ((wide, texts[0][0]), (wide - 12, texts[0][1])):
        (label,) = placed([(5, 60, 60, 120)], texts, SMALLEST, size=(width, 200))
        assert label.text == wanted
    (label,) = placed([(5, 60, 60, 120)], texts, SMALLEST, size=(70, 200))
    assert label.text.endswith("…") and label.place[2] <= 70
    assert placed([(0, 0, 5, 5)], texts, size=(5, 5)) == [None]


edges = st.integers(0, 120)
some_boxes = st.lists(st.tuples(edges, edges, st.integers(1, 60), st.integers(1, 60)), max_size=25).map(
    lambda boxes: [(x, y, min(x + w, 160), min(y + h, 140)) for x, y, w, h in boxes])


@settings(derandomize=True, max_examples=60, deadline=None)
@given(some_boxes)
def test_rules_hold_whatever_the_boxes(boxes):
    labels = placed(boxes, size=(160, 140))
    assert labels == placed(boxes, size=(160, 140)) and len(labels) == len(boxes)
    found = [label for label in labels if label]
    for number, label in enumerate(found):
        x1, y1, x2, y2 = label.place
        assert 0 <= x1 < x2 <= 160 and 0 <= y1 < y2 <= 140
        assert all(shared(label.place, other.place) == 0 for other in found[:number])
    for box in boxes:
        area = (box[2] - box[0]) * (box[3] - box[1])
        assert sum(shared(label.place, box) for label in found) <= 0.3 * area
    assert sum(np.prod([x2 - x1, y2 - y1]) for (x1, y1, x2, y2), _, _ in found) <= 0.4 * 160 * 140 + 80 * 22
