"""COCO's average precision and recall, computed by faster-coco-eval, and COCO's forms of objects and results."""

import logging
import os
from collections import Counter
from collections.abc import Sequence

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

# In the order of the library's summary.
METRICS = (
    "AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large",
    "AR1", "AR10", "AR100", "AR_small", "AR_medium", "AR_large",
)  # fmt: skip

_log = logging.getLogger(__name__)


def coco_metrics(examples: Sequence, detections: Sequence, class_names: Sequence[str]) -> dict:
    """COCO's twelve numbers, and AP and AP50 of each class.

    Difficult objects are given to the evaluation as crowds, the only objects that it ignores (an annotation's own
    "ignore" is overwritten there, as in pycocotools): a detection is left out of the count if its overlap with one
    reaches the threshold, where overlap is measured against the detection's area. Small, medium and large go by the
    area of the box: less than 32 x 32 pixels of the upright image, less than 96 x 96, the rest. COCO's own files hold
    the area of the object's outline, which is smaller.

    Args:
        examples: the images' `Example`s; of each `boxes`, `labels`, `ignored`, `id`, `height` and `width` are read.
        detections: of each image, in the same order: `boxes` (M, 4) in pixels of the upright image, `scores` (M,),
            `labels` (M,) 1..C.
        class_names: label i + 1 is class_names[i].

    Returns:
        {"AP": float, ... the names of METRICS ..., "per_class": {name: {"AP": float, "AP50": float}}}, 0..1. NaN where
        no object counts: a class, or a range of sizes, without any.
    """
    categories = tuple(range(1, len(class_names) + 1))
    image_ids = image_ids_of(examples)
    truth = COCO({"images": [{"id": id} for id in image_ids], "categories": [{"id": id} for id in categories],
                  "annotations": _annotations(examples, image_ids, categories)})
    results = truth.loadRes(_results(image_ids, detections, categories))
    evaluation = COCOeval_faster(truth, results, iouType="bbox", print_function=_log.debug)
    evaluation.run()
    precision = evaluation.eval["precision"]  # (thresholds, recalls, classes, size ranges, detection limits)
    per_class = {
        name: {"AP": _mean(precision[:, :, i, 0, -1]), "AP50": _mean(precision[0, :, i, 0, -1])}
        for i, name in enumerate(class_names)
    }
    numbers = {name: _undefined_to_nan(value) for name, value in zip(METRICS, evaluation.stats)}
    return {**numbers, "per_class": per_class}


def coco_results(examples: Sequence, detections: Sequence, category_ids: Sequence[int]) -> list[dict]:
    """Detections in COCO's results form, ready for JSON.

    Args:
        examples: the images' `Example`s; of each `id` is read.
        detections: of each image, in the same order: `boxes` (M, 4) in pixels of the upright image, `scores` (M,),
            `labels` (M,) 1..C.
        category_ids: label i + 1 is written as category_ids[i].

    Returns:
        [{"image_id": int, "category_id": int, "bbox": [x, y, width, height], "score": float}, ...], the images in their
        order and each one's detections in theirs; image ids as `image_ids_of` gives them.
    """
    return _results(image_ids_of(examples), detections, category_ids)


def coco_ground_truth(examples: Sequence, name: str, class_names: Sequence[str], category_ids: Sequence[int]) -> dict:
    """What was measured on, in the form of COCO's instances files, ready for JSON: with coco_results pycocotools gives
    coco_metrics's numbers.

    Difficult objects are crowds here, as they are for coco_metrics: an "ignore" pycocotools overwrites. They say
    "difficult": 1 beside it.

    Args:
        examples: the images' `Example`s.
        name: of the data set.
        class_names, category_ids: of labels 1..C.
    """
    image_ids = image_ids_of(examples)
    annotations = _annotations(examples, image_ids, category_ids)
    difficult = [bool(flag) for example in examples for flag in example.difficult]
    return {
        "info": {"description": name},
        "images": [{"id": id, "file_name": file, "height": int(example.height), "width": int(example.width)}
                   for id, file, example in zip(image_ids, _file_names(examples), examples)],
        "categories": [{"id": int(id), "name": name} for id, name in zip(category_ids, class_names)],
        "annotations": [entry | {"difficult": 1} if hard else entry for entry, hard in zip(annotations, difficult)],
    }


def image_ids_of(examples: Sequence) -> list[int]:
    """The examples' own ids where all of them are numbers, as COCO's are; else 1, 2, ... in their order. By the own
    ones equal scores are ordered as pycocotools orders them."""
    ids = [example.id for example in examples]
    return ids if all(isinstance(i, int) for i in ids) else list(range(1, len(ids) + 1))


def _file_names(examples: Sequence) -> list[str]:
    """Of each image: its id where that is a path, below the data set's folder of images; where it is another (COCO's),
    its file's path below the folder that all files share. Where files hold many images, or none, the id."""
    held = Counter(example.path for example in examples)
    folders = [os.path.dirname(os.path.abspath(path)) for path in held if path]
    shared = os.path.commonpath(folders) if folders else ""
    names = []
    for example in examples:
        path, id = example.path.replace(os.sep, "/"), str(example.id)
        alone = path and held[example.path] == 1 and not path.endswith(f"/{id}")
        names.append(os.path.relpath(example.path, shared).replace(os.sep, "/") if alone else id)
    return names


def _results(image_ids: Sequence, detections: Sequence, category_ids: Sequence[int]) -> list[dict]:
    """Detections in COCO's results form."""
    if len(image_ids) != len(detections):
        raise ValueError(
            f"examples and detections must be as many. Received: {len(image_ids)} examples, "
            f"{len(detections)} detections"
        )
    results = []
    for image_id, detected in zip(image_ids, detections):
        for box, score, label in zip(_xywh(detected.boxes), detected.scores, detected.labels):
            if not 1 <= label <= len(category_ids):
                raise ValueError(f"labels of detections must be 1 to {len(category_ids)}. Received: {label}")
            results.append(
                {
                    "image_id": image_id,
                    "category_id": int(category_ids[label - 1]),
                    "bbox": box,
                    "score": float(score),
                }
            )
    return results


def _annotations(examples: Sequence, image_ids: Sequence[int], categories: Sequence[int]) -> list[dict]:
    """The examples' objects as COCO's annotation file holds them; label i + 1 is categories[i]. Ids start at 1: 0 means
    "unmatched" to the evaluator."""
    annotations: list[dict] = []
    for image_id, example in zip(image_ids, examples):
        for box, label, ignored in zip(_xywh(example.boxes), example.labels, example.ignored):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": int(categories[label - 1]),
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": int(ignored),
                }
            )
    return annotations


def _xywh(boxes: np.ndarray) -> list[list[float]]:
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).tolist()


def _mean(values: np.ndarray) -> float:
    """The mean of what is defined; the library writes -1 for the rest."""
    defined = values[values > -1]
    return float(defined.mean()) if defined.size else float("nan")


def _undefined_to_nan(value: float) -> float:
    return float(value) if value > -1 else float("nan")
