import pytest

from frcnn_keras.readers.coco_values import flag, image_id, number, received, side, whole

NESTED: list = []
for _ in range(5000):
    NESTED = [NESTED]


@pytest.mark.parametrize("value, expected", [
    (3, 3), (3.0, 3), ("3", 3), ("3.0", 3), (" 3 ", 3), ("-3", -3), ("007", 7), (0, 0), (3.5, None), ("3.5", None),
    (True, None), (None, None), ("", None), ("x", None), ("1e3", None), (float("nan"), None), (float("inf"), None),
    (10**400, None), ("9" * 400, None), (1e300, None), ([1], None), ({}, None), ("\u0663", None),
])
def test_whole_numbers(value, expected):
    assert whole(value) == expected and isinstance(whole(value), int | None)


def test_ids():
    assert image_id("000123") == image_id(123.0) == 123 and image_id("a b/1.jpg") == "a b/1.jpg"
    for bad in (None, "", " ", 1.5, True, [1], "a\nb", "\ud800", {}, 10**30):
        assert image_id(bad) is None


def test_numbers_flags_and_sides():
    assert number(3) == 3.0 and number(10**400) == float("inf") and number("3") is None and number(True) is None
    assert all(flag(value) is True for value in (1, 1.0, "1", True, "true"))
    assert all(flag(value) is False for value in (0, "0", 0.0, False, None, ""))
    assert flag(2) is flag("yes") is flag([1]) is flag({}) is None
    assert [side(value) for value in (37, "37", 37.0, 0, -5, None, "x", 10**400)] == [37, 37, 37, 0, 0, 0, 0, 0]


def test_values_in_messages():
    assert received("a\n") == r"'a\n'" and len(received("a" * 1000)) == 80
    assert "too deep" in received(NESTED)
