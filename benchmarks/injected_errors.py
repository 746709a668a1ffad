"""Label errors of known kinds and places, put into a data set by a seed: what an audit is measured by."""

import dataclasses
from typing import NamedTuple

import numpy as np

from frcnn_keras.data.example import Dataset, Example

SHARES = {"missing": 0.05, "wrong_class": 0.05, "shifted": 0.05, "spurious": 0.02}  # of all objects
SHIFT = 0.3  # of a box's width and height, in a direction by chance
APART = 0.1  # IoU with every object that a false one has at most


class Injected(NamedTuple):
    """One error."""

    kind: str  # of SHARES
    image: int | str  # the example's id
    box: tuple[float, float, float, float]  # as an audit should show it: the true one where missing or shifted
    label: int  # the true one, 1..C; of a spurious object the one that was given
    given: tuple[float, float, float, float] | None  # the box that stands in the labels now; None where missing


class Spoilt(NamedTuple):
    dataset: Dataset
    injected: tuple[Injected, ...]


def spoil(dataset: Dataset, seed: int, shares: dict[str, float] | None = None) -> Spoilt:
    """The data set with errors in its labels, each object with one at most; what is difficult or a crowd stays."""
    shares, draw = shares or SHARES, np.random.default_rng(seed)
    places = [(number, row) for number, example in enumerate(dataset.examples)
              for row in np.flatnonzero(~example.ignored)]
    order, begin, kinds = draw.permutation(len(places)), 0, {}
    for kind in ("missing", "wrong_class", "shifted"):
        count = round(shares[kind] * len(places))
        kinds |= {places[place]: kind for place in order[begin:begin + count]}
        begin += count
    false = np.bincount(draw.integers(0, len(dataset.examples), round(shares["spurious"] * len(places))),
                        minlength=len(dataset.examples))
    sizes = np.concatenate([example.boxes[:, 2:] - example.boxes[:, :2] for example in dataset.examples])  # (G, 2)
    examples: list[Example] = []
    injected: list[Injected] = []
    for number, example in enumerate(dataset.examples):
        own = {int(row): kinds[number, row] for row in range(len(example.boxes)) if (number, row) in kinds}
        spoilt, errors = _spoil_image(example, own, len(dataset.class_names), draw)
        spoilt, added = _add_false(spoilt, example.boxes, int(false[number]), sizes, len(dataset.class_names), draw)
        examples.append(spoilt)
        injected += errors + added
    return Spoilt(dataclasses.replace(dataset, name=f"{dataset.name}, spoilt", examples=tuple(examples)),
                  tuple(injected))


def _spoil_image(example: Example, kinds: dict[int, str], classes: int, draw: np.random.Generator
                 ) -> tuple[Example, list[Injected]]:
    """An image without its dropped objects, classes swapped, boxes shifted."""
    boxes, labels, errors = example.boxes.copy(), example.labels.copy(), []
    kept = np.ones(len(boxes), bool)
    for row, kind in kinds.items():
        true = tuple(map(float, boxes[row]))
        if kind == "missing":
            kept[row] = False
        elif kind == "wrong_class":
            labels[row] = (labels[row] - 1 + draw.integers(1, classes)) % classes + 1 if classes > 1 else labels[row]
        else:
            boxes[row] = _shifted(boxes[row], example.width, example.height, draw)
        errors.append(Injected(kind, example.id, true, int(example.labels[row]),
                               tuple(map(float, boxes[row])) if kept[row] else None))
    return dataclasses.replace(example, boxes=boxes[kept], labels=labels[kept], difficult=example.difficult[kept],
                               crowd=example.crowd[kept]), errors


def _shifted(box: np.ndarray, width: int, height: int, draw: np.random.Generator) -> np.ndarray:
    """A box moved by SHIFT of its size in a direction by chance; one that keeps it in the image, where there is one."""
    size = box[2:] - box[:2]
    for _ in range(20):
        angle = draw.uniform(0, 2 * np.pi)
        moved = box + np.tile(SHIFT * size * (np.cos(angle), np.sin(angle)), 2)
        if moved.min() >= 0 and moved[2] <= width and moved[3] <= height:
            return moved
    return np.clip(moved, 0, (width, height, width, height))


def _add_false(example: Example, true: np.ndarray, count: int, sizes: np.ndarray, classes: int,
               draw: np.random.Generator) -> tuple[Example, list[Injected]]:
    """An image with objects where none is, of other objects' sizes. Fewer where there is no room."""
    boxes, errors = [], []
    for _ in range(50 * count):
        if len(boxes) == count:
            break
        wide, high = np.minimum(sizes[draw.integers(len(sizes))], (example.width - 1, example.height - 1))
        x, y = draw.uniform(0, example.width - wide), draw.uniform(0, example.height - high)
        box = np.array((x, y, x + wide, y + high), np.float32)
        if all(_iou(box, other) <= APART for other in (*true, *example.boxes, *boxes)):
            boxes.append(box)
            edges = tuple(map(float, box))
            errors.append(Injected("spurious", example.id, edges, int(draw.integers(1, classes + 1)), edges))
    if not boxes:
        return example, []
    more = np.zeros(len(boxes), bool)
    return dataclasses.replace(
        example, boxes=np.concatenate([example.boxes, boxes]).astype(np.float32),
        labels=np.concatenate([example.labels, [error.label for error in errors]]).astype(np.int32),
        difficult=np.concatenate([example.difficult, more]), crowd=np.concatenate([example.crowd, more])), errors


def _iou(box: np.ndarray, other: np.ndarray) -> float:
    wide, high = np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2])
    shared = max(0.0, wide) * max(0.0, high)
    return shared / ((box[2] - box[0]) * (box[3] - box[1]) + (other[2] - other[0]) * (other[3] - other[1]) - shared)
