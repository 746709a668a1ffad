"""The built-in data set: circles, crosses, squares and triangles, drawn on demand, with boxes exact to the pixel."""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from frcnn_keras.data.example import Dataset, Example
from frcnn_keras.settings.ranges import SEED, SIDE, require

CLASS_NAMES = ("circle", "cross", "square", "triangle")
EMPTY_SHARE = 0.05  # of the images have no object: a detector must learn that, too
SMALLEST, LARGEST = 28, 140  # pixels across before rotation
MOST_OBJECTS = 5
OVERLAP = 0.15  # at most, intersection over the smaller box: keeps every object's visible part whole enough
CONTRAST = 70  # smallest distance of an object's colour from the background's mean, of 441


class Shape(NamedTuple):
    label: int  # 1..C
    outline: np.ndarray  # (P, 2) float64 x, y in pixels
    box: tuple[float, float, float, float]  # of the whole outline; the mask decides the exact one


def shapes_dataset(count: int, seed: int = 0, height: int = 240, width: int = 320) -> Dataset:
    """`count` images of 0 to 5 objects of 28 to 140 pixels (smaller in smaller images); nothing is written to disk.

    Image i depends on (seed, i) alone. Boxes are those of each object's visible pixels: x1 the first, x2 the last + 1.
    Raises InputError for a number out of its range.
    """
    require("count", count, int, least=0, most=10**7)
    require("seed", seed, int, least=0, most=SEED)
    for name, side in (("height", height), ("width", width)):
        require(name, side, int, least=1, most=SIDE)
    examples = []
    for index in range(count):
        shapes = _layout(_generator(seed, index), height, width)
        boxes = _visible_boxes(_owners(shapes, height, width), len(shapes))  # (G, 4)
        examples.append(Example(
            id=f"shapes_{seed}_{index:06d}", file=f"shapes image {index}",
            read=functools.partial(draw_png, seed, index, height, width), height=height, width=width, boxes=boxes,
            labels=np.array([shape.label for shape in shapes], np.int32),
            difficult=np.zeros(len(shapes), bool), crowd=np.zeros(len(shapes), bool),
        ))
    ids = tuple(range(1, len(CLASS_NAMES) + 1))
    return Dataset(f"shapes (seed {seed})", CLASS_NAMES, ids, tuple(examples), ())


def draw_image(seed: int, index: int, height: int = 240, width: int = 320) -> np.ndarray:
    """(height, width, 3) uint8 RGB: image `index` of the data set of that seed."""
    generator = _generator(seed, index)
    return _paint(generator, _layout(generator, height, width), height, width)


def draw_png(seed: int, index: int, height: int = 240, width: int = 320) -> bytes:
    """`draw_image` as a PNG; what `Example.read` calls."""
    image = draw_image(seed, index, height, width)
    # Run-length coding: on noise a third of the time of the default, at the same size.
    return cv2.imencode(".png", image[..., ::-1], [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE])[1].tobytes()


def draw_crop(seed: int, index: int, size: int = 64) -> tuple[np.ndarray, int]:
    """((size, size, 3) uint8 RGB, class 0..C), classes equally often: for pretraining a classifier.

    Class c > 0 is one object of that class about the middle, often with a part of another at the edge; class 0 is
    background: texture and lines, and at most such a part. Crop `index` depends on (seed, index) alone, and shares no
    draw with the images of the same seed.
    """
    generator = _generator(seed, index, 1)
    label = int(generator.integers(0, len(CLASS_NAMES) + 1))
    shapes = []
    if generator.random() < 0.5:  # what looks in from the side
        angle, away = generator.uniform(0, 2 * math.pi), generator.uniform(0.62, 0.72) * size
        centre = size / 2 + away * np.array([math.cos(angle), math.sin(angle)])
        shapes.append(_shape(generator, int(generator.integers(1, 5)), centre, generator.uniform(0.3, 0.7) * size))
    if label:
        centre = size / 2 + generator.uniform(-0.12, 0.12, 2) * size
        shapes.append(_shape(generator, label, centre, generator.uniform(0.5, 0.95) * size))
    return _paint(generator, shapes, size, size), label


def _generator(*words: int) -> np.random.Generator:
    return np.random.default_rng(words)


def _shape(generator: np.random.Generator, label: int, centre: Sequence[float], size: float) -> Shape:
    """A shape `size` across about its centre, turned by any angle."""
    kind = CLASS_NAMES[label - 1]
    if kind == "circle":
        angles = np.linspace(0, 2 * math.pi, 48, endpoint=False)
        points = np.stack([np.cos(angles), np.sin(angles)], axis=1) / 2  # (48, 2)
    elif kind == "square":
        points = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * 0.4
    elif kind == "triangle":
        points = np.array([(0, -0.55), (0.5, 0.35), (-0.5, 0.35)])
    else:
        a, b = 0.5, generator.uniform(0.12, 0.2)
        points = np.array([(-b, -a), (b, -a), (b, -b), (a, -b), (a, b), (b, b),
                           (b, a), (-b, a), (-b, b), (-a, b), (-a, -b), (-b, -b)])
    turn = generator.uniform(0, 2 * math.pi)
    rotation = np.array([(math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))])
    outline = points @ rotation * size + np.asarray(centre)  # (P, 2)
    return Shape(label, outline, (*outline.min(axis=0), *outline.max(axis=0)))


def _layout(generator: np.random.Generator, height: int, width: int) -> list[Shape]:
    """The objects of one image, wholly inside it, their boxes overlapping little."""
    if generator.random() < EMPTY_SHARE:
        return []
    wanted = int(generator.integers(1, MOST_OBJECTS + 1))
    largest = min(LARGEST, 0.6 * min(height, width))
    shapes: list[Shape] = []
    for _ in range(8 * wanted):  # a crowded image may end with fewer than wanted
        label = int(generator.integers(1, len(CLASS_NAMES) + 1))
        size = math.exp(generator.uniform(math.log(min(SMALLEST, largest)), math.log(largest)))
        shape = _shape(generator, label, (0.0, 0.0), size)
        left, top = 1 - shape.box[0], 1 - shape.box[1]  # one pixel from the edge: masks round to the nearest pixel
        right, bottom = width - 2 - shape.box[2], height - 2 - shape.box[3]
        offset = generator.uniform((left, top), (max(left, right), max(top, bottom)))
        shape = Shape(label, shape.outline + offset, tuple(np.add(shape.box, (*offset, *offset))))
        if all(_overlap(shape.box, other.box) <= OVERLAP for other in shapes):
            shapes.append(shape)
        if len(shapes) == wanted:
            break
    return shapes


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over the smaller of two boxes: bounds how much of either the other can hide."""
    wide = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    high = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    return wide * high / min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))


def _owners(shapes: Sequence[Shape], height: int, width: int) -> np.ndarray:
    """(height, width) uint8: which object is seen at each pixel, 1..G, 0 for none; later ones lie on top."""
    owners = np.zeros((height, width), np.uint8)
    for number, shape in enumerate(shapes, start=1):
        cv2.fillPoly(owners, [np.rint(shape.outline * 16).astype(np.int32)], number, shift=4)  # 1/16 pixel
    return owners


def _visible_boxes(owners: np.ndarray, count: int) -> np.ndarray:
    """(count, 4) float32: the extent of each object's visible pixels."""
    boxes = np.zeros((count, 4), np.float32)
    for number in range(1, count + 1):
        x, y, w, h = cv2.boundingRect((owners == number).view(np.uint8))
        boxes[number - 1] = x, y, x + w, y + h
    return boxes


def _paint(generator: np.random.Generator, shapes: Sequence[Shape], height: int, width: int) -> np.ndarray:
    """(height, width, 3) uint8: background, distracting lines, objects, noise over all."""
    image = _background(generator, height, width)
    mean = image.reshape(-1, 3).mean(axis=0)
    for _ in range(generator.integers(0, 5)):
        ends = generator.integers(0, (width, height), (2, 2)).tolist()
        colour = generator.integers(0, 256, 3).tolist()
        cv2.line(image, ends[0], ends[1], colour, int(generator.integers(1, 4)), cv2.LINE_AA)
    owners = _owners(shapes, height, width)
    for number, shape in enumerate(shapes, start=1):
        _paint_shape(generator, image, owners, number, shape, mean)
    amplitude = int(generator.integers(1, 13))
    noise = generator.integers(0, 2 * amplitude + 1, image.shape, np.uint8)
    # Saturating: added, then the mean of the noise taken off again.
    return cv2.subtract(cv2.add(image, noise), np.full_like(image, amplitude))


def _paint_shape(generator: np.random.Generator, image: np.ndarray, owners: np.ndarray, number: int, shape: Shape,
                 mean: np.ndarray) -> None:
    """Fills an object's visible pixels, as a rule with an inner edge of another colour; never a pixel outside them."""
    x1, y1 = max(0, math.floor(shape.box[0]) - 1), max(0, math.floor(shape.box[1]) - 1)
    x2, y2 = max(0, math.ceil(shape.box[2]) + 2), max(0, math.ceil(shape.box[3]) + 2)
    window, mask = image[y1:y2, x1:x2], (owners[y1:y2, x1:x2] == number).view(np.uint8)
    if not mask.size:
        return
    fill, edge = _colour(generator, mean), _colour(generator, mean)
    style = generator.random()
    if style < 0.25:  # filled alone
        edge = fill
    inner = mask
    if style >= 0.1:
        thickness = 2 * int(generator.integers(1, 4)) + 1
        inner = cv2.erode(mask, np.ones((thickness, thickness), np.uint8), borderType=cv2.BORDER_REPLICATE)
    window[mask > inner] = edge
    if style < 0.85:  # the others are rings: the background shows through
        window[inner > 0] = fill


def _colour(generator: np.random.Generator, mean: np.ndarray) -> np.ndarray:
    """(3,) a colour that stands out from the mean of the background."""
    colours = generator.integers(0, 256, (8, 3))
    distances = np.linalg.norm(colours - mean, axis=1)  # (8,)
    return colours[np.argmax(distances > CONTRAST)] if (distances > CONTRAST).any() else colours[np.argmax(distances)]


def _background(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
    """(height, width, 3) uint8: a plain colour, a gradient, coloured clouds or stripes."""
    kind, base = int(generator.integers(0, 4)), generator.integers(30, 226, 3)
    if kind == 0:
        return np.full((height, width, 3), base, np.uint8)
    if kind == 1:
        corners = np.clip(base + generator.integers(-60, 61, (2, 2, 3)), 0, 255)
        return cv2.resize(corners.astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    if kind == 2:
        cells = int(generator.integers(4, 25))
        clouds = np.clip(base + generator.integers(-40, 41, (cells, cells, 3)), 0, 255)
        return cv2.resize(clouds.astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    angle, period = generator.uniform(0, math.pi), generator.uniform(6, 40)
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    wave = np.sin((x * math.cos(angle) + y * math.sin(angle)) * np.float32(2 * math.pi / period))  # (height, width)
    stripes = np.clip(base + generator.uniform(8, 30) * wave[..., None], 0, 255)
    return stripes.astype(np.uint8)
