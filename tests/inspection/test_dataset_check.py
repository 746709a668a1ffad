import dataclasses

import cv2
import numpy as np
import pytest

from frcnn_keras.data.example import Dataset, Example, Problem
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.errors import InputError
from frcnn_keras.inspection.dataset_check import (
    anchor_report,
    class_counts,
    decode_images,
    representative,
    resized_objects,
    size_percentiles,
    what_stops,
)


def png(value=0, height=40, width=60):
    return cv2.imencode(".png", np.full((height, width, 3), value, np.uint8))[1].tobytes()


def example(id, boxes=(), labels=(), difficult=None, crowd=None, encoded=b"", size=(40, 60)):
    count = len(labels)
    return Example(
        id=id, file=f"{id}.xml", read=lambda: encoded, height=size[0], width=size[1],
        boxes=np.array(boxes, np.float32).reshape(-1, 4), labels=np.array(labels, np.int32),
        difficult=np.array(difficult if difficult else [0] * count, bool),
        crowd=np.array(crowd if crowd else [0] * count, bool),
    )  # fmt: skip


def data(*examples, names=("a", "b", "c"), problems=()):
    return Dataset("data", names, tuple(range(1, len(names) + 1)), examples, tuple(problems))


BOX = (5, 5, 25, 25)


def damaged():
    encoded = bytearray(png(np.arange(60)[:, None]))
    start = encoded.index(b"IDAT") + 8
    encoded[start:start + 8] = b"\xff" * 8  # header and end are whole, the picture is not
    return bytes(encoded)


def test_damaged_images_are_fatal_and_left_out():
    found = decode_images(data(example("good", encoded=png(1)), example("bad", encoded=damaged()), example("none")))
    assert [kept.id for kept in found.examples] == ["good"]
    assert [(problem.file, problem.fatal) for problem in found.problems] == [("bad.xml", True), ("none.xml", True)]
    assert "cannot be decoded (" in found.problems[0].message and "empty" in found.problems[1].message


def test_unreadable_image_keeps_its_own_message():
    def gone():
        raise InputError("x.jpg: cannot be read (gone)")

    found = decode_images(data(dataclasses.replace(example("a"), read=gone)))
    assert found.examples == () and "x.jpg: cannot be read (gone)" in str(found.problems[0])


def test_equal_images_are_noted():
    twins = [example(id, encoded=png(7)) for id in ("a", "b", "c", "d", "e")]
    found = decode_images(data(twins[0], example("z", encoded=png(8)), *twins[1:]))
    assert len(found.examples) == 6
    (problem,) = found.problems
    assert not problem.fatal and problem.file == "a.xml"
    assert problem.message.endswith("as that of b.xml, c.xml, d.xml and of 1 more")


def test_other_size_than_the_header_is_noted():
    found = decode_images(data(example("a", encoded=png(1), size=(41, 60))))
    assert len(found.examples) == 1
    assert "decodes to 60 x 40 pixels, its header says 60 x 41" in found.problems[0].message


def test_counts():
    found = class_counts(data(
        example(1, [BOX] * 4, [1, 1, 2, 1], difficult=[0, 0, 1, 0], crowd=[0, 0, 0, 1]),
        example(2), example(3, [BOX] * 2, [1, 2]),
    ))  # fmt: skip
    assert found == {
        "a": {"objects": 3, "images": 2, "difficult": 0, "crowd": 1},
        "b": {"objects": 1, "images": 1, "difficult": 1, "crowd": 0},
        "c": {"objects": 0, "images": 0, "difficult": 0, "crowd": 0},
    }
    assert class_counts(data()) == {name: dict.fromkeys(("objects", "images", "difficult", "crowd"), 0)
                                    for name in ("a", "b", "c")}


def test_sizes_after_resizing():
    # 60 x 40: the shorter side to 80 would make the longer one 120, so 90 x 60; 200 x 160 likewise becomes 90 x 72
    objects = resized_objects(data(
        example(1, [(0, 0, 10, 40), (0, 0, 3, 3)], [1, 2], difficult=[0, 1]),
        example(2, [(0, 0, 40, 40)], [1], size=(160, 200)),
    ), 80, 90)  # fmt: skip
    np.testing.assert_allclose(objects.boxes, [[0, 0, 15, 60], [0, 0, 18, 18]], rtol=1e-6)
    np.testing.assert_array_equal(objects.image_sizes, [[60, 90], [72, 90]])
    np.testing.assert_array_equal(objects.labels, [1, 1])
    found = size_percentiles(objects, 1)
    assert found["size"]["p0"] == pytest.approx(18) and found["size"]["p100"] == pytest.approx(30)  # root of 15 x 60
    assert found["shorter_side"]["p50"] == pytest.approx(16.5)
    assert np.isnan(list(size_percentiles(objects, 2)["size"].values())).all()


def test_anchors_are_reported_by_class():
    objects = resized_objects(data(example(1, [(8, 8, 40, 40), (0, 0, 5, 5)], [1, 3], size=(64, 64))), 64, 64)
    found = anchor_report(objects, ("a", "b", "c"), (32.0,), (1.0,), 16, 8.0)
    assert found["reach"]["a"] == [1, 1] and found["reach"]["c"] == [0, 0] and found["reach"]["all"] == [0.5, 0.5]
    assert np.isnan(found["reach"]["b"]).all()
    assert found["unreached"] == 1  # the corner's object: the first anchor inside begins at 8
    # 5 x 5 in the corner: the first anchor inside of 8 pixels is 4..12, which shares a pixel: no size helps
    assert found["suggested_sizes"] is None and found["suggested_reach"] is None


def test_suggested_sizes_come_with_what_they_reach():
    boxes = [(8 + 16 * n, 8, 24 + 16 * n, 24) for n in range(2)]  # 16 x 16, centred on cells
    objects = resized_objects(data(example(1, boxes, [1, 1], size=(64, 64))), 64, 64)
    found = anchor_report(objects, ("a",), (64.0,), (1.0,), 16, 16.0)
    assert found["reach"]["a"] == [0, 0]
    assert found["suggested_sizes"] == [16.0] and found["suggested_reach"]["a"] == [1, 1]


def test_nothing_is_said_about_anchors_without_objects():
    found = anchor_report(resized_objects(data(example(1)), 600, 1000), ("a",), (32.0,), (1.0,), 16, 8.0)
    assert found == {"reach": {}, "unreached": 0, "suggested_sizes": None, "suggested_reach": None}


def test_what_stops():
    good, bad = example(1, [BOX], [1]), Problem("f.xml", "wrong", "object 2")
    assert what_stops(data(good)) == []
    assert what_stops(data(good, problems=[dataclasses.replace(bad, fatal=False)])) == []
    assert what_stops(data(good, problems=[bad, bad])) == ["2 fatal problems; correct them, or leave such items out "
                                                          "with --skip-bad"]
    assert what_stops(data(good, problems=[bad]), skip_bad=True) == []
    (reason,) = what_stops(data(example(1, [BOX], [1], difficult=[1])))
    assert "no object at all" in reason
    (reason,) = what_stops(data())
    assert "there is no image" in reason
    assert len(what_stops(data(problems=[bad]))) == 2


def test_every_class_is_on_the_sheet():
    examples = [example(n, [BOX], [1]) for n in range(50)]
    examples[33] = example(33, [BOX, BOX], [1, 3])
    found = representative(data(*examples), 5)
    assert len(found) == 5 and [e.id for e in found] == sorted(e.id for e in found)
    assert 33 in [e.id for e in found]
    assert max(e.id for e in found) > 35, "spread over the data set"
    assert [e.id for e in representative(data(*examples), 1)] == [33]
    assert len(representative(data(*examples), 500)) == 50
    assert representative(data(), 5) == []


def test_built_in_data_set_is_whole():
    dataset = shapes_dataset(6, height=64, width=64)
    found = decode_images(dataset)
    assert found.problems == () and found.examples == dataset.examples
    assert what_stops(found) == []
