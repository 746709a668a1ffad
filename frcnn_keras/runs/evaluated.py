"""The images that a run or a cross-validation was scored on, from its files: what is labelled in them, what was found.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from frcnn_keras.errors import InputError, command
from frcnn_keras.files import read_json

TRUTH, FOUND, FOLDS = "ground_truth.json", "detections.json", "folds.json"


@dataclasses.dataclass(frozen=True)
class Detected:
    """The D detections of one image."""

    boxes: np.ndarray  # (D, 4) float64: x1, y1, x2, y2 in pixels of the upright image
    scores: np.ndarray  # (D,) float64, 0..1
    labels: np.ndarray  # (D,) int64, 1..C


NOTHING = Detected(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))


@dataclasses.dataclass(frozen=True)
class EvaluatedImage:
    """One image: its G labels, and what a detector found in it. `evaluation` takes it as an example."""

    id: int | str  # as the data set calls it, where folds.json says so; else `number`
    number: int  # as ground_truth.json calls it
    file: str  # its name below the data set's folder
    width: int
    height: int
    fold: int  # of the detector, from 1
    annotations: np.ndarray  # (G,) int64: ids of the labels
    boxes: np.ndarray  # (G, 4) float64
    labels: np.ndarray  # (G,) int64, 1..C
    ignored: np.ndarray  # (G,) bool: difficult ones and crowds, which explain detections and count neither way
    detected: Detected = NOTHING


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """A data set with its detections."""

    name: str
    class_names: tuple[str, ...]  # label i + 1 is class_names[i]
    category_ids: tuple[int, ...]  # of class_names, in ground_truth.json
    images: tuple[EvaluatedImage, ...]

    @property
    def detections(self) -> list[Detected]:
        """Of each image, as `evaluation` takes them."""
        return [image.detected for image in self.images]


def read_evaluated(run: str | Path) -> Evaluated:
    """RUN/evaluation/ground_truth.json and detections.json, with RUN/folds.json where there are folds; without it one
    detector found everything. Or the folder that evaluate was given, which has the two files in it.

    Raises:
        InputError: a file is missing, is no JSON, or does not fit the others; names file and entry.
    """
    root = Path(run)
    home = root if (root / TRUTH).exists() else root / "evaluation"
    if (root / "audit.json").exists() and not home.exists():
        raise InputError(f"{root}: is what {command('audit')} wrote, no run; give the run that was audited")
    for name in (TRUTH, FOUND):
        if not (home / name).is_file():
            raise InputError(f"{home / name}: not found; {command('evaluate')} --run {root} ... writes it, and "
                             f"{command('crossval')} for images that no detector trained on")
    truth, results = read_json(home / TRUTH), read_json(home / FOUND)
    folds = read_json(root / FOLDS) if (root / FOLDS).exists() else None
    file = home / TRUTH  # that is at fault where something is not as it should be
    try:
        classes = {int(one["id"]): place for place, one in enumerate(truth["categories"], start=1)}
        if not classes:
            raise ValueError("no categories")
        numbers = [int(one["id"]) for one in truth["images"]]
        if any(min(int(one["width"]), int(one["height"])) < 1 for one in truth["images"]):
            raise ValueError("an image without width or height")
        if len({int(one["id"]) for one in truth["annotations"]}) < len(truth["annotations"]):
            raise ValueError("two annotations of one id")
        labelled = {number: _labelled(own, classes) for number, own in _by_image(truth["annotations"]).items()}
        file = home / FOUND
        found = {number: _detected(own, classes) for number, own in _by_image(results).items()}
        file = root / FOLDS
        fold_of = {int(one["image_id"]): (one["id"], int(one["fold"])) for one in folds or ()}
        called = [(number, 1) if folds is None else fold_of[number] for number in numbers]
        file = home / TRUTH
        images = tuple(
            EvaluatedImage(id, number, str(one["file_name"]), int(one["width"]), int(one["height"]), fold,
                           *labelled.pop(number, _labelled([], classes)), found.pop(number, NOTHING))
            for one, number, (id, fold) in zip(truth["images"], numbers, called, strict=True))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InputError(f"{file}: not in the form that this package writes ({type(error).__name__}: {error}); make it "
                         "anew") from error
    for name, left in ((TRUTH, labelled), (FOUND, found)):
        if left:
            raise InputError(f"{home / name}: has image {next(iter(left))}, which {TRUTH} does not list; the files are "
                             "of two runs, make them anew")
    return Evaluated(str(truth.get("info", {}).get("description", root.name)),
                     tuple(str(one["name"]) for one in truth["categories"]), tuple(classes), images)


def _by_image(entries: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    grouped: dict[int, list[dict[str, Any]]] = {}
    for entry in entries:
        grouped.setdefault(int(entry["image_id"]), []).append(entry)
    return grouped


def _labelled(entries: list[dict[str, Any]], classes: dict[int, int]
              ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """annotations, boxes, labels and ignored of an EvaluatedImage."""
    return (np.array([one["id"] for one in entries], np.int64), _boxes(entries), _labels(entries, classes),
            np.array([bool(one.get("iscrowd")) for one in entries], bool))


def _detected(entries: list[dict[str, Any]], classes: dict[int, int]) -> Detected:
    scores = np.array([one["score"] for one in entries], np.float64)
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("a score is not within 0 and 1")
    return Detected(_boxes(entries), scores, _labels(entries, classes))


def _labels(entries: list[dict[str, Any]], classes: dict[int, int]) -> np.ndarray:
    return np.array([classes[one["category_id"]] for one in entries], np.int64)


def _boxes(entries: list[dict[str, Any]]) -> np.ndarray:
    """(N, 4) float64: x1, y1, x2, y2 of COCO's x, y, width, height."""
    boxes = np.array([one["bbox"] for one in entries], np.float64).reshape(-1, 4)
    if not np.isfinite(boxes).all() or (boxes[:, 2:] < 0).any():
        raise ValueError("a bbox is not x, y, width, height")
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
