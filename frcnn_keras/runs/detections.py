"""What a detector found in one image."""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Detections:
    """Objects found in one image, best first."""

    boxes: np.ndarray  # (M, 4) float32: x1, y1, x2, y2, pixels of the image as it was given
    scores: np.ndarray  # (M,) float32
    labels: np.ndarray  # (M,) int32, 1..C
    names: tuple[str, ...]  # of the labels

    @classmethod
    def of(cls, boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray, class_names: Sequence[str]) -> "Detections":
        """From arrays and the names of classes 1..C."""
        return cls(boxes, scores, labels, tuple(class_names[label - 1] for label in labels))

    def __len__(self) -> int:
        return len(self.scores)

    def above(self, score: float) -> "Detections":
        """Those that score more than `score`."""
        keep = self.scores > score
        names = tuple(name for name, kept in zip(self.names, keep, strict=True) if kept)
        return Detections(self.boxes[keep], self.scores[keep], self.labels[keep], names)
