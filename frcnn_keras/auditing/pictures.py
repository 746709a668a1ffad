"""Findings as pictures: a crop of each with the labelled box and the suggested one, and sheets of them."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from frcnn_keras.auditing.findings import Finding
from frcnn_keras.auditing.picture_files import Pictures
from frcnn_keras.data.decoding import decode
from frcnn_keras.data.image_files import read_file
from frcnn_keras.pictures.contact_sheet import contact_sheet
from frcnn_keras.pictures.drawing import draw_boxes

LABELLED, SUGGESTED = (255, 140, 0), (0, 200, 255)  # orange: what is labelled; blue: what was found
CELL = (240, 200)  # pixels, of a crop on a sheet
ON_SHEET, COLUMNS = 24, 4
_AROUND = 0.6  # of the box's longer side, on each side of it: what a box is of, its surroundings show
_LINE = 2  # pixels, of a frame
_LEAST = 48  # pixels of the picture that a crop shows, across and down


def crop_of(one: Finding, image: np.ndarray, cell: tuple[int, int] = CELL) -> np.ndarray:
    """The part of the upright picture (H, W, 3) uint8 RGB about a finding, as large as `cell` lets it be, the label's
    box in LABELLED and the suggested one in SUGGESTED."""
    boxes = [box for box in (one.labelled, _suggested(one)) if box is not None]
    colours = [colour for colour, box in ((LABELLED, one.labelled), (SUGGESTED, _suggested(one))) if box is not None]
    around = np.array(boxes, float).reshape(-1, 4)
    low, high = around[:, :2].min(axis=0), around[:, 2:].max(axis=0)
    half = np.maximum((high - low) / 2 + _AROUND * (high - low).max(), _LEAST / 2)  # (2,)
    size = np.array((image.shape[1], image.shape[0]))
    x1, y1 = np.floor(np.clip((low + high) / 2 - half, 0, size - 1)).astype(int)
    x2, y2 = np.ceil(np.clip((low + high) / 2 + half, (x1 + 1, y1 + 1), size)).astype(int)
    scale = min(cell[0] / (x2 - x1), cell[1] / (y2 - y1))
    wide, high_ = max(1, round((x2 - x1) * scale)), max(1, round((y2 - y1) * scale))
    part = cv2.resize(image[y1:y2, x1:x2], (wide, high_), interpolation=cv2.INTER_AREA if scale < 1 else
                      cv2.INTER_LINEAR)
    return draw_boxes(part, (around - (x1, y1, x1, y1)) * scale, colours, _LINE)


def _suggested(one: Finding) -> tuple[float, float, float, float] | None:
    return one.box if one.kind in ("missing", "shifted") else None


def title_of(number: int, one: Finding) -> str:
    """`12 wrong_class 0.93 cat -> dog`"""
    words = f"{one.label} -> {one.suggested}" if one.kind == "wrong_class" else one.label or one.suggested
    return f"{number} {one.kind} {one.score:.2f} {words}"


def crops(findings: Sequence[Finding], pictures: Pictures, count: int) -> Iterator[tuple[int, Finding, np.ndarray]]:
    """(number from 1, finding, crop) of those among the first `count` whose pictures are at hand.

    Raises:
        InputError: a picture cannot be read.
    """
    for number, one in enumerate(findings[:count], 1):
        path = pictures.path_of(one.file)
        if path is not None:
            yield number, one, crop_of(one, decode(read_file(path), str(path)).numpy())


def sheets(findings: Sequence[Finding], pictures: Pictures, count: int) -> Iterator[np.ndarray]:
    """Contact sheets of the first `count` findings, ON_SHEET on each: (H, W, 3) uint8 RGB."""
    drawn: list[np.ndarray] = []
    titles: list[str] = []
    for number, one, crop in crops(findings, pictures, count):
        drawn.append(crop)
        titles.append(title_of(number, one))
        if len(drawn) == ON_SHEET:
            yield contact_sheet(drawn, COLUMNS, CELL, titles)
            drawn, titles = [], []
    if drawn:
        yield contact_sheet(drawn, COLUMNS, CELL, titles)
