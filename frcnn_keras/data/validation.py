"""Which boxes, objects and data sets are good enough to work with. Every reader builds its Dataset through here."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from frcnn_keras.data.example import Dataset, Example, Problem
from frcnn_keras.data.image_header import ImageHeader, inspect_image
from frcnn_keras.errors import InputError, command

SMALLEST_SIDE = 2.0  # pixels of the stored image; smaller objects neither train nor count
ROUNDING = 0.01  # pixels by which a box may reach over the edge unreported: annotations are rounded to 2 decimals
BACKGROUND_NAMES = ("background", "__background__")


class RawObject(NamedTuple):
    """An object as an annotation file has it; its box made x1, y1, x2, y2 with continuous edges, else unchecked."""

    name: str  # of its class
    box: Sequence[float]  # pixels of the stored image
    item: str  # what messages call it: "object 3 (RBC)", "line 17"
    difficult: bool = False
    crowd: bool = False


class CheckedBoxes(NamedTuple):
    boxes: np.ndarray  # (K, 4) float32, inside the image
    kept: np.ndarray  # (K,) int64: which of the boxes given these are
    clipped: np.ndarray  # int64: which of the boxes given were kept and clipped
    problems: list[Problem]


def check_boxes(boxes, height: int, width: int, file: str, items: Sequence[str]) -> CheckedBoxes:
    """Sorts the good boxes of one image from the bad.

    boxes: (G, 4) x1, y1, x2, y2 in pixels, of any values; items: G names for messages. Fatal problems: coordinates
    that are no finite numbers, x2 <= x1 or y2 <= y1, a box wholly outside the image. Boxes that reach over the edge
    are clipped; those then under 2 pixels a side are left out with a problem that is not fatal.
    """
    raw = np.asarray(boxes, np.float64).reshape(-1, 4)  # (G, 4)
    limit = np.array([width, height, width, height], np.float64)
    with np.errstate(invalid="ignore"):  # NaN compares false; such boxes are refused first
        inside = np.clip(raw, 0.0, limit)
        sides = np.minimum(inside[:, 2] - inside[:, 0], inside[:, 3] - inside[:, 1])  # (G,)
        infinite = ~np.isfinite(raw).all(axis=1)
        inverted = ~infinite & ((raw[:, 2] <= raw[:, 0]) | (raw[:, 3] <= raw[:, 1]))
        outside = ~infinite & ~inverted & (sides <= 0)
        small = ~infinite & ~inverted & ~outside & (sides < SMALLEST_SIDE)
        over = (np.abs(raw - inside) > ROUNDING).any(axis=1)
    problems = []
    for index in np.flatnonzero(infinite | inverted | outside | small):
        corners = "x1 {:g}, y1 {:g}, x2 {:g}, y2 {:g}".format(*raw[index])
        if infinite[index]:
            message = f"the box has a coordinate that is no finite number ({corners}); correct or remove it"
        elif inverted[index]:
            message = f"the box has no area ({corners}): x2 > x1 and y2 > y1 are needed; correct or remove it"
        elif outside[index]:
            message = f"the box ({corners}) lies wholly outside the image of {width} x {height}; correct or remove it"
        else:
            w, h = inside[index, 2:] - inside[index, :2]
            message = f"{w:g} x {h:g} pixels is under {SMALLEST_SIDE:g} pixels a side; left out"
        problems.append(Problem(file, message, items[index], fatal=not small[index]))
    good = ~(infinite | inverted | outside | small)
    kept = np.flatnonzero(good)
    return CheckedBoxes(inside[kept].astype(np.float32), kept, np.flatnonzero(good & over), problems)


def resolve_classes(found: Iterable[str], class_names: Sequence[str] | None) -> tuple[str, ...]:
    """The classes of a data set: those asked for, else those found, in the order given, without background names."""
    if class_names is None:
        return tuple(dict.fromkeys(name for name in found if name and not is_background(name)))
    names = tuple(class_names)
    if not names or not all(names) or len(set(names)) != len(names):
        raise InputError(f"class names must be given, each once and none empty; received: {', '.join(names) or 'none'}")
    for name in names:
        if is_background(name):
            raise InputError(f"{name!r} cannot be a class: label 0 is the background's already; leave it out")
    return names


def is_background(name: str) -> bool:
    return name.strip().lower() in BACKGROUND_NAMES


class Assembly:
    """Collects what a reader finds, image by image, and makes the Dataset of it."""

    def __init__(self, name: str, class_names: Sequence[str], scale_boxes: bool = False):
        self.name = name
        self.class_names = tuple(class_names)
        self._labels = {name: label for label, name in enumerate(self.class_names, start=1)}
        self._examples: list[Example] = []
        self._ids: dict[int | str, str] = {}
        self._problems: list[Problem] = []
        self._clipped: list[tuple[str, int]] = []  # of each image with clipped boxes: the first of them, their number

    def report(self, file, message: str, item: str = "", fatal: bool = True) -> None:
        self._problems.append(Problem(str(file), message, item, fatal))

    def add(self, id: int | str, file, read: Callable[[], bytes], header: ImageHeader, objects: Sequence[RawObject], *,
            path="", stated: tuple[int, int] = (0, 0), annotated_in=None, fractions: bool = False) -> None:
        """One image with its objects, those checked here.

        file: what messages call it. path: the file that holds the picture; empty where none does. stated: the (height,
        width) that the annotation says, (0, 0) where it says none. annotated_in: the file that objects' problems name.
        fractions: whether the objects' boxes are fractions of the picture, else they are pixels.
        """
        source = str(annotated_in or file)
        self.compare_size(source, stated, header.size)
        size = header.size
        if fractions:
            scale = np.array([size[1], size[0], size[1], size[0]])
            objects = [raw._replace(box=tuple(np.asarray(raw.box) * scale)) for raw in objects]
        if id in self._ids:
            self.report(source, f"the image id {id!r} stands for {self._ids[id]} already; ids must be unique")
            return
        self._ids[id] = str(file)
        known = [raw for raw in objects if self._knows(raw, source)]
        checked = check_boxes([raw.box for raw in known], *size, source, [raw.item for raw in known])
        self._problems += checked.problems
        if checked.clipped.size:
            self._clipped.append((f"{source} {known[checked.clipped[0]].item}", checked.clipped.size))
        kept = [known[index] for index in checked.kept]
        self._examples.append(Example(
            id=id, file=str(file), read=read, path=str(path), height=size[0], width=size[1],
            boxes=checked.boxes,
            labels=np.array([self._labels[raw.name] for raw in kept], np.int32),
            difficult=np.array([raw.difficult for raw in kept], bool),
            crowd=np.array([raw.crowd for raw in kept], bool),
        ))

    def header_of(self, image) -> ImageHeader | None:
        """The header of an image file; None where it is bad, which is reported."""
        try:
            return inspect_image(image)
        except InputError as error:
            self.report(image, str(error))
            return None

    def compare_size(self, file, stated: tuple[int, int], size: tuple[int, int]) -> None:
        """Reports a size in the annotations, (0, 0) where there is none, that is not the image's (height, width)."""
        if 0 in stated or stated == size:
            return
        hint = "; EXIF orientation is not applied" if stated == size[::-1] else ""
        self.report(file, f"the annotation says {stated[1]} x {stated[0]}, the image has {size[1]} x {size[0]} pixels"
                          f"{hint}; the image's size is used", fatal=False)

    def finish(self, category_ids: Sequence[int] | None = None) -> Dataset:
        """The Dataset; category_ids of the classes in COCO results, 1..C unless given."""
        problems = list(self._problems)
        if self._clipped:
            count = sum(number for _, number in self._clipped)
            boxes = "1 box" if count == 1 else f"{count} boxes"
            images = "1 image" if len(self._clipped) == 1 else f"{len(self._clipped)} images"
            verbs = ("reaches", "was") if count == 1 else ("reach", "were")
            message = f"{boxes} in {images} {verbs[0]} over the image's edge and {verbs[1]} clipped"
            problems.append(Problem(self.name, f"{message}, first: {self._clipped[0][0]}", fatal=False))
        ids = tuple(category_ids or range(1, len(self.class_names) + 1))
        return Dataset(self.name, self.class_names, ids, tuple(self._examples), tuple(problems))

    def _knows(self, raw: RawObject, source: str) -> bool:
        """Whether an object's class is one of the data set's; reports it where not."""
        if raw.name in self._labels:
            return True
        if not raw.name:
            self.report(source, "the object has no class name; give it one or remove it", raw.item)
        elif is_background(raw.name):
            self.report(source, f"{raw.name!r} cannot be a class: label 0 is the background's; remove it", raw.item)
        else:
            classes = ", ".join(self.class_names)
            self.report(source, f"unknown class {raw.name!r}; the classes are {classes}", raw.item)
        return False


def settle(dataset: Dataset, skip_bad: bool = False) -> Dataset:
    """The data set to work with. Bad items are left out of it already; this decides whether that is accepted.

    Raises InputError for the first fatal problem unless skip_bad, under which fatal problems become remarks; and for a
    data set without images, or without a single object that could train.
    """
    fatal = [problem for problem in dataset.problems if problem.fatal]
    if fatal and not skip_bad:
        rest = f" (and {len(fatal) - 1} more; `{command('check')} ...` lists them)" if len(fatal) > 1 else ""
        raise InputError(f"{fatal[0]}{rest}")
    left = f" that could be used ({len(fatal)} problems: {fatal[0]})" if fatal else ""
    if not dataset.examples:
        raise InputError(f"{dataset.name}: there is no image{left}")
    if not any((~example.ignored).any() for example in dataset.examples):
        reason = left or "; annotate some (difficult, crowd and tiny ones do not count)"
        raise InputError(f"{dataset.name}: {len(dataset.examples)} images, but no object at all{reason}")
    problems = tuple(dataclasses.replace(problem, fatal=False) for problem in dataset.problems)
    return dataclasses.replace(dataset, problems=problems)
