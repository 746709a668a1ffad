"""Boxes and labels drawn with OpenCV on uint8 RGB images, and writing such images."""

import colorsys
import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from frcnn_keras.errors import InputError
from frcnn_keras.files import write_whole
from frcnn_keras.pictures.fonts import drawable
from frcnn_keras.pictures.labels import SMALLEST, Label, Rectangle, lay_out, padding
from frcnn_keras.pictures.lettering import Colour, put_text

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_GOLDEN = 0.618034  # of a turn: multiples of it never bunch up, however many classes there are
_SHADES = ((0.95, 1.0), (0.8, 0.85), (1.0, 0.6))  # saturation, value


def class_colour(label: int) -> Colour:
    """The colour of a class, the same in every picture. Labels near each other get colours far apart."""
    hue = (label - 1) * _GOLDEN % 1.0
    saturation, value = _SHADES[(label - 1) % len(_SHADES)]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def draw_boxes(
    image: np.ndarray, boxes: np.ndarray, colours: Sequence[Colour], line_width: int | None = None
) -> np.ndarray:
    """Frames around boxes, each drawn over those before it.

    A frame lies on the box's edge, and around it where the box is too small to see anything inside otherwise. It is
    moved into the image where the box reaches the border. Boxes that are not finite or lie outside are left out.

    Args:
        image: (H, W, 3) uint8 RGB, not changed.
        boxes: (M, 4) x1, y1, x2, y2 in pixels of `image`.
        colours: M colours.
        line_width: in pixels; None for one that suits the image's size.

    Returns:
        (H, W, 3) uint8 RGB, a new array.
    """
    check_image(image)
    canvas = image.copy()
    line_width = line_width or _line_width(image)
    for box, colour in zip(_pixel_boxes(image, boxes), colours):
        if box is not None:
            _frame(canvas, box, colour, line_width)
    return canvas


def draw_detections(
    image: np.ndarray,
    boxes: np.ndarray,
    labels: np.ndarray,
    scores: np.ndarray | None,
    class_names: Sequence[str],
    line_width: int | None = None,
    text_height: int | None = None,
) -> np.ndarray:
    """Boxes in their classes' colours, with name and score; the best scored (the first, without scores) lie on top.

    Labels stand wholly inside the image, cover no other label and hide no object: where boxes are crowded they shrink,
    are shortened or omitted, the worst scored first (the box's colour tells the class); see labels.lay_out. A name with
    letters that no font on the machine has is written as its number, "class 3".

    Args:
        image: (H, W, 3) uint8 RGB, not changed.
        boxes: (M, 4) x1, y1, x2, y2 in pixels of `image`.
        labels: (M,) int, 1..C.
        scores: (M,), or None to write no scores (objects, not detections).
        class_names: label i + 1 is class_names[i].
        line_width: in pixels; None for one that suits the image's size.
        text_height: of a capital letter in pixels, which does not shrink then; None for one that suits the image's
            size and how crowded it is.

    Returns:
        (H, W, 3) uint8 RGB, a new array.
    """
    check_image(image)
    labels = np.asarray(labels)
    order = np.arange(len(labels)) if scores is None else np.argsort(-np.asarray(scores), kind="stable")
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)[order]
    colours = [class_colour(int(label)) for label in labels[order]]
    canvas = draw_boxes(image, boxes[::-1], colours[::-1], line_width)
    texts = [_wordings(drawable(class_names[labels[index] - 1], int(labels[index])),
                       None if scores is None else float(scores[index])) for index in order]
    own = text_height or _text_height(image)
    placed = lay_out(_pixel_boxes(image, boxes), texts, (image.shape[1], image.shape[0]), own, text_height or SMALLEST)
    for label, colour in zip(placed, colours, strict=True):
        if label is not None:
            _write_label(canvas, label, colour)
    return canvas


def save_image(path: str | os.PathLike, image: np.ndarray) -> None:
    """Writes `image` (H, W, 3) uint8 RGB as JPEG or PNG by the path's suffix, whole or not at all.

    Raises:
        InputError: another suffix, a size that the format cannot hold, or a file that cannot be written.
    """
    data = encoded_image(path, image)
    try:
        write_whole(path, data)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); check the folder and the disk") from error


def encoded_image(path: str | os.PathLike, image: np.ndarray, spend: bool = False) -> bytes:
    """The file that `save_image` writes.

    spend: whether `image` may be changed, which saves a copy of it: a photograph of 12 megapixels has 36 MB.

    Raises:
        InputError: as there, but for the writing.
    """
    check_image(image)
    suffix = Path(path).suffix.lower()
    if suffix not in (".jpg", ".jpeg", ".png"):
        raise InputError(f"{path}: pictures are written as .jpg, .jpeg or .png; give it such a name")
    try:
        ok, data = cv2.imencode(suffix, _swapped(image) if spend else cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    except cv2.error:
        ok = False
    if not ok:
        raise InputError(
            f"{path}: OpenCV cannot write {image.shape[1]} x {image.shape[0]} pixels as {suffix}; use .png or less"
        )
    return data.tobytes()


def _swapped(image: np.ndarray) -> np.ndarray:
    """The same array, its red and blue exchanged, a few rows at a time."""
    for row in range(0, len(image), 64):
        image[row:row + 64] = image[row:row + 64, :, ::-1]
    return image


def check_image(image: np.ndarray) -> None:
    """Raises ValueError unless `image` is (H, W, 3) uint8 with a pixel at least."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"an image must be (H, W, 3) uint8 RGB. Received: shape {image.shape}, {image.dtype}")


def _line_width(image: np.ndarray) -> int:
    return max(1, round(min(image.shape[:2]) / 250))


def _text_height(image: np.ndarray) -> int:
    """On a photograph, what can be read when it is shown on a screen."""
    return max(SMALLEST, round(2 + 0.016 * min(image.shape[:2])))


def _pixel_boxes(image: np.ndarray, boxes: np.ndarray) -> list[Rectangle | None]:
    """Each box as the pixels inside the image that it covers, at least one; None where it lies outside."""
    height, width = image.shape[:2]
    pixel_boxes = []
    for box in np.asarray(boxes, np.float64).reshape(-1, 4):
        x1, y1, x2, y2 = np.clip(box, -1e6, 1e6)
        if not np.isfinite(box).all() or x2 < 0 or y2 < 0 or x1 > width or y1 > height:
            pixel_boxes.append(None)
            continue
        left, top = min(max(round(x1), 0), width - 1), min(max(round(y1), 0), height - 1)
        pixel_boxes.append((left, top, min(max(round(x2), left + 1), width), min(max(round(y2), top + 1), height)))
    return pixel_boxes


def _frame(canvas: np.ndarray, box: Rectangle, colour: Colour, line_width: int) -> None:
    """Draws a box as lines on its edges; outside them where it is too small to hold them."""
    x1, y1, x2, y2 = box
    grow = line_width if min(x2 - x1, y2 - y1) < 4 * line_width else line_width // 2
    height, width = canvas.shape[:2]
    x1, y1, x2, y2 = max(x1 - grow, 0), max(y1 - grow, 0), min(x2 + grow, width), min(y2 + grow, height)
    canvas[y1 : y1 + line_width, x1:x2] = colour
    canvas[max(y2 - line_width, 0) : y2, x1:x2] = colour
    canvas[y1:y2, x1 : x1 + line_width] = colour
    canvas[y1:y2, max(x2 - line_width, 0) : x2] = colour


def _wordings(name: str, score: float | None) -> list[str]:
    """What a label may say, the fullest first."""
    return [name] if score is None else [f"{name} {score:.2f}", name]


def _write_label(canvas: np.ndarray, label: Label, colour: Colour) -> None:
    """Fills a label's ground with its class's colour and writes on it."""
    (x1, y1, x2, y2), pad = label.place, padding(label.text_height)
    canvas[y1:y2, x1:x2] = colour
    put_text(canvas, label.text, (x1 + pad, y1 + pad + label.text_height), _ink(colour), label.text_height)


def _ink(colour: Colour) -> Colour:
    """Black or white, whichever contrasts more (relative luminance of Rec. 709, about linear at the crossing)."""
    luminance = 0.2126 * colour[0] ** 2.2 + 0.7152 * colour[1] ** 2.2 + 0.0722 * colour[2] ** 2.2
    return _BLACK if luminance / 255**2.2 > 0.18 else _WHITE
