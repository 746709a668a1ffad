"""COCO's average precision and recall, computed by faster-coco-eval, and COCO's results form."""

import logging
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
    image_ids = _image_ids(examples)
    truth = COCO(_annotations(examples, image_ids, categories))
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
        [{"image_id": Example.id, "category_id": int, "bbox": [x, y, width, height], "score": float}, ...], the images
        in their order and each one's detections in theirs.
    """
    return _results([example.id for example in examples], detections, category_ids)


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


def _image_ids(examples: Sequence) -> list[int]:
    """The examples' own ids where they are numbers, so that equal scores are ordered as pycocotools orders them."""
    ids = [example.id for example in examples]
    return ids if all(isinstance(i, int) for i in ids) else list(range(1, len(ids) + 1))


def _annotations(examples: Sequence, image_ids: list[int], categories: tuple[int, ...]) -> dict:
    """The examples as COCO's annotation file holds them. Annotation ids start at 1: 0 means "unmatched" there."""
    annotations = []
    for image_id, example in zip(image_ids, examples):
        for box, label, ignored in zip(_xywh(example.boxes), example.labels, example.ignored):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": int(label),
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": int(ignored),
                }
            )
    return {
        "images": [{"id": i, "height": e.height, "width": e.width} for i, e in zip(image_ids, examples)],
        "annotations": annotations,
        "categories": [{"id": i} for i in categories],
    }


def _xywh(boxes: np.ndarray) -> list[list[float]]:
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).tolist()


def _mean(values: np.ndarray) -> float:
    """The mean of what is defined; the library writes -1 for the rest."""
    defined = values[values > -1]
    return float(defined.mean()) if defined.size else float("nan")


def _undefined_to_nan(value: float) -> float:
    return float(value) if value > -1 else float("nan")
