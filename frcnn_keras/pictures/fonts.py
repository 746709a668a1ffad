"""Which font has a letter: OpenCV's own, the one that matplotlib brings, or one that is installed on the machine.

OpenCV 5 has Latin, Greek, Cyrillic, Chinese, Japanese and Korean letters within it, Hebrew and Arabic too but no joined
forms; matplotlib's DejaVu Sans has these, Armenian, Georgian and others; Indic scripts and Thai are the machine's.
"""

import functools
import glob
import importlib.util
import os
import unicodedata

import cv2
import numpy as np
from PIL import ImageFont

OPENCV = ""  # in place of a font file's path
NOWHERE = "?"
WEIGHT = 500  # of OpenCV's variable font: thinner is not read at 8 pixels
_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts", "/Library/Fonts",
            "/System/Library/Fonts", "~/Library/Fonts", "C:/Windows/Fonts")
_MOST = 500  # font files that are looked into for one letter


def opencv_face() -> cv2.FontFace:
    """OpenCV's font. Made where it is used, which takes a few microseconds: threads share none."""
    return cv2.FontFace("sans")


@functools.lru_cache(4096)
def font_of(char: str) -> str:
    """The path of the font file that a character is drawn from; OPENCV, or NOWHERE."""
    if " " <= char <= "~":
        return OPENCV
    if unicodedata.bidirectional(char) not in ("R", "AL") and _opencv_has(char):
        return OPENCV
    script = unicodedata.name(char, "").split(" ")[0].lower()
    brought = [path for path in (_matplotlib_font(),) if path]
    for path in (*brought, *sorted(_installed(), key=lambda path: _fitness(path, script))[:_MOST]):
        if _has(path, char):
            return path
    return NOWHERE


def undrawable(text: str) -> str:
    """The letters in `text` that no font has, each once."""
    letters = (char for char in unicodedata.normalize("NFC", text) if unicodedata.category(char)[0] in "LNS")
    return "".join(dict.fromkeys(char for char in letters if font_of(char) == NOWHERE))


def drawable(name: str, label: int) -> str:
    """A class's name, or `class 3` where no font has its letters: question marks would be the same for all."""
    return f"class {label}" if undrawable(name) else name


def in_matplotlib(text: str) -> bool:
    """Whether matplotlib draws a text as it should: it has the letters, and none is to be turned or joined."""
    return all(" " <= char <= "~" or unicodedata.bidirectional(char) not in ("R", "AL") and
               _has(_matplotlib_font(), char) for char in unicodedata.normalize("NFC", text))


@functools.lru_cache(64)
def pillow_font(path: str, size: int, basic: bool) -> ImageFont.FreeTypeFont:
    """A font file at a size; basic: glyph after glyph, else shaped where Pillow can."""
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC if basic else None)


def _opencv_has(char: str) -> bool:
    """OpenCV draws a question mark for what it lacks, and does not say so."""
    pictures = np.zeros((2, 48, 64, 1), np.uint8)
    for picture, text in zip(pictures, (char, "?"), strict=True):
        cv2.putText(picture, text, (8, 36), (255,), opencv_face(), 24, WEIGHT)
    return not np.array_equal(*pictures)


def _has(path: str, char: str) -> bool:
    """Whether a font file has a glyph of its own for a character, and Pillow reads it."""
    try:
        font = ImageFont.truetype(path, 24, layout_engine=ImageFont.Layout.BASIC)
        drawn, absent = (bytes(font.getmask(text)) for text in (char, "\U0010ffff"))
    except (OSError, ValueError):  # no font, one of bitmaps
        return False
    return any(drawn) and drawn != absent


def _matplotlib_font() -> str:
    """DejaVu Sans among matplotlib's files, found without importing it."""
    found = importlib.util.find_spec("matplotlib")
    folder = os.path.dirname(found.origin) if found and found.origin else ""
    path = os.path.join(folder, "mpl-data", "fonts", "ttf", "DejaVuSans.ttf")
    return path if os.path.isfile(path) else ""


@functools.lru_cache(1)
def _installed() -> tuple[str, ...]:
    """Font files of the machine."""
    return tuple(path for folder in _FOLDERS for suffix in ("ttf", "otf", "ttc")
                 for path in glob.glob(os.path.join(os.path.expanduser(folder), "**", f"*.{suffix}"), recursive=True))


def _fitness(path: str, script: str) -> tuple:
    """Fonts of the script's name first, upright ones of middle weight, without serifs; then by name."""
    name = os.path.basename(path).lower()
    return (bool(script) and script not in name, "regular" not in name, "sans" not in name, len(name), path)
