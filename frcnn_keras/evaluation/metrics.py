"""Everything that detections are measured by in one dict, and as a table."""

import math
from collections.abc import Sequence

import numpy as np

_CLASS_COLUMNS = ("objects", "AP", "AP50", "voc07", "voc10")


def evaluate_detections(examples: Sequence, detections: Sequence, class_names: Sequence[str]) -> dict:
    """COCO's and VOC's numbers of the same detections. Arguments as of `coco.coco_metrics`.

    Returns:
        {"coco": {"AP", "AP50", "AP75", "AR100", and the rest of coco.METRICS}, "voc07": {"mAP"}, "voc10": {"mAP"},
        "per_class": {name: {"AP", "AP50", "voc07", "voc10", "objects"}}, "images": n}. "objects" are those that count;
        a class without any has NaN, and no mean includes it.
    """
    # Imported here because they start TensorFlow, which whoever only writes files does without.
    from frcnn_keras.evaluation.coco import coco_metrics
    from frcnn_keras.evaluation.voc import voc_metrics

    coco = coco_metrics(examples, detections, class_names)
    coco_classes = coco.pop("per_class")
    voc = voc_metrics(examples, detections, class_names)
    per_class = {
        name: {
            **coco_classes[name],
            "voc07": voc["voc07"]["per_class"][name],
            "voc10": voc["voc10"]["per_class"][name],
            "objects": sum(int(np.sum((e.labels == label) & ~e.ignored)) for e in examples),
        }
        for label, name in enumerate(class_names, start=1)
    }
    return {
        "coco": coco,
        "voc07": {"mAP": voc["voc07"]["mAP"]},
        "voc10": {"mAP": voc["voc10"]["mAP"]},
        "per_class": per_class,
        "images": len(examples),
    }


def format_table(metrics: dict) -> str:
    """What `evaluate_detections` returned, for people: a line of means, then a line a class; "-" is undefined."""
    coco = metrics["coco"]
    means = [f"{name} {_number(coco[name])}" for name in ("AP", "AP50", "AP75", "AR100")]
    voc = [f"{name} mAP {_number(metrics[key]['mAP'])}" for name, key in (("VOC07", "voc07"), ("VOC10", "voc10"))]
    first = f"{metrics['images']} images   "
    lines = [first + "   ".join(means), " " * len(first) + "   ".join(voc), ""]
    width = max([len("class"), *map(len, metrics["per_class"])])
    lines.append("class".ljust(width) + "".join(name.rjust(9) for name in _CLASS_COLUMNS))
    for name, values in metrics["per_class"].items():
        cells = [str(values["objects"]), *(_number(values[column]) for column in _CLASS_COLUMNS[1:])]
        lines.append(name.ljust(width) + "".join(cell.rjust(9) for cell in cells))
    return "\n".join(lines)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
