"""Where labels stand: at their boxes, over no other label, and over so little of other objects that these are seen."""

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from frcnn_keras.pictures.lettering import shorten, text_width

Rectangle = tuple[int, int, int, int]  # first column and row, last column and row + 1

SMALLEST = 7  # pixels of a capital letter: the least that can be read
_AREA = 0.2  # of the picture that labels may take before they shrink
_MOST_AREA = 0.4  # and at all: on a small picture with many boxes the best scored have them
_HIDDEN = 0.3  # of an object that labels may cover, its own counted too
_BENEATH = 3  # other boxes that a label may lie over
_FEW = 6  # capitals' heights that a name is shortened to at most


class Label(NamedTuple):
    """A text and its ground."""

    place: Rectangle
    text: str
    text_height: int


def lay_out(boxes: Sequence[Rectangle | None], wordings: Sequence[Sequence[str]], image_size: tuple[int, int],
            text_height: int, smallest: int) -> list[Label | None]:
    """The label of each box, or None where there is no room for it; those that come first have the choice.

    Where all labels together would take too much of the picture, all are shrunk. Then each one stands above its box,
    below it or inside, at its left or right edge, wherever it first covers no other label, hides no object and lies
    over few others; if nowhere, it shrinks, then leaves out the score, then shortens the name, then goes.

    Args:
        boxes: as the pixels of the picture that they cover; None is not drawn.
        wordings: what each label may say, the fullest first.
        image_size: width and height.
        text_height: of a capital letter, and `smallest` that it may shrink to.
    """
    text_height = _crowded(boxes, wordings, image_size, text_height, min(smallest, text_height))
    ground = _Ground(np.array([box or (0, 0, 0, 0) for box in boxes], np.int64).reshape(-1, 4))
    labels: list[Label | None] = []
    for number, (box, texts) in enumerate(zip(boxes, wordings, strict=True)):
        label = None
        if box is not None and ground.taken < _MOST_AREA * image_size[0] * image_size[1]:
            label = next((one for one in _choices(box, texts, image_size, text_height, min(smallest, text_height))
                          if ground.is_free(one.place, number)), None)
        if label is not None:
            ground.take(label.place)
        labels.append(label)
    return labels


def padding(text_height: int) -> int:
    """Pixels between a text and the edge of its ground."""
    return max(1, text_height // 4)


def _crowded(boxes: Sequence[Rectangle | None], wordings: Sequence[Sequence[str]], image_size: tuple[int, int],
             text_height: int, smallest: int) -> int:
    """The largest text height, in steps of a fifth, at which all labels are no more than their share of the picture."""
    shown = [texts[0] for box, texts in zip(boxes, wordings, strict=True) if box is not None]
    counts = {text: shown.count(text) for text in set(shown)}
    while text_height > smallest:
        area = 0
        for text, count in counts.items():
            width, height = _size(text, text_height)
            area += count * width * height
        if area <= _AREA * image_size[0] * image_size[1]:
            break
        text_height = max(smallest, text_height * 4 // 5)
    return text_height


@functools.lru_cache(2048)
def _size(text: str, text_height: int) -> tuple[int, int]:
    """Width and height of a label's ground: room for what hangs below the line too."""
    pad = padding(text_height)
    return text_width(text, text_height) + 2 * pad, text_height + text_height // 3 + 2 * pad


def _choices(box: Rectangle, texts: Sequence[str], image_size: tuple[int, int], text_height: int,
             smallest: int) -> Iterator[Label]:
    """Every label that a box may have, the best first, all inside the picture."""
    heights = dict.fromkeys((text_height, smallest))
    for text in texts:
        for height in heights:
            yield from _places(box, text, image_size, height)
    for height in heights:
        room = image_size[0] - 2 * padding(height)
        for width in dict.fromkeys((room, min(room, max(box[2] - box[0] - 2 * padding(height), _FEW * height)))):
            yield from _places(box, shorten(texts[-1], width, height), image_size, height)


def _places(box: Rectangle, text: str, image_size: tuple[int, int], text_height: int) -> Iterator[Label]:
    """At a box's corners: above, below, inside."""
    (x1, y1, x2, y2), (width, height) = box, _size(text, text_height)
    if not text or width > image_size[0]:
        return
    for y in (y1 - height, y2, y1, y2 - height):
        for x in dict.fromkeys((x1, x2 - width)):
            x = min(max(x, 0), image_size[0] - width)
            if 0 <= y <= image_size[1] - height:
                yield Label((x, y, x + width, y + height), text, text_height)


class _Ground:
    """The picture while it fills."""

    def __init__(self, boxes: np.ndarray):
        """boxes: (M, 4); one without area is not there."""
        self.boxes = boxes
        self.areas = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1)
        self.covered = np.zeros(len(boxes), np.int64)  # pixels of each box below labels
        self.labels = np.zeros((0, 4), np.int64)
        self.taken = 0  # pixels below labels

    def is_free(self, place: Rectangle, number: int) -> bool:
        """Whether the label of that box may stand there."""
        if _shared(self.labels, place).any():
            return False
        covered = _shared(self.boxes, place)
        beneath = np.count_nonzero(covered) - (covered[number] > 0)
        return bool(beneath <= _BENEATH and (self.covered + covered <= _HIDDEN * self.areas)[covered > 0].all())

    def take(self, place: Rectangle) -> None:
        """A label stands there from now on."""
        self.covered += _shared(self.boxes, place)
        self.labels = np.concatenate([self.labels, [place]])
        self.taken += (place[2] - place[0]) * (place[3] - place[1])


def _shared(rectangles: np.ndarray, place: Rectangle) -> np.ndarray:
    """Pixels that each of the rectangles (M, 4) shares with one."""
    sides = np.minimum(rectangles[:, 2:], place[2:]) - np.maximum(rectangles[:, :2], place[:2])
    return np.maximum(sides, 0).prod(axis=1)
