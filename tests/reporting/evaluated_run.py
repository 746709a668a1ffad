"""A run folder as evaluate and train leave one, of objects and detections that were written down."""

import json

import cv2
import numpy as np

from frcnn_keras.evaluation.coco import coco_metrics
from frcnn_keras.files import write_json
from frcnn_keras.runs.evaluated import Evaluated

NASTY = '<img src=x onerror="alert(1)">&amp;\'"</script>'  # a class, and a file


def write_run(folder, found: Evaluated, interval=None):
    """Writes FOLDER/evaluation; returns the folder."""
    evaluation = folder / "evaluation"
    evaluation.mkdir(parents=True)
    write_json(evaluation / "ground_truth.json", {
        "info": {"description": found.name},
        "images": [{"id": one.number, "file_name": one.file, "height": one.height, "width": one.width}
                   for one in found.images],
        "categories": [{"id": 10 * label, "name": name} for label, name in enumerate(found.class_names, 1)],
        "annotations": [{"id": int(id), "image_id": one.number, "category_id": 10 * int(label),
                         "bbox": wide(box), "iscrowd": int(ignored)} for one in found.images for id, box, label, ignored
                        in zip(one.annotations, one.boxes, one.labels, one.ignored, strict=True)]})
    write_json(evaluation / "detections.json", [
        {"image_id": one.number, "category_id": 10 * int(label), "bbox": wide(box), "score": float(score)}
        for one in found.images for box, label, score in
        zip(one.detected.boxes, one.detected.labels, one.detected.scores, strict=True)])
    coco = coco_metrics(found.images, found.detections, found.class_names)
    metrics = {"per_class": coco.pop("per_class"), "coco": coco, "images": len(found.images)}
    write_json(evaluation / "metrics.json", metrics | ({"interval": interval} if interval else {}))
    return folder


def wide(box):
    """x, y, width, height."""
    return [float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])]


def write_images(folder, found: Evaluated):
    """A grey picture for every image that has an ordinary name."""
    folder.mkdir()
    for one in found.images:
        if "/" not in one.file:
            (folder / one.file).write_bytes(cv2.imencode(".png", np.full((one.height, one.width, 3), 128, np.uint8))[1])
    return folder


def write_training(run):
    """What `train` leaves beside it."""
    (run / "rpn_log.csv").write_text("epoch,loss,recall@100/0.5\n1,.5,.25\n2,.25,.75\n")
    (run / "train.json").write_text(json.dumps({"config": {"rpn": {"fit": {"epochs": 2, "drops": [0.5, 0.9]}}}}))
    (run / "train_metrics.json").write_text(json.dumps({
        "data": ["DIR: Pascal VOC", "3 images"], "flags": {"val": ["--voc", "a b", "--split", "val"]},
        "epochs": {"rpn": "2 epochs"}, "scored_on": "val", "seconds": {"backbone": 30.0, "RPN": 10.0}}))


def write_proposals(run):
    """What `evaluate` adds to the scores of what proposals reach."""
    path = run / "evaluation" / "metrics.json"
    first = {"recall@100/0.5": .5, "recall@100/0.7": .25, "recall@300/0.5": .75, "recall@300/0.7": .5}
    sizes = {"small": {"objects": 4, **first}, "medium": {"objects": 4, **dict.fromkeys(first, 1.0)},
             "large": {"objects": 0, **dict.fromkeys(first)}}
    write_json(path, {**json.loads(path.read_text()), "proposals": {"recall": first, "by_size": sizes}})
