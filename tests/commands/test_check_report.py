"""The text of a report; that of whole data sets is in test_check.py."""

import math

import pytest

from frcnn_keras.commands.check_report import format_report
from frcnn_keras.data.example import Problem
from frcnn_keras.inspection.report import AnchorGrid, DatasetReport
from frcnn_keras.settings.detector import AnchorConfig, ImageConfig
from frcnn_keras.settings.stages import CheckConfig


def row(objects=0, size=math.nan, difficult=0):
    return {"objects": objects, "images": objects, "difficult": difficult, "crowd": 0,
            "size": {"p5": size, "p50": size, "p95": 2 * size}, "shorter_side": {"p5": size / 2, "p50": size}}


def report(**changes):
    values = {
        "data": "set", "decoded": True, "stops": (), "problems": (), "images": 5, "objects": 3,
        "images_without_objects": (), "per_class": {"bee": row(3, 20.4), "ant": row()},
        "settings": CheckConfig(ImageConfig(600, 1000), AnchorConfig((32.0, 64.5), (1.0,))),
        "grid": AnchorGrid(16, 7.5),
        "reach": {"all": [0.5, 1 / 3], "bee": [0.5, 1 / 3], "ant": [math.nan, math.nan]}, "unreached": 0,
        "suggested_sizes": None, "suggested_reach": None, **changes}
    return DatasetReport(**values)


def lines(*arguments, **changes):
    return format_report(report(**changes), *arguments).splitlines()


def test_the_head():
    text = lines()
    assert text[0] == "set: 5 images, 3 objects of 1 classes; every image decoded"
    assert text[1] == "images without objects: 0"
    text = lines(decoded=False, images_without_objects=("a.xml", "b.xml"))
    assert text[0].endswith("images not decoded (--quick)") and text[1] == "images without objects: 2 (first: a.xml)"


def test_the_table_of_classes():
    text = lines()
    start = next(number for number, line in enumerate(text) if line.startswith("class "))
    assert text[start + 1].split() == ["bee", "3", "3", "0", "0", "20", "20", "41", "10", "20", "50.0%", "33.3%"]
    assert text[start + 2].split() == ["all", "3", "50.0%", "33.3%"]
    # numbers stand under one another
    assert len(text[start]) == len(text[start + 1]) == len(text[start + 2])
    assert "in pixels after resizing to 600 (at most 1000)" in text[start + 3]
    assert text[start + 5] == "classes without an object that trains: 1 (ant)"


def test_a_class_of_difficult_objects_alone_is_shown():
    text = lines(per_class={"bee": row(3, 20.4), "ant": row(difficult=2)})
    assert next(line for line in text if line.startswith("ant ")).split() == [
        "ant", "0", "0", "2", "0", *"-----", "-", "-"]


def test_many_absent_classes_are_cut():
    text = lines(per_class={"bee": row(3, 20.4), **{f"c{number}": row() for number in range(12)}},
                 reach={"all": [0.5, 0.5], "bee": [0.5, 0.5], **{f"c{number}": [math.nan] * 2 for number in range(12)}})
    assert "classes without an object that trains: 12 (c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, ...)" in text


def test_anchors():
    text = "\n".join(lines(unreached=2))
    assert "(sizes 32,64.5; ratios 1; every 16 pixels from 7.5)" in text
    assert "2 objects overlap no anchor inside the image" in text and "no other anchor sizes were found" in text
    text = lines(suggested_sizes=[16.0, 32.0], suggested_reach={"all": [1, 1], "bee": [1, 0.75], "ant": [math.nan] * 2})
    at = text.index("these sizes reach more: --anchor-sizes 16,32")
    assert text[at + 2].split() == ["bee", "50.0%", "100.0%", "33.3%", "75.0%"] and text[at + 3] == ""


PROBLEMS = (Problem("a.xml", "is small", fatal=False), Problem("b.xml", "is broken", "object 2 (bee)"),
            Problem("c.xml", "is broken"))


@pytest.mark.parametrize("most, shown", [
    (None, ["  FATAL  b.xml: object 2 (bee): is broken", "  FATAL  c.xml: is broken", "  note   a.xml: is small"]),
    (3, ["  FATAL  b.xml: object 2 (bee): is broken", "  FATAL  c.xml: is broken", "  note   a.xml: is small"]),
    (1, ["  FATAL  b.xml: object 2 (bee): is broken", "  ... and 2 more, 1 of them fatal (--all shows them)"]),
    (0, ["  ... and 3 more, 2 of them fatal (--all shows them)"])])
def test_problems_the_fatal_ones_first(most, shown):
    text = lines(None, most, problems=PROBLEMS)
    at = text.index("problems: 2 fatal, 1 notes")
    assert text[at + 1:text.index("", at)] == shown


def test_the_verdict():
    assert lines()[-1] == "ok: nothing here stops prep"
    assert lines("s.png")[-2:] == ["sheet: s.png", "ok: nothing here stops prep"]
    assert lines(stops=("one thing", "another"))[-2:] == ["prep would stop: one thing", "prep would stop: another"]


def test_without_objects_there_is_no_table():
    text = "\n".join(lines(objects=0, stops=("no object",)))
    assert "IoU" not in text and "class " not in text and "prep would stop: no object" in text
