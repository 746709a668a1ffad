from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from frcnn_keras.pictures.lettering import put_text, shorten, shorten_middle, text_width

SCRIPTS = ["RBC", "Löwe", "кошка", "γάτα", "猫", "ネコ", "고양이", "قطة", "חתול", "კატა", "կատու"]


def written(text, height=20, canvas=(60, 600)):
    ink = np.zeros((*canvas, 3), np.uint8)
    put_text(ink, text, (10, canvas[0] - 20), (255, 255, 255), height)
    return ink[..., 0]


@pytest.mark.parametrize("height", [8, 12, 30])
def test_ink_stays_in_the_place_that_layout_gives_it(height):
    canvas = np.zeros((4 * height, 20 * height, 3), np.uint8)
    put_text(canvas, "EHE", (height, 3 * height), (255, 255, 255), height)
    rows, columns = np.nonzero(canvas.max(axis=-1) > 127)
    assert rows.max() - rows.min() + 1 == pytest.approx(height, abs=1.5)
    assert rows.max() == pytest.approx(3 * height - 1, abs=1)
    assert columns.min() >= height and columns.max() <= height + text_width("EHE", height)


@pytest.mark.parametrize("text", [*SCRIPTS, *(f"{name} 0.98" for name in SCRIPTS), "a قطة b 猫 c", "e\u0301 o\u0308"])
def test_every_script_is_drawn_as_wide_as_it_is_measured(text):
    """And not as question marks."""
    columns = np.flatnonzero(written(text).max(axis=0))
    assert columns.min() >= 8 and columns.max() <= 10 + text_width(text, 20) + 1
    assert columns.max() >= 10 + text_width(text, 20) - 6
    for name in SCRIPTS:
        if text == name:
            assert not np.array_equal(written(text), written("?" * len(name)))


def test_scripts_differ():
    drawn = {written(name).tobytes() for name in SCRIPTS}
    assert len(drawn) == len(SCRIPTS)


def test_what_no_font_has_is_a_question_mark():
    private = "\U0010fffe"  # no character, for all time
    np.testing.assert_array_equal(written(f"a{private}b"), written("a?b"))


def test_composed_and_taken_apart_are_the_same():
    np.testing.assert_array_equal(written("Lo\u0308we"), written("Löwe"))


def test_breaks_and_marks_without_shape_take_no_part():
    np.testing.assert_array_equal(written("a\nb\x00\ud800c\u200e"), written("a b  c"))


def test_arabic_is_joined():
    """Letters that touch are one piece of ink: three of them parted would be three columns of it at least."""
    def pieces(text):
        inked = np.concatenate([[False], written(text, 30).max(axis=0) > 100])
        return int((inked[1:] & ~inked[:-1]).sum())

    assert pieces("بيت") == 1 and pieces("ب\u200cي\u200cت") == 3


def test_a_word_is_cut_at_the_edges_of_the_canvas():
    canvas = np.zeros((30, 30, 3), np.uint8)
    for baseline in ((-15, 20), (25, 20), (5, 3), (5, 45), (-200, 20), (5, 200)):
        put_text(canvas, "قطة", baseline, (255, 255, 255), 20)
    assert canvas.any()


@pytest.mark.parametrize("text", ["a long name", "длинное имя", "قطة كلب كبيرة", "长长的名字猫猫猫"])
def test_shortened_text_fits(text):
    assert shorten(text, 1000, 10) == text
    for width in range(0, 200, 7):
        short = shorten(text, width, 10)
        assert text_width(short, 10) <= width or short == ""
        assert short in ("", text) or text.startswith(short[:-1]) and short.endswith("…")
    lengths = [len(shorten(text, width, 10)) for width in range(0, 200, 7)]
    assert lengths == sorted(lengths) and max(lengths) > 3


def test_a_file_name_keeps_both_its_ends():
    name = "photographs of the summer/holiday_0001_final.jpg"
    assert shorten_middle(name, 1000, 10) == name and shorten_middle(name, 3, 10) == ""
    for width in range(60, 300, 7):
        short = shorten_middle(name, width, 10)
        start, end = short.split("…")
        assert text_width(short, 10) <= width and name.startswith(start) and name.endswith(end)
        assert abs(len(start) - len(end)) <= 1
    assert shorten_middle(name, 150, 10).endswith("l.jpg")


def test_threads_write_the_same():
    texts = [f"{name} {number}" for name in SCRIPTS for number in range(9)]
    alone = [written(text).tobytes() for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda text: written(text).tobytes(), texts * 3)) == alone * 3
