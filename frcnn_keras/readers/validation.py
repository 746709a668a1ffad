"""Which objects and data sets are good enough to work with. Every reader builds its Dataset through here."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from frcnn_keras.data.example import Dataset, Example, Problem
from frcnn_keras.data.image_header import ImageHeader, inspect_image
from frcnn_keras.errors import InputError, command, printable
from frcnn_keras.readers.box_checks import check_boxes
from frcnn_keras.readers.box_forms import BoxForm, Suspicion, suspicion, to_corners
from frcnn_keras.readers.class_names import fault_of, is_background, resolve_classes
from frcnn_keras.readers.frames import Framed, Resized, to_upright
from frcnn_keras.readers.tallies import Tally

__all__ = ["Assembly", "RawObject", "is_background", "resolve_classes", "settle"]


_OF_STORED = (" the image as stored and reach far over the upright one that EXIF orientation says; state the stored "
              "size in the annotation, or turn the image's pixels")
_OF_UPRIGHT = " the upright image and reach far over the stored one, whose size the annotation states; correct the size"
_TURNED = " annotated on the image as stored, by the size stated, and turned upright with it (EXIF orientation)"
_SCALED = " scaled from the stated size to the image's"


class RawObject(NamedTuple):
    """An object as an annotation file has it, unchecked."""

    name: str  # of its class
    box: Sequence[float]  # four numbers of the reader's BoxForm, or fractions of the image
    item: str  # what messages call it: "object 3 (RBC)", "line 17"
    difficult: bool = False
    crowd: bool = False


@dataclasses.dataclass(frozen=True)
class _Image:
    """An image as `add` was given it, its boxes not looked at yet."""

    example: Example  # without objects
    header: ImageHeader
    objects: list[RawObject]  # those of a known class
    boxes: np.ndarray  # (G, 4) float64: theirs, as annotated
    stated: tuple[int, int]
    source: str  # the file that problems name
    item: str  # what problems of the whole image call it there; empty where the file is it
    fractions: bool
    problems: list[Problem]  # where the problems of its boxes go, in the order of the images


class Assembly:
    """Collects what a reader finds, image by image, and makes the Dataset of it.

    scale_boxes: whether boxes of a picture of another size than the image's are scaled. form: of the boxes.
    """

    def __init__(self, name: str, class_names: Sequence[str], scale_boxes: bool = False,
                 form: BoxForm = BoxForm.CORNERS):
        self.name = printable(name)
        self.class_names = tuple(class_names)
        self._scale_boxes, self._form = scale_boxes, form
        self._labels = {name: label for label, name in enumerate(self.class_names, start=1)}
        self._images: list[_Image] = []
        self._ids: dict[int | str, str] = {}
        self._problems: list[list[Problem]] = []
        self._clipped, self._turned, self._scaled, self._of_stored, self._of_upright = (Tally() for _ in range(5))

    def report(self, file, message: str, item: str = "", fatal: bool = True, question: bool = False) -> None:
        self._problems.append([Problem(*map(printable, (str(file), message, item)), fatal, question)])

    def add(self, id: int | str, file, read: Callable[[], bytes], header: ImageHeader, objects: Sequence[RawObject], *,
            path="", stated: tuple[int, int] = (0, 0), annotated_in=None, fractions: bool = False) -> None:
        """One image with its objects; `finish` checks their boxes, when all are known.

        file: what messages call it. path: the file that holds the picture; empty where none does. stated: the (height,
        width) that the annotation says, (0, 0) where it says none. annotated_in: the file that objects' problems name.
        fractions: whether the objects' boxes are fractions of the picture, else they are pixels.
        """
        source = str(annotated_in or file)
        if id in self._ids:
            self.report(source, f"the image id {id!r} stands for {self._ids[id]} already; ids must be unique")
            return
        self._ids[id] = str(file)
        known = [raw for raw in objects if self._knows(raw, source)]
        boxes = np.array([raw.box for raw in known], np.float64).reshape(-1, 4)
        none = np.zeros(0, bool)
        example = Example(id, printable(str(file)), read, *header.size, np.zeros((0, 4), np.float32),
                          np.zeros(0, np.int32), none, none, path=str(path))
        self._problems.append([])
        self._images.append(_Image(example, header, known, boxes, stated, printable(source),
                                   f"image {printable(str(file))}" if annotated_in else "", fractions,
                                   self._problems[-1]))

    def header_of(self, image) -> ImageHeader | None:
        """The header of an image file; None where it is bad, which is reported."""
        try:
            return inspect_image(image)
        except InputError as error:
            self.report(image, str(error))
            return None

    def finish(self, category_ids: Sequence[int] | None = None) -> Dataset:
        """The Dataset; category_ids of the classes in COCO results, 1..C unless given."""
        suspected = self._suspicion()
        certain = suspected is None or not suspected.fatal
        examples = [self._checked(image, certain or image.fractions) for image in self._images]
        problems = [problem for part in self._problems for problem in part]
        if suspected is not None:
            problems.append(Problem(self.name, suspected.message, fatal=suspected.fatal))
        for tally, singular, plural, fatal in (
            (self._of_stored, "would fit" + _OF_STORED, "would fit" + _OF_STORED, True),
            (self._of_upright, "would fit" + _OF_UPRIGHT, "would fit" + _OF_UPRIGHT, True),
            (self._turned, "was" + _TURNED, "were" + _TURNED, False),
            (self._scaled, "was" + _SCALED, "were" + _SCALED, False),
            (self._clipped, "reaches over the image's edge and was clipped",
             "reach over the image's edge and were clipped", False),
        ):
            problems += tally.problem(self.name, singular, plural, fatal)
        ids = tuple(category_ids or range(1, len(self.class_names) + 1))
        return Dataset(self.name, self.class_names, ids, tuple(examples), tuple(problems))

    def _suspicion(self) -> Suspicion | None:
        """What the boxes of all images in pixels seem to be instead."""
        images = [image for image in self._images if not image.fractions]
        if not images:
            return None
        sizes = [image.header.size if 0 in image.stated else image.stated for image in images]
        repeats = [len(image.boxes) for image in images]
        return suspicion(np.concatenate([image.boxes for image in images]), np.repeat(sizes, repeats, axis=0),
                         self._form)

    def _checked(self, image: _Image, certain: bool) -> Example:
        """An image with its good objects. Where it is not known what its boxes are of, that is its only problem."""
        boxes, objects = image.boxes if image.fractions else to_corners(image.boxes, self._form), image.objects
        try:
            framed = to_upright(boxes, image.header, image.stated, scale=self._scale_boxes, fractions=image.fractions)
            boxes = framed.boxes
            if objects and certain:
                certain = self._count(image.example.file, framed, len(objects))
        except InputError as error:
            asks = isinstance(error, Resized)
            image.problems.append(Problem(image.source, str(error), image.item, fatal=bool(objects) and not asks,
                                          question=bool(objects) and asks))
            certain = certain and not objects
        checked = check_boxes(boxes, *image.header.size, image.source, [printable(raw.item) for raw in objects])
        if certain:
            image.problems.extend(checked.problems)
        if certain and checked.clipped.size:
            first = objects[checked.clipped[0]].item
            self._clipped.add(f"{image.source} {printable(first)}", checked.clipped.size)
        kept = [objects[index] for index in checked.kept]
        return dataclasses.replace(
            image.example, certain=certain, boxes=checked.boxes,
            labels=np.array([self._labels[raw.name] for raw in kept], np.int32),
            difficult=np.array([raw.difficult for raw in kept], bool),
            crowd=np.array([raw.crowd for raw in kept], bool))

    def _count(self, file: str, framed: Framed, objects: int) -> bool:
        """Counts an image whose boxes were turned or scaled, or lie where they cannot be meant; whether they do not."""
        for counts, tally in ((framed.misfit and not framed.turned, self._of_stored),
                              (framed.misfit and framed.turned, self._of_upright),
                              (framed.turned and not framed.misfit, self._turned),
                              (framed.scaled and not framed.misfit, self._scaled)):
            if counts:
                tally.add(file, objects)
        return not framed.misfit

    def _knows(self, raw: RawObject, source: str) -> bool:
        """Whether an object's class is one of the data set's; reports it where not."""
        if raw.name in self._labels:
            return True
        classes = ", ".join(self.class_names)
        self.report(source, fault_of(raw.name) or f"unknown class {raw.name!r:.100}; the classes are {classes:.500}",
                    raw.item)
        return False


def settle(dataset: Dataset, skip_bad: bool = False) -> Dataset:
    """The data set to work with. Bad items are left out of it already, or here, if it is not certain what their boxes
    are of; this decides whether that is accepted.

    Raises InputError for the first problem that stops unless skip_bad, under which these become remarks; and for a data
    set without images, or without a single object that could train.
    """
    fatal = [problem for problem in dataset.problems if problem.stops]
    if fatal and not skip_bad:
        rest = f" (and {len(fatal) - 1} more; `{command('check')} ...` lists them)" if len(fatal) > 1 else ""
        raise InputError(f"{fatal[0]}{rest}")
    dataset = dataclasses.replace(dataset, examples=tuple(filter(lambda example: example.certain, dataset.examples)))
    left = f" that could be used ({len(fatal)} problems: {fatal[0]})" if fatal else ""
    if not dataset.examples:
        raise InputError(f"{dataset.name}: there is no image{left}")
    if not any((~example.ignored).any() for example in dataset.examples):
        reason = left or "; annotate some (difficult, crowd and tiny ones do not count)"
        raise InputError(f"{dataset.name}: {len(dataset.examples)} images, but no object at all{reason}")
    problems = tuple(dataclasses.replace(problem, fatal=False, question=False) for problem in dataset.problems)
    return dataclasses.replace(dataset, problems=problems)
