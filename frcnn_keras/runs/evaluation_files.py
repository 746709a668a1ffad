"""What is kept of a detector's scores on a data set: metrics, detections and objects in COCO's forms, curves."""

from pathlib import Path

from frcnn_keras.data.example import Dataset
from frcnn_keras.evaluation import coco, voc
from frcnn_keras.files import to_json
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.runs.scoring import Scores

RESULTS = ("metrics.json", "ground_truth.json", "detections.json", "precision_recall.png")
IOU = 0.5  # at which the curves are drawn: VOC's


def write_evaluation(ledger: Ledger, dataset: Dataset, scores: Scores) -> None:
    """Writes RESULTS into a ledger's folder; the caller has seen to it that they are free and the folder its own."""
    examples, detections = dataset.examples, scores.detections
    truth = coco.coco_ground_truth(examples, dataset.name, dataset.class_names, dataset.category_ids)
    results = coco.coco_results(examples, detections, dataset.category_ids)
    for name, value in zip(RESULTS, (scores.metrics, truth, results), strict=False):
        ledger.write(name, (to_json(value) + "\n").encode())
    with ledger.file(RESULTS[-1]) as path:
        _plot(path, dataset, scores)


def _plot(path: Path, dataset: Dataset, scores: Scores) -> None:
    """Precision-recall curves of every class."""
    from frcnn_keras.pictures.fonts import drawable  # with matplotlib, which predicting does without
    from frcnn_keras.pictures.plots import plot_precision_recall

    names = dataset.class_names
    curves = voc.precision_recall(dataset.examples, scores.detections, len(names), IOU)
    plot_precision_recall(path, {
        drawable(name, label): (curve.precision, curve.recall, voc.average_precision_area(curve))
        for label, (name, curve) in enumerate(zip(names, curves, strict=True), 1)}, IOU)
