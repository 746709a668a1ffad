import os
import shutil

import pytest
from PIL import ImageFont

from frcnn_keras.pictures import fonts
from frcnn_keras.pictures.fonts import NOWHERE, OPENCV, drawable, font_of, in_matplotlib, undrawable


@pytest.fixture
def only_those_brought(monkeypatch):
    """A machine without fonts of its own."""
    monkeypatch.setattr(fonts, "_FOLDERS", ())
    for function in (fonts.font_of, fonts._installed):
        function.cache_clear()
    yield
    for function in (fonts.font_of, fonts._installed):
        function.cache_clear()


@pytest.mark.parametrize("char", list("aZ0? ~éßłЖёΩ猫红ネひ고ữ…"))
def test_letters_that_opencv_has(char, only_those_brought):
    assert font_of(char) == OPENCV


@pytest.mark.parametrize("char", list("ق\ufed7חա კ😀".replace(" ", "")))
def test_letters_that_come_with_matplotlib(char, only_those_brought):
    """Hebrew and Arabic too, of which OpenCV has letters but no joined forms."""
    assert os.path.basename(font_of(char)) == "DejaVuSans.ttf"


@pytest.mark.parametrize("char", list("แबপ"))
def test_letters_that_only_the_machine_can_have(char, only_those_brought):
    assert font_of(char) == NOWHERE


def test_a_font_of_the_machine_is_found(only_those_brought, monkeypatch, tmp_path):
    """By what it has, whatever stands beside it: a file that is no font, a font without the letter."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "thai-sans-regular.ttf").write_bytes(b"no font")
    matplotlib_font = fonts._matplotlib_font()
    shutil.copy(matplotlib_font, tmp_path / "deep" / "own.ttf")
    monkeypatch.setattr(fonts, "_matplotlib_font", lambda: "")
    assert font_of("ა") == NOWHERE
    monkeypatch.setattr(fonts, "_FOLDERS", (str(tmp_path),))
    fonts.font_of.cache_clear()
    fonts._installed.cache_clear()
    assert font_of("ა") == str(tmp_path / "deep" / "own.ttf") and font_of("แ") == NOWHERE


def test_fonts_of_the_script_come_first():
    names = ["/f/NotoSerifThai-Regular.ttf", "/f/NotoSansThai-Bold.ttf", "/f/Arial.ttf", "/f/NotoSansThai-Regular.ttf"]
    ordered = sorted(names, key=lambda path: fonts._fitness(path, "thai"))
    assert ordered[0] == names[3] and ordered[-1] == names[2]


def test_what_no_font_has_is_told(only_those_brought):
    assert undrawable("RBC 猫 قطة") == "" and undrawable("แมว cat แ") == "แมว"
    assert undrawable("Lo\u0308we") == ""  # composed before it is asked for
    assert drawable("แมว", 3) == "class 3" and drawable("猫", 3) == "猫"


def test_what_matplotlib_draws_right():
    assert in_matplotlib("RBC, Größe, эритроцит")
    for text in ("猫", "قطة", "חתול"):  # missing; neither turned nor joined there
        assert not in_matplotlib(text)


def test_a_font_is_opened_once_a_size():
    path = fonts._matplotlib_font()
    first = fonts.pillow_font(path, 12, True)
    assert first is fonts.pillow_font(path, 12, True) and isinstance(first, ImageFont.FreeTypeFont)
    assert fonts.pillow_font(path, 24, True).getlength("abc") == pytest.approx(2 * first.getlength("abc"), rel=0.1)
