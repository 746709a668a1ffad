"""Arabic, Hebrew and their like as fonts without shaping take them: joined forms, from left to right as they are seen.

Unicode's tables (UAX 9, the joining of UAX 44) as far as a class's name needs them. By this a picture is the same on
every machine: Pillow shapes and orders text only where the system has FriBiDi.
"""

import re
import unicodedata

_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")
_TATWEEL, _NON_JOINER, _LAM = "\u0640", "\u200c", "\u0644"


def _joined_forms() -> tuple[dict[tuple[str, str], str], dict[tuple[str, str], tuple[str, str]]]:
    """(letter, kind) -> its form, kinds being isolated, initial, medial and final; (lam, alef) -> their two."""
    forms, ligatures = {}, {}
    for code in (*range(0xFB50, 0xFE00), *range(0xFE70, 0xFEFD)):
        kind, *letters = unicodedata.decomposition(chr(code)).split() or [""]
        kind, letters = kind.strip("<>"), [chr(int(letter, 16)) for letter in letters]
        if len(letters) == 1:
            forms.setdefault((letters[0], kind), chr(code))
        elif len(letters) == 2 and letters[0] == _LAM and code >= 0xFEF5:
            pair = ligatures.get((letters[0], letters[1]), ("", ""))
            ligatures[letters[0], letters[1]] = (chr(code), pair[1]) if kind == "isolated" else (pair[0], chr(code))
    return forms, ligatures


_FORMS, _LIGATURES = _joined_forms()


def is_right_to_left(char: str) -> bool:
    """Whether a letter belongs to a script that is written from right to left."""
    return unicodedata.bidirectional(char) in ("R", "AL")


def visual(text: str) -> str:
    """`text` from left to right as it is seen, Arabic letters in their joined forms. Vowel points are left out: names
    are read without them, and without shaping they would stand beside their letters.

    The text's own direction is left to right, as a score follows; what lies between its first and its last letter of
    the other direction is turned, numbers and Latin words in it excepted.
    """
    letters = [place for place, char in enumerate(text) if is_right_to_left(char)]
    if not letters:
        return text
    start, stop = letters[0], letters[-1] + 1
    while stop < len(text) and (unicodedata.category(text[stop]) == "Mn" or _lacks(text[start:stop], text[stop])):
        stop += 1
    while start and _lacks(text[start:stop], text[start - 1]):
        start -= 1
    turned = "".join(char for char in text[start:stop] if unicodedata.category(char) != "Mn")
    return text[:start] + _turn(_join(turned).replace(_NON_JOINER, "")) + text[stop:]


def _lacks(text: str, bracket: str) -> bool:
    """Whether a bracket beside `text` is the other half of one in it."""
    other = bracket.translate(_MIRRORED)
    return other != bracket and text.count(other) > text.count(bracket)


def _join(text: str) -> str:
    """Each letter in the form that its neighbours ask for."""
    joined, place, before = [], 0, False  # before: whether the letter on the right reaches over to this one
    while place < len(text):
        char, width, pair = text[place], 1, _LIGATURES.get((text[place], text[place + 1 : place + 2]))
        if pair:
            joined.append(pair[before])
            width, before = 2, False  # an alef reaches to nobody
        else:
            after = _reaches(char) and _takes(text[place + 1 : place + 2])
            taken = before and _takes(char)
            kind = ("isolated", "initial", "final", "medial")[2 * taken + after]
            joined.append(_FORMS.get((char, kind), char))
            before = _reaches(char)
        place += width
    return "".join(joined)


def _reaches(char: str) -> bool:
    """Whether a letter joins the one after it."""
    return char == _TATWEEL or (char, "initial") in _FORMS


def _takes(char: str) -> bool:
    """Whether a letter joins the one before it."""
    return char == _TATWEEL or (char, "final") in _FORMS


def _turn(text: str) -> str:
    """Backwards, but for what reads from left to right in it: words and numbers, and what stands between those."""
    kinds = "".join("R" if is_right_to_left(char) else
                    "L" if unicodedata.bidirectional(char) in ("L", "EN", "AN") else "." for char in text)
    pieces, end = [], 0
    for found in re.finditer("L(?:[L.]*L)?", kinds):
        pieces += [*text[end : found.start()].translate(_MIRRORED), text[found.start() : found.end()]]
        end = found.end()
    return "".join(reversed([*pieces, *text[end:].translate(_MIRRORED)]))
