"""What a detector found in one image."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from frcnn_keras.data import wording

if TYPE_CHECKING:
    from PIL import Image


@dataclasses.dataclass(frozen=True)
class Detection:
    """One object found."""

    box: np.ndarray  # (4,) float32: x1, y1, x2, y2, pixels of the image as it was given
    score: float
    label: int  # 1..C
    name: str  # of the label
    category_id: int  # of the label in COCO results


@dataclasses.dataclass(frozen=True)
class Detections:
    """Objects found in one image, best first.

    They have a length and are gone over one by one; `found[0]` is a Detection, `found[:5]`, `found[found.scores > 0.9]`
    and `found[[2, 0]]` are Detections. A notebook shows them as a table beneath the picture.
    """

    boxes: np.ndarray  # (M, 4) float32: x1, y1, x2, y2, pixels of the image as it was given
    scores: np.ndarray  # (M,) float32
    labels: np.ndarray  # (M,) int32, 1..C
    names: tuple[str, ...]  # of the labels
    category_ids: tuple[int, ...] = ()  # of the labels in COCO results; empty: the labels themselves
    # What was given to `predict`, itself and no copy: a path, bytes, an array, a Pillow image. None where images came
    # one by one, and the next would not have found room.
    image: Any = dataclasses.field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray, class_names: Sequence[str],
           category_ids: Sequence[int] = (), image: Any = None) -> "Detections":
        """From arrays and the names of classes 1..C, and their ids in COCO results."""
        return cls(boxes, scores, labels, tuple(class_names[label - 1] for label in labels),
                   tuple(int(category_ids[label - 1]) for label in labels) if category_ids else (), image)

    def __len__(self) -> int:
        return len(self.scores)

    def __iter__(self) -> Iterator[Detection]:
        return (self[number] for number in range(len(self)))

    @overload
    def __getitem__(self, chosen: int) -> Detection: ...

    @overload
    def __getitem__(self, chosen: slice | np.ndarray | Sequence[int] | Sequence[bool]) -> "Detections": ...

    def __getitem__(self, chosen: Any) -> "Detection | Detections":
        """A Detection by its number; several by a slice, numbers, or a mask of as many bools.

        Raises:
            IndexError: there is none of that number, or the mask is of another length.
        """
        if isinstance(chosen, (int, np.integer)) and not isinstance(chosen, bool):
            number = range(len(self))[int(chosen)]
            label = int(self.labels[number])
            return Detection(self.boxes[number], float(self.scores[number]), label, self.names[number],
                             self.category_ids[number] if self.category_ids else label)
        if not isinstance(chosen, slice):
            chosen = np.asarray(chosen)
            chosen = chosen if chosen.size else chosen.astype(int)
        numbers = np.arange(len(self))[chosen].tolist()
        return dataclasses.replace(
            self, boxes=self.boxes[numbers], scores=self.scores[numbers], labels=self.labels[numbers],
            names=tuple(self.names[number] for number in numbers),
            category_ids=tuple(self.category_ids[number] for number in numbers) if self.category_ids else ())

    def __repr__(self) -> str:
        told = wording.listed([f"{name} {score:.2f}" for name, score in zip(self.names, self.scores, strict=True)])
        return f"Detections({len(self)}: {told})" if len(self) else "Detections(none)"

    def above(self, score: float) -> "Detections":
        """Those that score more than `score`."""
        return self[self.scores > score]

    def plot(self, image: Any = None, longest: int = 1024) -> "Image.Image":
        """The picture with boxes, names and scores drawn, as a Pillow image: notebooks show it, `.save` writes it; no
        display is needed.

        image: what to draw on, in any form that `predict` takes; by default what `predict` was given, which is read
            now: a file that has changed since is drawn as it is, and so is an array that was written over.
        longest: pixels of the longer side; a larger picture is shrunk before it is drawn on, and a small one, on which
            nothing could be read, is enlarged by a whole number.

        Raises:
            InputError: there is no picture, or its file cannot be read any more.
        """
        from frcnn_keras.runs.showing import plot

        return plot(self, image, longest)

    def _repr_html_(self) -> str:
        from frcnn_keras.runs.showing import html

        return html(self)

    def to_coco(self, image_id: int | str) -> list[dict[str, Any]]:
        """In COCO's results form: one dict an object with image_id, category_id, bbox [x, y, width, height], score."""
        from frcnn_keras.runs.conversions import to_coco

        return to_coco(self, image_id)

    def to_pandas(self) -> Any:
        """A pandas DataFrame with the columns x1, y1, x2, y2, score, label, name. InputError: pandas is missing."""
        from frcnn_keras.runs.conversions import to_pandas

        return to_pandas(self)

    def to_supervision(self) -> Any:
        """supervision.Detections: class_id is label - 1, as class ids there count from 0, and data["class_name"] the
        names. InputError: supervision is missing."""
        from frcnn_keras.runs.conversions import to_supervision

        return to_supervision(self)
