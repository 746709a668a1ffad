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
    """What `evaluate_detections` returned, for people: a line of means, then a line a class; "-" is undefined. Where
    "interval" holds what `intervals.coco_intervals` returned, and "comparison" what `coco_comparison` did, those too.
    """
    return "\n\n".join([_score_table(metrics), *([_interval_table(metrics)] if "interval" in metrics else []),
                        *([_comparison_table(metrics["comparison"])] if "comparison" in metrics else [])])


def _score_table(metrics: dict) -> str:
    coco = metrics["coco"]
    means = [f"{name} {number(coco[name])}" for name in ("AP", "AP50", "AP75", "AR100")]
    voc = [f"{name} mAP {number(metrics[key]['mAP'])}" for name, key in (("VOC07", "voc07"), ("VOC10", "voc10"))]
    first = f"{metrics['images']} images   "
    lines = [first + "   ".join(means), " " * len(first) + "   ".join(voc), ""]
    width = max([len("class"), *map(len, metrics["per_class"])])
    lines.append("class".ljust(width) + "".join(name.rjust(9) for name in _CLASS_COLUMNS))
    for name, values in metrics["per_class"].items():
        cells = [str(values["objects"]), *(number(values[column]) for column in _CLASS_COLUMNS[1:])]
        lines.append(name.ljust(width) + "".join(cell.rjust(9) for cell in cells))
    return "\n".join(lines)


def _interval_table(metrics: dict) -> str:
    """A line a score, with its interval."""
    found = metrics["interval"]
    rows = [("", name, metrics["coco"][name], ends) for name, ends in found["coco"].items()]
    rows += [(label, name, metrics["per_class"][label][name], ends) for label, own in found["per_class"].items()
             for name, ends in own.items()]
    width = max([len("all classes"), *map(len, found["per_class"])])
    head = f"{100 * found['share']:g} % intervals of {found['draws']} draws of the images:"
    return "\n".join([head, *(f"{label or 'all classes':{width}}  {name:6}{number(value):>7}   {_ends(ends)}"
                              for label, name, value, ends in rows)])


def _comparison_table(comparison: dict) -> str:
    """A line a score: how far this detector is ahead, and how surely."""
    rows = [("", name, entry) for name, entry in comparison["coco"].items()]
    rows += [(label, name, entry) for label, own in comparison["per_class"].items() for name, entry in own.items()]
    width = max([len("all classes"), *map(len, comparison["per_class"])])
    head = (f"less {comparison['run']} on the same images ({100 * comparison['share']:g} % intervals of "
            f"{comparison['draws']} draws):")
    return "\n".join([head, *(f"{label or 'all classes':{width}}  {name:6}{_signed(entry['difference']):>7}   "
                              f"{_ends(entry, _signed)}   better in {_percent(entry['better'])} of draws"
                              for label, name, entry in rows)])


def _ends(entry: dict, form=None) -> str:
    form = form or number
    return f"{form(entry['low'])} to {form(entry['high'])}"


def _signed(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:+.3f}"


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.0f} %"


def number(value: float) -> str:
    """A share with three decimals; "-" where it is undefined."""
    return "-" if math.isnan(value) else f"{value:.3f}"
