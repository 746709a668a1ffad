"""Text on pictures in OpenCV's font, measured in pixels."""

import unicodedata

import cv2
import numpy as np

Colour = tuple[int, int, int]  # r, g, b, 0..255

_FONT = cv2.FONT_HERSHEY_SIMPLEX


def printable(text: str) -> str:
    """`text` in the characters that OpenCV's font has: accents dropped, anything else outside ASCII as "?"."""
    letters = (c for c in unicodedata.normalize("NFKD", str(text)) if not unicodedata.combining(c))
    return "".join(c if " " <= c <= "~" else "?" for c in letters)


def text_width(text: str, text_height: int) -> int:
    """Width in pixels of `text` in capitals of `text_height` pixels."""
    scale, stroke = _font(text_height)
    return cv2.getTextSize(text, _FONT, scale, stroke)[0][0]


def shorten(text: str, width: int, text_height: int) -> str:
    """`text`, or as much of its start as fits the width, ending in a full stop then."""
    if text_width(text, text_height) <= width:
        return text
    for end in range(len(text) - 1, 0, -1):
        if text_width(text[:end] + ".", text_height) <= width:
            return text[:end] + "."
    return ""


def put_text(canvas: np.ndarray, text: str, baseline: tuple[int, int], colour: Colour, text_height: int) -> None:
    """Writes into `canvas` (H, W, 3); `baseline`: column and row where the first letter stands."""
    scale, stroke = _font(text_height)
    cv2.putText(canvas, text, baseline, _FONT, scale, colour, stroke, cv2.LINE_AA)


def _font(text_height: int) -> tuple[float, int]:
    """OpenCV's scale and stroke for a capital letter of `text_height` pixels; its own unit differs by version."""
    unit = cv2.getTextSize("E", _FONT, 1.0, 1)[0][1]
    return text_height / unit, max(1, round(text_height / 12))
