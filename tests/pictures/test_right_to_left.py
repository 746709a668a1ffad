import unicodedata

import pytest

from frcnn_keras.pictures.right_to_left import is_right_to_left, visual


def forms(*names):
    """Letters by what Unicode calls their forms."""
    return "".join(unicodedata.lookup(f"ARABIC {name} FORM") for name in names)


@pytest.mark.parametrize("text", ["", "RBC 0.98", "猫 (x)", "Ω", "\u0301", "12 (3)"])
def test_what_reads_from_left_to_right_stays(text):
    assert visual(text) == text


@pytest.mark.parametrize("text, seen", [
    ("חתול", "לותח"), ("חתול 0.98", "לותח 0.98"), ("a חתול b", "a לותח b"),
    ("רכב 12 גדול", "לודג 12 בכר"),  # a number stays as it is
    ("רכב BMW X5 גדול", "לודג BMW X5 בכר"),  # and so do words and what is between them
    ("רכב (גדול)", "(לודג) בכר"), ("(גדול) רכב", "בכר (לודג)"), ("רכב (BMW)", "בכר (BMW)"), ("רכב)", "בכר)"),
    ("שָׁלוֹם", "םולש")])  # without its points
def test_hebrew_is_turned(text, seen):
    assert visual(text) == seen


def test_arabic_letters_are_joined():
    """Qaf, tah, teh marbuta: the first reaches over, the second joins both sides, the last ends the word."""
    assert visual("قطة") == forms("LETTER QAF INITIAL", "LETTER TAH MEDIAL", "LETTER TEH MARBUTA FINAL")[::-1]
    # waw and reh reach to nobody: what follows begins anew
    assert visual("ورد") == forms("LETTER WAW ISOLATED", "LETTER REH ISOLATED", "LETTER DAL ISOLATED")[::-1]
    assert visual("برب") == forms("LETTER BEH INITIAL", "LETTER REH FINAL", "LETTER BEH ISOLATED")[::-1]
    assert visual("ب") == forms("LETTER BEH ISOLATED")


def test_lam_and_alef_are_one():
    assert visual("لا") == forms("LIGATURE LAM WITH ALEF ISOLATED")
    assert visual("بلا") == forms("LETTER BEH INITIAL", "LIGATURE LAM WITH ALEF FINAL")[::-1]
    assert visual("الأب") == forms("LETTER ALEF ISOLATED", "LIGATURE LAM WITH ALEF WITH HAMZA ABOVE ISOLATED",
                                   "LETTER BEH ISOLATED")[::-1]


def test_vowels_do_not_part_letters_and_a_non_joiner_does():
    assert visual("قِطّة") == visual("قطة")
    parted = forms("LETTER HEH FINAL", "LETTER HEH INITIAL", "LETTER ALEF FINAL")
    assert visual("به\u200cها")[::-1][1:] == parted and "\u200c" not in visual("به\u200cها")


def test_persian_and_urdu_letters_have_forms():
    assert visual("پژو") == forms("LETTER PEH INITIAL", "LETTER JEH FINAL", "LETTER WAW ISOLATED")[::-1]
    assert is_right_to_left("ٹ") and visual("ٹ") == forms("LETTER TTEH ISOLATED")


@pytest.mark.parametrize("text", ["قطة كلب 0.98", "רכב (BMW) 3", "a ب b", "گربه‌ها"])
def test_no_letter_is_lost(text):
    """Taken apart again, each form is its letter."""
    letters = unicodedata.normalize("NFKC", visual(text))
    assert sorted(letters) == sorted(text.replace("\u200c", ""))
