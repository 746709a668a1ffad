"""What an exported model answers beside what `predict` answers, in whatever format it is written."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from frcnn_keras.runs.detections import Detections
from frcnn_keras.runs.detector import Detector

TOLERANCE = 1e-4  # of a score, and of a box's edge as a fraction of its image
# Another runtime rounds otherwise, and of many thousand overlaps one may lie on the threshold to the last digits: then
# a box more or less stays. With fewer than 20 detections none may differ. Under RoIPool regions that share their cells
# have equal scores to the bit, and TensorFlow's NMS takes any of them
FORGIVEN = {"align": 1 / 20, "pool": 1 / 4}


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How the answers of an exported model, each for one image, agree with the detector's own."""

    answers: int = 0
    detections: int = 0  # of the detector, in all answers
    differing: int = 0  # detections that only one of the two has
    box: float = 0.0  # largest difference of the others' edges, as a fraction of the image
    score: float = 0.0
    problems: tuple[str, ...] = ()  # a sentence for each answer that differs more than it may

    @property
    def close(self) -> bool:
        return not self.problems

    def require(self) -> None:
        """RuntimeError where an answer differs more than it may."""
        if self.problems:
            raise RuntimeError(f"{self._problem()}; nothing was written")

    def _problem(self) -> str:
        """The first problem, and how many there are."""
        return self.problems[0] + (f" ({len(self.problems)} answers do not)" if len(self.problems) > 1 else "")

    def __add__(self, other: "Agreement") -> "Agreement":
        return Agreement(self.answers + other.answers, self.detections + other.detections,
                         self.differing + other.differing, max(self.box, other.box), max(self.score, other.score),
                         self.problems + other.problems)

    def __str__(self) -> str:
        text = (f"{self.detections} detections in {self.answers} answers, largest difference: boxes {self.box:.1e} "
                f"of the image, scores {self.score:.1e}")
        text += f"; {self.differing} that only one of the two has" if self.differing else ""
        return f"{text}; {self._problem()}" if self.problems else text


@dataclasses.dataclass(frozen=True)
class Exported:
    """What was written, and how its answers agree with `predict`'s."""

    path: Path  # a file, or the folder OUT/<version>
    agreement: Agreement


@dataclasses.dataclass(frozen=True)
class Allowance:
    """What the answers of a runtime other than TensorFlow may differ in, besides the tolerance.

    Their order, where scores are equal to the tolerance; a detection whose score is at the edge of what is kept; and
    a share of the detections.
    """

    share: float  # of the detections that may be missing or new
    threshold: float  # score that a detection must pass
    limit: int  # how many an image may have
    others: tuple[float, ...] = ()  # thresholds of classes and of small boxes, above that one

    @classmethod
    def of(cls, detector: Detector) -> "Allowance":
        """For a detector's files."""
        detecting, pooling = detector.model.detecting, detector.model.pooling
        least, *others = sorted(detecting.every_threshold)
        return cls(FORGIVEN[pooling.op], least, detecting.limit, tuple(others))

    def beyond_the_edge(self, unpaired: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """The unpaired of some scores that are not at the edge of what is kept: threshold, or last of a full list."""
        edge = self.threshold
        if len(scores) == self.limit:
            edge = max(edge, float(scores[-1]))
        at_another = (np.abs(unpaired[:, None] - np.array(self.others)) <= TOLERANCE).any(axis=1)
        return unpaired[(unpaired > edge + TOLERANCE) & ~at_another]


def place(name: str, number: int, size: tuple[int, int]) -> str:
    """How messages call an answer; size: (height, width)."""
    return f"{name}, test image {number} ({size[1]} x {size[0]})"


def single(where: str, outputs: dict, limit: int) -> dict:
    """The outputs for a request of one image without their batch axis.

    Raises:
        RuntimeError: they are not as they are promised: float32, zeros past num_detections, falling scores.
    """
    outputs = {key: np.asarray(value) for key, value in outputs.items()}
    for key, shape in (("num_detections", (1,)), ("detection_boxes", (1, limit, 4)),
                       ("detection_scores", (1, limit)), ("detection_classes", (1, limit))):
        if outputs[key].shape != shape or outputs[key].dtype != np.float32:
            raise RuntimeError(f"{where}: {key} is {outputs[key].dtype} {outputs[key].shape}, not float32 {shape}")
        past = outputs[key][0, int(outputs["num_detections"][0]):] if len(shape) > 1 else np.zeros(0)
        if past.any() or not np.isfinite(outputs[key]).all():
            raise RuntimeError(f"{where}: {key} is not 0 past num_detections, or not finite")
    if (np.diff(outputs["detection_scores"][0]) > 0).any():
        raise RuntimeError(f"{where}: detection_scores rise")
    return {key: value[0] for key, value in outputs.items()}


def compare_all(name: str, answers: Iterable[dict], wanted: Iterable[Detections], sizes: Iterable,
                allowance: Allowance | None = None) -> Agreement:
    """`compare` over images. answers, wanted and sizes: of each image; name: of what answered, for messages."""
    total = Agreement()
    for number, (answer, detections, size) in enumerate(zip(answers, wanted, sizes, strict=True)):
        total += compare(place(name, number, size), answer, detections, size, allowance)
    return total


def compare(where: str, answer: dict, wanted: Detections, size: tuple[int, int],
            allowance: Allowance | None = None) -> Agreement:
    """Compares the outputs for one image, without a batch axis, with what `predict` found in it.

    Args:
        where: what messages begin with.
        size: (height, width) of the image.
        allowance: for runtimes other than TensorFlow. Without one the detections must be as many, in the same order,
            and of the same names besides, where the answer has names.
    """
    count = int(answer["num_detections"])
    boxes = np.reshape(answer["detection_boxes"][:count], (-1, 4)).astype(np.float32)
    scores, labels = (np.asarray(answer[f"detection_{key}"][:count], np.float32) for key in ("scores", "classes"))
    scale = np.array([*size, *size], np.float32)
    wanted_boxes = np.clip(wanted.boxes[:, [1, 0, 3, 2]] / scale, 0, 1)  # (M, 4) y1 x1 y2 x2
    apart = np.abs(boxes[:, None] - wanted_boxes[None]).max(-1, initial=0.0)  # (count, M)
    score_apart = np.abs(scores[:, None] - wanted.scores[None])
    alike = labels[:, None] == wanted.labels[None]
    if allowance is None:
        if "detection_class_names" in answer:
            alike &= _names(answer, count)[:, None] == np.array(wanted.names, object)[None]
        alike &= np.eye(*alike.shape, dtype=bool)
    distance = np.where(alike, np.maximum(apart, score_apart), np.inf)
    pairs = _pairs(distance)
    added = np.delete(scores, [row for row, _ in pairs])
    lost = np.delete(wanted.scores, [column for _, column in pairs])
    if allowance is not None:
        added, lost = allowance.beyond_the_edge(added, scores), allowance.beyond_the_edge(lost, wanted.scores)
    problems = ()
    if max(len(added), len(lost)) > (int(allowance.share * len(wanted)) if allowance is not None else 0):
        problems = (f"{where}: does not answer as predict does: it finds {count} objects and predict {len(wanted)}; "
                    f"{len(lost)} of predict's are missing and {len(added)} are new, compared to {TOLERANCE:g}: "
                    f"{_worst(distance, apart, score_apart)}",)
    box, score = (max((float(part[pair]) for pair in pairs), default=0.0) for part in (apart, score_apart))
    return Agreement(1, len(wanted), max(len(added), len(lost)), box, score, problems)


def _names(answer: dict, count: int) -> np.ndarray:
    """The classes' names, (count,) str objects."""
    return np.array([name.decode() for name in answer["detection_class_names"][:count]], object)


def _pairs(distance: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of rows and columns within the tolerance, nearest first, each row and column once."""
    order = np.argsort(distance, axis=None, kind="stable")
    pairs, rows, columns = [], set(), set()
    for row, column in zip(*np.unravel_index(order, distance.shape)):
        if not distance[row, column] <= TOLERANCE:  # further, or no number
            break
        if row not in rows and column not in columns:
            pairs.append((int(row), int(column)))
            rows.add(row)
            columns.add(column)
    return pairs


def _worst(distance: np.ndarray, apart: np.ndarray, score_apart: np.ndarray) -> str:
    """The detection that is furthest from its nearest one of the same class, in words."""
    if not np.isfinite(distance).any():
        return "detection_classes have nothing in common"
    nearest = distance.argmin(1)
    rows = np.arange(len(distance))
    finite = np.where(np.isfinite(distance[rows, nearest]), distance[rows, nearest], -1.0)
    row = int(finite.argmax())
    column = nearest[row]
    return (f"detection_boxes differ by up to {apart[row, column]:.3g} of the image, detection_scores there by "
            f"{score_apart[row, column]:.3g}")
