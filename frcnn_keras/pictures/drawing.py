"""Boxes and labels drawn with OpenCV on uint8 RGB images, and writing such images."""

import colorsys
import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from frcnn_keras.errors import InputError
from frcnn_keras.files import write_whole
from frcnn_keras.pictures.lettering import Colour, printable, put_text, shorten, text_width

Rectangle = tuple[int, int, int, int]  # first column and row, last column and row + 1

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_GOLDEN = 0.618034  # of a turn: multiples of it never bunch up, however many classes there are
_SHADES = ((0.95, 1.0), (0.8, 0.85), (1.0, 0.6))  # saturation, value
_LABELLED = 0.4  # labels may hide this share of the image; on a small one with many boxes, the best scored have them


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

    Labels stand where they cover no other label, always wholly inside the image, shortened where it is too narrow;
    those for which there is no room left are omitted, the worst scored first (the box's colour tells the class).
    OpenCV's font is ASCII only: accents are dropped from names, other characters become "?".

    Args:
        image: (H, W, 3) uint8 RGB, not changed.
        boxes: (M, 4) x1, y1, x2, y2 in pixels of `image`.
        labels: (M,) int, 1..C.
        scores: (M,), or None to write no scores (objects, not detections).
        class_names: label i + 1 is class_names[i].
        line_width: in pixels; None for one that suits the image's size.
        text_height: of a capital letter in pixels; None for one that suits the image's size.

    Returns:
        (H, W, 3) uint8 RGB, a new array.
    """
    check_image(image)
    labels = np.asarray(labels)
    order = np.arange(len(labels)) if scores is None else np.argsort(-np.asarray(scores), kind="stable")
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)[order]
    colours = [class_colour(int(label)) for label in labels[order]]
    canvas = draw_boxes(image, boxes[::-1], colours[::-1], line_width)
    text_height = text_height or _text_height(image)
    taken: list[Rectangle] = []
    for box, colour, index in zip(_pixel_boxes(image, boxes), colours, order):
        if box is None or _area(taken) > _LABELLED * image.shape[0] * image.shape[1]:
            continue
        name = printable(class_names[labels[index] - 1])
        texts = _wordings(name, None if scores is None else float(scores[index]))
        place = _write_label(canvas, box, texts, colour, text_height, taken)
        if place is not None:
            taken.append(place)
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
    """8 pixels is the least that can be read; on a photograph, what can be read when it is shown on a screen."""
    return max(8, round(3 + 0.02 * min(image.shape[:2])))


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


def _write_label(
    canvas: np.ndarray,
    box: Rectangle,
    texts: list[str],
    colour: Colour,
    text_height: int,
    taken: list[Rectangle],
) -> Rectangle | None:
    """Writes the first text that fits where there is room; returns the place, or None if there is no room."""
    height, width = canvas.shape[:2]
    pad = max(1, text_height // 4)
    room = width - 2 * pad
    text = next((t for t in texts if text_width(t, text_height) <= room), None)
    text = text if text is not None else shorten(texts[-1], room, text_height)
    size = (text_width(text, text_height) + 2 * pad, text_height + text_height // 3 + 2 * pad)
    if not text or size[0] > width or size[1] > height:
        return None
    place = _free_place(box, size, (width, height), taken)
    if place is None:
        return None
    x1, y1, x2, y2 = place
    canvas[y1:y2, x1:x2] = colour
    put_text(canvas, text, (x1 + pad, y1 + pad + text_height), _ink(colour), text_height)
    return place


def _free_place(
    box: Rectangle, size: tuple[int, int], image_size: tuple[int, int], taken: list[Rectangle]
) -> Rectangle | None:
    """The first place at a box's corners (above, below, inside), in the image, where no other label is touched."""
    (x1, y1, x2, y2), (width, height) = box, size
    for y in (y1 - height, y2, y1, y2 - height):
        for x in (x1, x2 - width):
            x = min(max(x, 0), image_size[0] - width)
            place = (x, y, x + width, y + height)
            if 0 <= y <= image_size[1] - height and not any(_overlap(place, other) for other in taken):
                return place
    return None


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _area(rectangles: Sequence[Rectangle]) -> int:
    return sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in rectangles)


def _ink(colour: Colour) -> Colour:
    """Black or white, whichever contrasts more (relative luminance of Rec. 709, about linear at the crossing)."""
    luminance = 0.2126 * colour[0] ** 2.2 + 0.7152 * colour[1] ** 2.2 + 0.0722 * colour[2] ** 2.2
    return _BLACK if luminance / 255**2.2 > 0.18 else _WHITE
