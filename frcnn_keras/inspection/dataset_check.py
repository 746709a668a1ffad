"""What can be said about a data set before anything is trained on it: damage, duplicates, counts, sizes, anchors."""

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from frcnn_keras.data.decoding import decode
from frcnn_keras.data.example import Dataset, Example, Problem
from frcnn_keras.errors import InputError
from frcnn_keras.inspection import anchor_reach
from frcnn_keras.ops.images import resized_size
from frcnn_keras.progress import Progress, ahead, say
from frcnn_keras.readers.validation import settle

PERCENTILES = (0, 5, 50, 95, 100)


@dataclasses.dataclass(frozen=True)
class Objects:
    """The objects that train, of a whole data set, as the stages see them: in resized images."""

    boxes: np.ndarray  # (G, 4) float32
    labels: np.ndarray  # (G,) int64
    image_sizes: np.ndarray  # (G, 2) int64: height, width of the image each is in

    @property
    def sides(self) -> np.ndarray:
        """(G,) root of the area, what an anchor's size is."""
        return np.sqrt(np.prod(self.boxes[:, 2:] - self.boxes[:, :2], axis=1))


def decode_images(dataset: Dataset) -> Dataset:
    """Reads and decodes every image once, a few at a time.

    Returns:
        The data set without the images that cannot be decoded, which are fatal problems now. Images that are the same
        to the byte, and those of another size than their header says, are problems that are not fatal.
    """
    good, problems, same = [], list(dataset.problems), defaultdict(list)
    with Progress("decode", len(dataset.examples), "images") as bar:
        for example, (digest, problem) in zip(dataset.examples, ahead(_decode, dataset.examples), strict=True):
            bar.advance()
            if problem is not None:
                problems.append(problem)
            if problem is None or not problem.stops:
                good.append(example)
                same[digest].append(example)
    for first, *others in same.values():
        if others:
            rest = f" and of {len(others) - 3} more" if len(others) > 3 else ""
            files = ", ".join(other.file for other in others[:3]) + rest
            problems.append(Problem(first.file, f"its image is the same, to the byte, as that of {files}", fatal=False))
    return dataclasses.replace(dataset, examples=tuple(good), problems=tuple(problems))


def scorable(dataset: Dataset, skip_bad: bool) -> Dataset:
    """The settled data set to detect in. skip_bad: without the images that cannot be decoded, which are said."""
    if not skip_bad:
        return settle(dataset)
    known = set(map(str, dataset.problems))
    found = settle(decode_images(dataset), True)
    for problem in found.problems:
        if str(problem) not in known:
            say(f"note: {problem}")
    return found


def _decode(example: Example) -> tuple[bytes, Problem | None]:
    """The hash of the encoded image, and what is wrong with it."""
    try:
        encoded = example.read()
        size = tuple(decode(encoded, "").shape[:2])
    except InputError as error:
        return b"", Problem(example.file, str(error).removeprefix(": "))
    problem = None
    if size != (example.height, example.width):
        problem = Problem(example.file, f"its image decodes to {size[1]} x {size[0]} pixels, its header says "
                                        f"{example.width} x {example.height}; write it anew", fatal=False)
    return hashlib.sha256(encoded).digest(), problem


def what_stops(dataset: Dataset, skip_bad: bool = False) -> list[str]:
    """Why prep would not start with this data set, as `validation.settle` decides it; empty where it would."""
    fatal = sum(problem.stops for problem in dataset.problems)
    reasons = []
    if fatal and not skip_bad:
        reasons.append(f"{fatal} fatal problem{'s' if fatal > 1 else ''}; correct them, or leave such items out with "
                       "--skip-bad")
    try:
        settle(dataclasses.replace(dataset, problems=()))
    except InputError as error:
        reasons.append(str(error))
    return reasons


def class_counts(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Of each class: objects that train, images that have one, and difficult and crowd objects, which stand apart."""
    examples, classes = dataset.examples, len(dataset.class_names)
    # (G,) of all images together
    labels = np.concatenate([np.zeros(0, np.int64), *(example.labels for example in examples)])
    difficult = np.concatenate([np.zeros(0, bool), *(example.difficult for example in examples)])
    crowd = np.concatenate([np.zeros(0, bool), *(example.crowd for example in examples)])
    image = np.repeat(np.arange(len(examples)), np.array([len(example.labels) for example in examples], np.int64))
    trains = ~(difficult | crowd)
    pairs = np.unique(labels[trains] + (classes + 1) * image[trains])  # a class in an image, once
    columns = {"objects": labels[trains], "images": pairs % (classes + 1), "difficult": labels[difficult],
               "crowd": labels[crowd]}
    counts = {name: np.bincount(values, minlength=classes + 1) for name, values in columns.items()}
    return {name: {column: int(values[label]) for column, values in counts.items()}
            for label, name in enumerate(dataset.class_names, start=1)}


def resized_objects(dataset: Dataset, shorter: int, longer: int) -> Objects:
    """The data set's objects that train, in images resized by the rule of `ops.images.resized_size`."""
    boxes, labels, sizes = [np.zeros((0, 4))], [np.zeros(0, np.int64)], [np.zeros((0, 2), np.int64)]
    for example in dataset.examples:
        height, width = resized_size(example.height, example.width, shorter, longer)
        part = ~example.ignored
        boxes.append(example.boxes[part] * np.array([width / example.width, height / example.height] * 2, np.float32))
        labels.append(example.labels[part])
        sizes.append(np.tile((height, width), (part.sum(), 1)))
    return Objects(np.concatenate(boxes).astype(np.float32), np.concatenate(labels), np.concatenate(sizes))


def size_percentiles(objects: Objects, label: int) -> dict[str, dict[str, float]]:
    """PERCENTILES of a class's object sizes (root of the area) and shorter sides, in pixels; NaN without objects."""
    mine = objects.labels == label
    shorter = (objects.boxes[:, 2:] - objects.boxes[:, :2]).min(axis=1)
    return {name: {f"p{at}": float(value) for at, value in zip(PERCENTILES, _percentiles(values[mine]), strict=True)}
            for name, values in (("size", objects.sides), ("shorter_side", shorter))}


def _percentiles(values: np.ndarray) -> np.ndarray:
    return np.percentile(values, PERCENTILES) if values.size else np.full(len(PERCENTILES), np.nan)


def anchor_report(objects: Objects, class_names: Sequence[str], sizes: Sequence[float], ratios: Sequence[float],
                  stride: float, offset: float) -> dict:
    """How many objects the anchors reach, and which sizes would serve better.

    Returns:
        {"reach": {"all" or class: [share at IoU 0.5, at 0.7]}, "unreached": objects that overlap no anchor inside the
        image, "suggested_sizes": sizes or None where the given ones serve, "suggested_reach": as "reach"}.
    """
    if not len(objects.labels):
        return {"reach": {}, "unreached": 0, "suggested_sizes": None, "suggested_reach": None}
    tried = anchor_reach.sizes_to_try(objects.sides, sizes)
    best = anchor_reach.best_overlaps(objects.boxes, objects.image_sizes, tried, ratios, stride, offset)

    def reach(chosen):
        top = best[:, [tried.index(size) for size in chosen]].max(axis=1)
        rows = anchor_reach.shares(top, objects.labels, len(class_names))
        everything = anchor_reach.shares(top, np.ones_like(objects.labels), 1)[0]
        return top, {"all": everything.tolist()} | dict(zip(class_names, rows.tolist(), strict=True))

    top, now = reach(sizes)
    better = anchor_reach.suggest(best, tried, sizes, objects.labels)
    changed = set(better) != set(sizes)
    return {"reach": now, "unreached": int((top == 0).sum()), "suggested_sizes": better if changed else None,
            "suggested_reach": reach(better)[1] if changed else None}


def representative(dataset: Dataset, count: int) -> list[Example]:
    """`count` images for a contact sheet: one of each class, the rarest first, the others spread over the data set."""
    examples, first = dataset.examples, {}  # of each label: the first image that has it
    for index, example in enumerate(examples):
        for label in example.labels.tolist():
            first.setdefault(label, index)
    objects = [row["objects"] for row in class_counts(dataset).values()]
    chosen, shown = [], set()
    for label in sorted(first, key=lambda label: objects[label - 1]):
        if label not in shown:
            chosen.append(first[label])
            shown.update(examples[first[label]].labels.tolist())
    spread = np.linspace(0, len(examples) - 1, min(count, len(examples))).round().astype(int).tolist()
    chosen = list(dict.fromkeys([*chosen, *spread, *range(min(count, len(examples)))]))[:count]
    return [examples[index] for index in sorted(chosen)]
