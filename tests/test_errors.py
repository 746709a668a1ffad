import pytest

from frcnn_keras.errors import InputError, one_line


@pytest.mark.parametrize("message, line", [
    ("a\nb\t c .", "a b c"), ("", "KeyError"), ("x" * 300, "x" * 200), ("one word", "one word")])
def test_one_line(message, line):
    error = InputError(message) if message.strip() else KeyError()
    assert one_line(error) == line


def test_a_limit():
    assert one_line(InputError("abc def"), 4) == "abc"
