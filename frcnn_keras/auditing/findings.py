"""What an audit finds, and what it looks at."""

import dataclasses

import numpy as np

KINDS = ("missing", "wrong_class", "shifted", "spurious", "duplicate")
REMOVED = ""  # suggested where the label should go


@dataclasses.dataclass(frozen=True)
class Finding:
    """One label that is probably wrong, or one that is not there."""

    kind: str  # of KINDS
    image: int | str  # as the data set calls it
    file: str  # the picture's, as ground_truth.json has it
    box: tuple[float, float, float, float]  # x1, y1, x2, y2 of the picture: the detection's where missing or shifted
    label: str  # the class that is labelled; "" where nothing is
    suggested: str  # the class that should be; REMOVED
    score: float  # 0..1: how probable it is
    annotation: int | None = None  # id of the label's annotation in ground_truth.json; None where missing
    labelled: tuple[float, float, float, float] | None = None  # the label's box; None where missing


@dataclasses.dataclass(frozen=True)
class AuditedImage:
    """One image: what is labelled, and what was found by a detector that did not train on it."""

    id: int | str  # as the data set calls it
    number: int  # as ground_truth.json does
    file: str
    width: int
    height: int
    fold: int  # of the detector, from 1
    annotations: np.ndarray  # (G,) int64: ids of the labels
    boxes: np.ndarray  # (G, 4) float64: x1, y1, x2, y2
    labels: np.ndarray  # (G,) int64, 1..C
    ignored: np.ndarray  # (G,) bool: difficult ones and crowds, which explain detections and are no findings
    found_boxes: np.ndarray  # (M, 4) float64
    found_labels: np.ndarray  # (M,) int64, 1..C
    scores: np.ndarray  # (M,) float64


@dataclasses.dataclass(frozen=True)
class Audited:
    """A data set with its detections."""

    name: str
    class_names: tuple[str, ...]  # label i + 1 is class_names[i]
    category_ids: tuple[int, ...]  # of class_names, in ground_truth.json
    images: tuple[AuditedImage, ...]


def best_first(findings: list[Finding]) -> tuple[Finding, ...]:
    """In an order that does not depend on theirs: by score; of equal ones by kind, picture and box."""
    return tuple(sorted(findings, key=lambda one: (-one.score, KINDS.index(one.kind), one.file, str(one.image), one.box,
                                                   one.label, one.suggested)))
