"""Which images of a prep folder show the same, told from their cached features: the pictures need not be at hand.

A picture's features, averaged over 4 x 4 fields and less the mean of all pictures', are compared by their correlation,
with those of the others and of their mirror images. Of BCCD with MobileNetV2 a picture saved anew as JPEG of quality 75
has 1.00 with itself, made 15 % brighter .86 to .91, at half the size .78 to .87; the two most alike of its 292 images
.69, the median image with its next .38 (without taking the mean off: .80 and .57).
"""

from collections.abc import Iterator

import numpy as np

from frcnn_keras.data.batches import feature_maps
from frcnn_keras.data.example import Example
from frcnn_keras.data.prepared import Prepared
from frcnn_keras.progress import tracked
from frcnn_keras.training.rcnn_stage import back_of, example_of

ALIKE = 0.9  # correlation
_FIELDS, _ROWS = 4, 1000  # of a map, a side; images compared with all others at a time


def look(maps: np.ndarray) -> np.ndarray:
    """(h, w, C) -> (16 C,) float32: the means of 4 x 4 fields, which may share cells where the map is small."""
    rows, columns = (_fields(side) for side in maps.shape[:2])
    return np.concatenate([maps[top:bottom, left:right].mean(axis=(0, 1), dtype=np.float32)
                           for top, bottom in rows for left, right in columns])


def _fields(side: int) -> list[tuple[int, int]]:
    """Begin and end of each."""
    return [(side * number // _FIELDS, max(side * number // _FIELDS + 1, side * (number + 1) // _FIELDS))
            for number in range(_FIELDS)]


def alike(looks: np.ndarray, mirrored: np.ndarray | None = None) -> Iterator[tuple[int, int]]:
    """Pairs (i, j), i < j, of images that show the same. looks: (I, D); mirrored: likewise, of their mirror images."""
    middle = looks.mean(axis=0)
    sides = [_normalised(looks - middle)]
    if mirrored is not None:
        sides.append(_normalised(mirrored - mirrored.mean(axis=0)))
    for start in range(0, len(looks), _ROWS):
        rows = sides[0][start:start + _ROWS]
        near = np.zeros((len(rows), len(looks)), bool)
        for side in sides:
            near |= rows @ side.T >= ALIKE
        for row, column in zip(*np.nonzero(near), strict=True):
            if start + row < column:
                yield int(start + row), int(column)


def _normalised(looks: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(looks, axis=1, keepdims=True)
    return np.divide(looks, lengths, out=np.zeros_like(looks), where=lengths > 0)


def read_looks(prepared: Prepared) -> tuple[list[Example], np.ndarray, np.ndarray | None]:
    """Objects of every image, in pixels of the original; its look, and its mirror image's (None where there are none).
    Each record is read once."""
    examples: list[Example] = []
    looks: tuple[list, list] = ([], [])
    for record in tracked(feature_maps(prepared), "crossval: reading", len(prepared.feature_spans), "images"):
        mirror = int(record["mirror"])
        looks[mirror].append(look(record["maps"][-1][0].numpy()))
        if not mirror:
            examples.append(example_of(record, back_of(record)))
    return examples, np.stack(looks[0]), np.stack(looks[1]) if looks[1] else None
