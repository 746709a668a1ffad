import numpy as np
import pytest

from frcnn_keras.pictures.lettering import printable, put_text, shorten, text_width


def test_names_become_printable():
    assert printable("Löwe é") == "Lowe e"
    assert printable("猫 cat\n") == "? cat?"
    assert printable("plain ~|") == "plain ~|"


@pytest.mark.parametrize("height", [8, 12, 30])
def test_ink_stays_in_the_place_that_layout_gives_it(height):
    canvas = np.zeros((4 * height, 20 * height, 3), np.uint8)
    put_text(canvas, "EHE", (height, 3 * height), (255, 255, 255), height)
    rows, columns = np.nonzero(canvas.max(axis=-1) > 127)
    # OpenCV 5 counts the line's height where OpenCV 4 counted the letter's
    assert 0.6 * height <= rows.max() - rows.min() + 1 <= height + 2
    assert rows.max() == pytest.approx(3 * height, abs=1)
    assert columns.min() >= height and columns.max() <= height + text_width("EHE", height)


def test_shortened_text_fits():
    assert shorten("abc", 1000, 10) == "abc"
    for width in range(0, 200, 7):
        short = shorten("a long name", width, 10)
        assert text_width(short, 10) <= width or short == ""
        assert short in ("", "a long name") or "a long name".startswith(short[:-1]) and short.endswith(".")
