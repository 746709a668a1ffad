"""A plot's legend whose names may be of any script: matplotlib's font has few, and the machine's may have no more."""

import numpy as np

from frcnn_keras.pictures.fonts import in_matplotlib
from frcnn_keras.pictures.lettering import put_text, text_width

_COLUMN = 30  # entries
_INK, _CAPITAL = 24, 0.73  # pixels of a capital letter as it is drawn, and its share of a font's size
_RIGHT = {"loc": "upper left", "bbox_to_anchor": (1.01, 1)}  # beside the curves


def add_legend(axes) -> None:
    """A legend of the lines that have labels, beside the curves where there are too many to lie on them.

    Where a name is not in matplotlib's font, each one is a picture of it, in the letters that other pictures have.
    """
    lines = [line for line in axes.lines if not line.get_label().startswith("_")]
    many = len(lines) > 10
    if all(in_matplotlib(line.get_label()) for line in lines):
        columns = {"ncols": -(-len(lines) // _COLUMN)} if many else {}
        axes.legend(handles=lines, fontsize=6 if many else 8, **(_RIGHT if many else {}), **columns)
        return
    from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, VPacker

    entries = [_entry(line, 6 if many else 8) for line in lines]
    columns = [VPacker(children=entries[start : start + _COLUMN], pad=0, sep=3)
               for start in range(0, len(entries), _COLUMN)]
    place = _RIGHT | {"bbox_transform": axes.transAxes} if many else {"loc": "lower left"}
    box = AnchoredOffsetbox(child=HPacker(children=columns, pad=0, sep=8, align="top"), pad=0.4, **place)
    box.patch.set(boxstyle="round,pad=0,rounding_size=0.2", alpha=0.8, edgecolor="0.8")
    axes.add_artist(box)


def _entry(line, points: int):
    """A piece of a line and its name."""
    from matplotlib.lines import Line2D
    from matplotlib.offsetbox import DrawingArea, HPacker, OffsetImage

    piece = DrawingArea(2 * points, points)
    piece.add_artist(Line2D([0, 2 * points], [points / 2] * 2, color=line.get_color(), linestyle=line.get_linestyle(),
                            linewidth=line.get_linewidth()))
    text = OffsetImage(_written(line.get_label().replace(r"\$", "$"), _INK), zoom=_CAPITAL * points / _INK)
    return HPacker(children=[piece, text], pad=0, sep=points / 2, align="center")


def _written(text: str, text_height: int) -> np.ndarray:
    """(H, W, 4) uint8: black letters on nothing."""
    ink = np.zeros((2 * text_height, text_width(text, text_height) + 2, 3), np.uint8)
    put_text(ink, text, (1, round(1.5 * text_height)), (255, 255, 255), text_height)
    return np.dstack([np.zeros_like(ink), ink[..., :1]])
