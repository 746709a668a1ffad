"""The images that a run or a cross-validation was scored on: what is labelled in them, and what was found."""

import dataclasses
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from frcnn_keras.errors import InputError, command
from frcnn_keras.files import read_json

TRUTH, DETECTIONS, FOLDS = "ground_truth.json", "detections.json", "folds.json"


@dataclasses.dataclass(frozen=True)
class Detected:
    """The D detections of one image."""

    boxes: np.ndarray  # (D, 4) float64, x1, y1, x2, y2 in pixels of the upright image
    scores: np.ndarray  # (D,) float64
    labels: np.ndarray  # (D,) int, 1..C


@dataclasses.dataclass(frozen=True)
class Picture:
    """One image: its G objects and what was found. `evaluation` takes it as an example."""

    id: int
    file: str  # its name below the data set's folder
    height: int
    width: int
    boxes: np.ndarray  # (G, 4) float64
    labels: np.ndarray  # (G,) int, 1..C
    ignored: np.ndarray  # (G,) bool: neither counts against
    detected: Detected
    fold: int = 0  # of a cross-validation, 1..K; 0 of a run


@dataclasses.dataclass(frozen=True)
class Found:
    """All of them."""

    name: str  # of the data set
    class_names: tuple[str, ...]  # label i + 1 is class_names[i]
    pictures: tuple[Picture, ...]

    @property
    def detections(self) -> list[Detected]:
        """Of each picture, as `evaluation` takes them."""
        return [picture.detected for picture in self.pictures]


def read_found(run: Path) -> Found:
    """What RUN/evaluation holds, and RUN/folds.json where it is a cross-validation's.

    Raises:
        InputError: the run was not evaluated, or a file is none that `evaluate` wrote.
    """
    folder = run / "evaluation"
    if not (folder / TRUTH).exists():
        raise InputError(f"{folder / TRUTH}: not found; `{command('evaluate')} --run {run} ...` writes it")
    truth, results = read_json(folder / TRUTH), read_json(folder / DETECTIONS)
    folds = read_json(run / FOLDS) if (run / FOLDS).exists() else []
    try:
        return _found(truth, results, {entry["image_id"]: int(entry["fold"]) for entry in folds})
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise InputError(f"{folder}: its {TRUTH} and {DETECTIONS} are not as `{command('evaluate')}` writes them "
                         f"({type(error).__name__}: {error}); evaluate again") from error


def _found(truth: dict[str, Any], results: list[dict], folds: dict[int, int]) -> Found:
    label_of = {entry["id"]: label for label, entry in enumerate(truth["categories"], 1)}
    objects, detections = _by_image(truth["annotations"]), _by_image(results)
    pictures = []
    for entry in truth["images"]:
        own, found = objects[entry["id"]], detections[entry["id"]]
        detected = Detected(_boxes(found), np.array([float(one["score"]) for one in found]), _labels(found, label_of))
        ignored = np.array([bool(one.get("iscrowd", 0)) for one in own], bool)
        pictures.append(Picture(int(entry["id"]), str(entry["file_name"]), int(entry["height"]), int(entry["width"]),
                                _boxes(own), _labels(own, label_of), ignored, detected, folds.get(entry["id"], 0)))
    name = str(truth.get("info", {}).get("description", ""))
    return Found(name, tuple(str(entry["name"]) for entry in truth["categories"]), tuple(pictures))


def _by_image(entries: list[dict]) -> dict[int, list[dict]]:
    found: dict[int, list[dict]] = defaultdict(list)
    for entry in entries:
        found[entry["image_id"]].append(entry)
    return found


def _boxes(entries: list[dict]) -> np.ndarray:
    boxes = np.array([entry["bbox"] for entry in entries], np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _labels(entries: list[dict], label_of: dict[int, int]) -> np.ndarray:
    return np.array([label_of[entry["category_id"]] for entry in entries], np.int64)
