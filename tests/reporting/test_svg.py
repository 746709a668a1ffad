import math
import xml.etree.ElementTree as ElementTree

import pytest

from frcnn_keras.reporting.svg import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Line, bar, chart, sparkline, ticks


def drawn(markup):
    return ElementTree.fromstring(f"<div>{markup}</div>")


def test_a_line_lies_where_its_numbers_say():
    root = drawn(chart([Line("a", [0, .5, 1], [0, 1, .5])], "x", "y", (0, 1), (0, 1), "t"))
    points = [tuple(map(float, point.split(","))) for point in root.find(".//polyline").get("points").split()]
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    assert points == [(LEFT, bottom), ((LEFT + right) / 2, TOP), (right, (TOP + bottom) / 2)]


def test_nan_breaks_a_line_and_many_points_become_few():
    root = drawn(chart([Line("a", [0, 1, 2, 3], [0, math.nan, 1, 1])], "", "", (0, 3), (0, 1), ""))
    assert [len(line.get("points").split()) for line in root.iter("polyline")] == [1, 2]
    root = drawn(chart([Line("a", range(10_000), range(10_000))], "", "", (0, 1e4), (0, 1e4), ""))
    assert len(root.find(".//polyline").get("points").split()) == 120


def test_names_are_escaped_and_thin_lines_have_no_key():
    name = "<script>&\"'"
    text = chart([Line(name, [0], [0], dot=(0, 0)), Line("thin", [0], [0], True)], name, name, (0, 1), (0, 1), name)
    assert "<script" not in text and "".join(drawn(text).find("div").itertext()) == name
    assert [span.get("class") for span in drawn(text).iter("i")] == ["kc0"]
    assert "<script" not in sparkline([0, 1], [1, 0], name) + bar(.5, name)


@pytest.mark.parametrize("low, high, expected", [(0, 1, [0, .2, .4, .6, .8, 1]), (1, 4, [1, 2, 3, 4]), (0, .03, [
    0, .01, .02, .03]), (2, 2, [2]), (math.nan, 1, [])])
def test_ticks(low, high, expected):
    assert ticks(low, high) == expected


@pytest.mark.parametrize("share, width", [(.5, 60), (-1, 0), (2, 120), (math.nan, 0)])
def test_a_bar(share, width):
    assert float(drawn(bar(share, "t")).findall(".//rect")[1].get("width")) == width
