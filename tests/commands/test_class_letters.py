import pytest

from frcnn_keras.commands.class_letters import say_undrawable
from frcnn_keras.pictures import fonts


@pytest.fixture(autouse=True)
def no_thai(monkeypatch):
    """A machine on which no font has Thai."""
    own = fonts.font_of
    monkeypatch.setattr(fonts, "font_of", lambda char: fonts.NOWHERE if "\u0e00" <= char < "\u0e80" else own(char))


@pytest.mark.parametrize("names", [(), ("RBC",), ("猫", "кошка", "قطة")])
def test_nothing_is_said_where_all_is_well(names, capsys):
    say_undrawable(names)
    assert capsys.readouterr() == ("", "")


def test_one_line_says_which_and_what_to_do(capsys):
    say_undrawable(("cat", "แมว", "dog", "สุนัข"))
    out, line = capsys.readouterr()
    assert out == "" and line.count("\n") == 1
    assert "the letters แมวสนข:" in line and "(2, 4)" in line and "fonts-noto-core" in line


def test_a_whole_alphabet_is_cut(capsys):
    say_undrawable(["".join(chr(code) for code in range(0x0E01, 0x0E2E))])
    assert "..." in capsys.readouterr().err
