"""Many images on one: how a data set or a run's pictures are looked over."""

from collections.abc import Sequence

import cv2
import numpy as np

from frcnn_keras.pictures.drawing import check_image
from frcnn_keras.pictures.lettering import put_text, shorten_middle

_INK, _PAPER = (0, 0, 0), (245, 245, 245)


def fit(image: np.ndarray, width: int, height: int) -> tuple[np.ndarray, float]:
    """`image` shrunk, aspect kept, until it is at most width x height; never enlarged.

    Returns:
        The (H', W', 3) uint8 image (the same array if it already fits), and the factor that its boxes take.
    """
    scale = min(1.0, width / image.shape[1], height / image.shape[0])
    if scale == 1.0:
        return image, 1.0
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), scale


def contact_sheet(
    images: Sequence[np.ndarray],
    columns: int = 4,
    cell_size: tuple[int, int] = (320, 240),
    titles: Sequence[str] | None = None,
) -> np.ndarray:
    """Many images on one, row by row, each shrunk to its cell and centred there, its title below.

    Thin lines do not survive shrinking: `fit` images to the cell before drawing on them.

    Args:
        images: (H, W, 3) uint8 RGB each, at least one; sizes may differ.
        columns: cells in a row.
        cell_size: width and height of an image's place in pixels.
        titles: one an image, shortened in the middle to the cell's width; None for none.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    if not images:
        raise ValueError("a contact sheet needs at least one image. Received: none")
    (width, height), gap, text_height = cell_size, 8, 8
    strip = 0 if titles is None else 2 * text_height
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    sheet = np.full((gap + rows * (height + strip + gap), gap + columns * (width + gap), 3), _PAPER, np.uint8)
    for i, image in enumerate(images):
        check_image(image)
        x, y = gap + i % columns * (width + gap), gap + i // columns * (height + strip + gap)
        small, _ = fit(image, width, height)
        top, left = y + (height - small.shape[0]) // 2, x + (width - small.shape[1]) // 2
        sheet[top : top + small.shape[0], left : left + small.shape[1]] = small
        if titles is not None:
            text = shorten_middle(titles[i], width, text_height)
            put_text(sheet, text, (x, y + height + text_height + 4), _INK, text_height)
    return sheet
