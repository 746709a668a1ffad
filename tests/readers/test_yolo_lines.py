import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.errors import InputError
from frcnn_keras.readers.yolo_lines import read_labels


def read(tmp_path, content, keypoints=0):
    path = tmp_path / "a.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_labels(path, keypoints)


def boxes(labels):
    return [(line.class_index, *np.round(line.box, 9).tolist()) for line in labels.lines]


def test_boxes_about_their_centre(tmp_path):
    labels = read(tmp_path, "0 0.5 0.5 0.5 0.4\n\n 2.0\t.25 0.25 0.1 1e-1 \r\n")
    assert boxes(labels) == [(0, 0.25, 0.3, 0.75, 0.7), (2, 0.2, 0.2, 0.3, 0.3)]
    assert [line.number for line in labels.lines] == [1, 3] and labels.polygons == 0
    assert read(tmp_path, "") == read(tmp_path, " \n\n") == ([], [], False, 0)


def test_the_box_of_polygons_and_of_oriented_boxes(tmp_path):
    labels = read(tmp_path, "1 0.1 0.2 0.5 0.1 0.3 0.9\n0 0.5 0.2 0.8 0.5 0.5 0.8 0.2 0.5\n0 0.5 0.5 0.2 0.2\n")
    assert boxes(labels) == [(1, 0.1, 0.1, 0.5, 0.9), (0, 0.2, 0.2, 0.8, 0.8), (0, 0.4, 0.4, 0.6, 0.6)]
    assert labels.polygons == 2 and not labels.faults


def test_poses_have_their_box(tmp_path):
    points = "0.1 0.1 2 0.9 0.9 0"
    assert boxes(read(tmp_path, f"0 0.5 0.5 0.2 0.2 {points}\n0 0.5 0.5 0.2 0.2\n", 6)) == 2 * [(0, 0.4, 0.4, 0.6, 0.6)]
    (line, fault), = read(tmp_path, f"0 0.5 0.5 0.2 0.2 {points} 0.5\n", 6).faults
    assert line == 1 and "6 values of keypoints; received 12 values" in fault
    (_, fault), = read(tmp_path, f"0 0.5 0.5 0.2 0.2 {points} 1\n").faults
    assert "kpt_shape" in fault


def test_six_values_are_a_confidence_where_every_line_has_them(tmp_path):
    labels = read(tmp_path, "0 0.5 0.5 0.2 0.2 0.9\n1 0.5 0.5 0.2 0.2 0.3\n")
    assert labels.confidences and boxes(labels) == [(0, 0.4, 0.4, 0.6, 0.6), (1, 0.4, 0.4, 0.6, 0.6)]
    labels = read(tmp_path, "0 0.5 0.5 0.2 0.2 0.9\n1 0.5 0.5 0.2 0.2\n")
    assert not labels.confidences and [line for line, _ in labels.faults] == [1] and len(labels.lines) == 1


@pytest.mark.parametrize("sixth", ["45", "1.0001", "-0.1", "nan", "x", "17"])
def test_six_values_that_are_no_confidence(sixth, tmp_path):
    labels = read(tmp_path, f"0 0.5 0.5 0.2 0.2 1\n1 0.5 0.5 0.2 0.2 {sixth}\n")
    (line, message), = labels.faults
    assert line == 2 and f"a confidence, 0 to 1; received: '{sixth}' (an angle? a track id?)" in message
    assert len(read(tmp_path, "0 0.5 0.5 0.2 0.2 0\n1 0.5 0.5 0.2 0.2 1.0\n").lines) == 2
    assert not read(tmp_path, "0 0.5 0.5 0.2 0.2 45\n", 1).faults  # a keypoint's value


def test_whether_a_keypoint_is_seen(tmp_path):
    (_, message), = read(tmp_path, "0 0.5 0.5 0.2 0.2 0.5 0.5 2 0.5 0.6 2\n").faults
    assert "data.yaml needs kpt_shape" in message


@pytest.mark.parametrize("line, words", [
    ("cat 0.5 0.5 0.2 0.2", "class, a whole number from 0; received: 'cat'"), ("-1 0.5 0.5 0.2 0.2", "whole number"),
    ("1.5 0.5 0.5 0.2 0.2", "whole number"), ("nan 0.5 0.5 0.2 0.2", "whole number"), ("1e30 .5 .5 .2 .2", "whole"),
    ("1_0 .5 .5 .2 .2", "whole"), ("0 0.5 0.5 0.2", "received 4 values"), ("0", "received 1 value$"),
    ("0 0.1 0.1 0.2 0.2 0.3 0.3 0.4", "received 8 values"), ("0 0.5 0.5 x 0.2", "must be numbers; received: 'x'"),
    ("0 0.5 nan 0.2 0.2", "must be numbers"), ("0 0.5 inf 0.2 0.2", "must be numbers"),
    ("0 320 240 100 80", "fractions of the image, 0 to 1; received: '320'; pixels must be divided"),
    ("0 0.5 0.5 1.02 0.2", "received: '1.02'; correct"), ("0 -0.02 0.5 0.2 0.2", "received: '-0.02'"),
    ("0,0.5,0.5,0.2,0.2", "whole number")])
def test_broken_lines(line, words, tmp_path):
    import re

    labels = read(tmp_path, f"0 0.5 0.5 0.2 0.2\n{line}\n")
    (number, message), = labels.faults
    assert number == 2 and re.search(words, message) and len(labels.lines) == 1


def test_rounding_is_none(tmp_path):
    assert not read(tmp_path, "0 0.5 0.5 1.000001 1.01\n0 -1e-7 0.5 0.1 0.1\n").faults


@pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0\x80", b"0 0.5 \x80"])
def test_no_text(content, tmp_path):
    with pytest.raises(InputError, match="no text file"):
        read(tmp_path, content)
    with pytest.raises(InputError, match="cannot be read"):
        read_labels(tmp_path / "none.txt")


def test_marks_of_encodings(tmp_path):
    line = "0 0.5 0.5 0.2 0.2"
    assert boxes(read(tmp_path, "\ufeff" + line)) == boxes(read(tmp_path, line.encode("utf-16"))) == boxes(
        read(tmp_path, line))


def test_too_much(tmp_path, monkeypatch):
    from frcnn_keras.readers import yolo_lines

    monkeypatch.setattr(yolo_lines, "MOST_OBJECTS", 3)
    with pytest.raises(InputError, match="4 lines"):
        read(tmp_path, "0 0.5 0.5 0.2 0.2\n" * 4)
    monkeypatch.setattr(yolo_lines, "LARGEST", 10)
    with pytest.raises(InputError, match="over 10 bytes"):
        read(tmp_path, "0 0.5 0.5 0.2 0.2\n")


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.floats(0, 1)] * 2), min_size=3, max_size=30))
def test_a_polygon_lies_in_its_box(tmp_path_factory, points):
    path = tmp_path_factory.mktemp("p") / "a.txt"
    path.write_text("0 " + " ".join(f"{x!r} {y!r}" for x, y in points))
    (line,) = read_labels(path).lines
    assert line.box == (min(x for x, _ in points), min(y for _, y in points), max(x for x, _ in points),
                        max(y for _, y in points))
