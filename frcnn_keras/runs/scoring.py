"""A detector's detections on a whole data set, and what they score."""

import dataclasses
import time

from frcnn_keras.data.example import Dataset
from frcnn_keras.errors import InputError
from frcnn_keras.evaluation.intervals import coco_comparison, coco_intervals
from frcnn_keras.evaluation.metrics import evaluate_detections
from frcnn_keras.evaluation.reached import reached, recall_by_size, recall_of
from frcnn_keras.progress import Progress
from frcnn_keras.runs.detections import Detections
from frcnn_keras.runs.detector import Detector


@dataclasses.dataclass(frozen=True)
class Scores:
    """What a detector found in every image of a data set, and the metrics of it."""

    detections: tuple[Detections, ...]  # of each image, in the data set's order
    # see evaluation.metrics.evaluate_detections; and "seconds_per_image", "proposals": {"recall", "by_size"} as
    # evaluation.reached has them, "interval", "comparison"
    metrics: dict


def score(detector: Detector, dataset: Dataset) -> Scores:
    """Detects in every image of a settled data set.

    Raises:
        InputError: its classes are not the detector's.
    """
    if tuple(dataset.class_names) != tuple(detector.class_names):
        raise InputError(f"{dataset.name}: has the classes {', '.join(dataset.class_names)}, the detector "
                         f"{', '.join(detector.class_names)}; read it with class_names=detector.class_names")
    examples, detections, proposed = dataset.examples, [], []
    begun = time.perf_counter()
    with Progress("evaluate", len(examples), "images") as bar:
        found = detector.examine(example.read() for example in examples)
        for example, (detected, proposals) in zip(examples, found, strict=True):
            detections.append(detected)
            proposed.append(reached(proposals, example.boxes, example.ignored))
            bar.advance()
    seconds = (time.perf_counter() - begun) / len(examples)
    metrics = evaluate_detections(examples, detections, detector.class_names)
    return Scores(tuple(detections), metrics | {
        "seconds_per_image": round(seconds, 4),
        "proposals": {"recall": recall_of(proposed), "by_size": recall_by_size(proposed)}})


def with_intervals(scores: Scores, dataset: Dataset) -> Scores:
    """The same with "interval" in the metrics: see evaluation.intervals.coco_intervals."""
    found = coco_intervals(dataset.examples, scores.detections, dataset.class_names)
    return dataclasses.replace(scores, metrics=scores.metrics | {"interval": found})


def compared(scores: Scores, others: Scores, dataset: Dataset, name: str) -> Scores:
    """The same with "comparison" in the metrics: see evaluation.intervals.coco_comparison. name: of the others' run."""
    found = coco_comparison(dataset.examples, scores.detections, others.detections, dataset.class_names)
    return dataclasses.replace(scores, metrics=scores.metrics | {"comparison": {"run": name, **found}})
