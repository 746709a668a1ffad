"""Text on pictures, in any script that a font is found for, measured in pixels."""

import itertools
import unicodedata

import cv2
import numpy as np
from PIL import Image, ImageDraw

from frcnn_keras.pictures.fonts import NOWHERE, OPENCV, WEIGHT, font_of, opencv_face, pillow_font
from frcnn_keras.pictures.right_to_left import is_right_to_left, visual

Colour = tuple[int, int, int]  # r, g, b, 0..255

_CAPITAL = 0.72  # of a font's size: how high a capital letter is, in OpenCV's font and in DejaVu
_JOINERS = "\u200c\u200d"  # they belong to the letters around them


def text_width(text: str, text_height: int) -> int:
    """Width in pixels of `text` in capitals of `text_height` pixels."""
    return sum(_advance(run, path, text_height) for run, path in _runs(text))


def shorten(text: str, width: int, text_height: int) -> str:
    """`text`, or as much of its start as fits the width, ending in an ellipsis then; nothing if not even that fits."""
    return _fitted(text, width, text_height, lambda kept: text[:kept].rstrip() + "…")


def shorten_middle(text: str, width: int, text_height: int) -> str:
    """`text`, or as much of both its ends as fits the width: files are told apart by how their names end."""
    return _fitted(text, width, text_height,
                   lambda kept: text[: kept // 2] + "…" + text[len(text) - (kept - kept // 2) :])


def put_text(canvas: np.ndarray, text: str, baseline: tuple[int, int], colour: Colour, text_height: int) -> None:
    """Writes into `canvas` (H, W, 3) uint8; `baseline`: column and row where the first letter stands."""
    x, y = baseline
    for run, path in _runs(text):
        if path == OPENCV:
            cv2.putText(canvas, run, (x, y), colour, opencv_face(), _size(text_height), WEIGHT)
        else:
            _put_run(canvas, run, path, (x, y), colour, text_height)
        x += _advance(run, path, text_height)


def _fitted(text: str, width: int, text_height: int, kept_of) -> str:
    """`text`, or kept_of(n) for the most characters n that fit."""
    if text_width(text, text_height) <= width:
        return text
    least, most = 0, len(text) - 1
    while least < most:  # least fits, or is 0
        middle = (least + most + 1) // 2
        if text_width(kept_of(middle), text_height) <= width:
            least = middle
        else:
            most = middle - 1
    return kept_of(least) if least else ""


def _runs(text: str) -> list[tuple[str, str]]:
    """Stretches of `text` in the order in which they are seen, each with the font file it is drawn from."""
    plain = "".join(char if unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp") else " " for char in text)
    fonts: list[tuple[str, str]] = []
    for char in visual(unicodedata.normalize("NFC", plain)):
        if fonts and (char in _JOINERS or unicodedata.category(char) in ("Mn", "Mc", "Me")):
            fonts.append((char, fonts[-1][1]))  # a mark is drawn with its letter
        elif unicodedata.category(char) != "Cf":
            fonts.append((char, font_of(char)))
    return [("".join(char if path != OPENCV or char not in _JOINERS else "" for char, _ in run),
             OPENCV if path == NOWHERE else path)  # which draws a question mark
            for path, run in itertools.groupby(fonts, key=lambda one: one[1])]


def _size(text_height: int) -> int:
    return round(text_height / _CAPITAL)


def _advance(run: str, path: str, text_height: int) -> int:
    """Pixels from where a run begins to where the next does."""
    if path == OPENCV:
        nothing = np.zeros((1, 1, 3), np.uint8)
        return cv2.putText(nothing, run, (0, 0), (0, 0, 0), opencv_face(), _size(text_height), WEIGHT)[0][0]
    return round(_pillow(run, path, text_height).getlength(run))


def _pillow(run: str, path: str, text_height: int):
    """The font of a run; what is in the order of seeing already must not be turned again."""
    return pillow_font(path, _size(text_height), any(is_right_to_left(char) for char in run))


def _put_run(canvas: np.ndarray, run: str, path: str, baseline: tuple[int, int], colour: Colour,
             text_height: int) -> None:
    """Writes a run of a font file's letters."""
    font = _pillow(run, path, text_height)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(run, anchor="ls"))
    mask = Image.new("L", (max(1, right - left + 2), max(1, bottom - top + 2)))
    ImageDraw.Draw(mask).text((1 - left, 1 - top), run, fill=255, font=font, anchor="ls")
    x, y = baseline[0] + left - 1, baseline[1] + top - 1
    x1, y1 = max(x, 0), max(y, 0)
    x2, y2 = min(x + mask.width, canvas.shape[1]), min(y + mask.height, canvas.shape[0])
    if x1 < x2 and y1 < y2:
        share = np.asarray(mask, np.float32)[y1 - y : y2 - y, x1 - x : x2 - x, None] / 255
        part = canvas[y1:y2, x1:x2]
        part[:] = (part * (1 - share) + np.float32(colour) * share + 0.5).astype(np.uint8)
