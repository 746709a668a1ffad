"""One annotated image, and a data set of them: what every reader returns and every stage takes."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from frcnn_keras.data import wording
from frcnn_keras.files import fingerprint


@dataclasses.dataclass(frozen=True)
class Example:
    """One image and its objects. Boxes are pixels of the upright image: x1, y1, x2, y2, continuous edges."""

    # Unique in its data set: COCO's image id, else the image's path below the data set's folder of images, with suffix
    # and "/" between its parts ("cam1/0001.jpg"), which is no name for a new file. Seeds draws.
    id: int | str
    file: str  # what messages call it: the annotation's or the image's path
    read: Callable[[], bytes]  # the encoded image; read anew each time, nothing is kept
    height: int  # of the upright image, from its header
    width: int
    boxes: np.ndarray  # (G, 4) float32
    labels: np.ndarray  # (G,) int32, 1..C
    difficult: np.ndarray  # (G,) bool: neither trains nor counts against in evaluation
    crowd: np.ndarray  # (G,) bool: likewise, and may match several detections
    path: str = ""  # the file that holds the encoded image; empty where it is made in memory
    certain: bool = True  # whether its boxes are of this picture; where not, a problem that stops says why

    @property
    def ignored(self) -> np.ndarray:
        """(G,) bool: objects that neither train nor count against."""
        return self.difficult | self.crowd


    @property
    def caption(self) -> str:
        """What pictures call it: its file's name, below the data set's folder where its id is that; its id where it is
        in no file alone."""
        return Path(self.path).name if self.path and not isinstance(self.id, str) else str(self.id)


@dataclasses.dataclass(frozen=True)
class Problem:
    """Something wrong, or worth knowing, in one file of a data set."""

    file: str
    message: str  # what is wrong and what to do, without the file's name
    item: str = ""  # "object 3 (RBC)", "line 17", "annotation 1234"; empty where the file itself is meant
    fatal: bool = True  # whether something is broken: prep stops for it (unless told to skip bad items)
    question: bool = False  # whether it can be read in two ways, and a flag says which: prep stops as well

    @property
    def stops(self) -> bool:
        """Whether prep stops for it, unless told to skip bad items."""
        return self.fatal or self.question

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.item, self.message) if part)


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A data set as a reader found it: the good items, and the problems with the others."""

    name: str
    class_names: tuple[str, ...]  # label i + 1 is class_names[i]
    category_ids: tuple[int, ...]  # of class_names in COCO results: COCO's own, else 1..C
    examples: tuple[Example, ...]
    problems: tuple[Problem, ...]

    def __repr__(self) -> str:
        objects = np.bincount([label for example in self.examples for label in example.labels.tolist()],
                              minlength=len(self.class_names) + 1)[1:]
        of_each = wording.listed([f"{name} {count}" for name, count in zip(self.class_names, objects, strict=False)])
        problems = f"; {wording.counted(len(self.problems), 'problem')}" if self.problems else ""
        return (f"Dataset({self.name!r}: {wording.counted(len(self.examples), 'image')}, "
                f"{wording.counted(int(objects.sum()), 'object')} of "
                f"{wording.counted(len(self.class_names), 'class', 'classes')}: {of_each}{problems})")

    def fingerprint(self) -> str:
        """A short hash of what is trained on: ids, boxes, labels and flags of every image, in order."""
        return fingerprint(*[part for example in self.examples for part in
                             (str(example.id).encode(), example.boxes, example.labels, example.difficult,
                              example.crowd)])
