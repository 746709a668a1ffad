"""What a cross-validation comes to: numbers over folds and over all images, and a table of them."""

import dataclasses
import textwrap
from collections.abc import Sequence

import numpy as np

from frcnn_keras.crossval.held_out import HeldOut
from frcnn_keras.data.example import Example
from frcnn_keras.evaluation.coco import coco_metrics
from frcnn_keras.evaluation.intervals import CLASS_NAMES, NAMES, share_interval
from frcnn_keras.evaluation.metrics import number
from frcnn_keras.evaluation.reached import NAMES as RECALLS
from frcnn_keras.evaluation.reached import recall_by_size, recall_of

_LABEL = 32  # characters of a class's name in the table


@dataclasses.dataclass(frozen=True)
class Found:
    """Every image, what the detector that it was held out from found in it, and which fold that was."""

    examples: Sequence[Example]
    held_out: Sequence[HeldOut]
    folds: np.ndarray  # (I,) 1..K
    class_names: tuple[str, ...]

    def of_fold(self, fold: int) -> "Found":
        """The images of one fold alone."""
        places = np.flatnonzero(self.folds == fold).tolist()
        return dataclasses.replace(self, examples=[self.examples[place] for place in places],
                                   held_out=[self.held_out[place] for place in places], folds=self.folds[places])


def summarise(found: Found, metrics: dict) -> dict:
    """The numbers of cv.json.

    metrics: of all images together, with intervals (runs.scoring.Scores.metrics).

    Returns:
        {"AP": {"mean", "std", "pooled", "low", "high"}, ... of intervals.NAMES, "per_class": {class: {"AP", "AP50":
        the same, "objects"}}, "recall": {"recall@100/0.5": the same, ...}, "recall_by_size": {"small": {"objects",
        "recall@100/0.5": the same, ...}, "medium", "large"}, "folds": [{"fold", "images", "AP", ...}], "images",
        "draws", "share", "seed"}. mean and std (n - 1) are of the folds, pooled of all images together, and low and
        high its interval.
    """
    parts = [found.of_fold(fold) for fold in range(1, int(found.folds.max()) + 1)]
    scores = [coco_metrics(part.examples, [one.detections for one in part.held_out], part.class_names)
              for part in parts]
    interval = metrics["interval"]
    overall = {name: _entry([one[name] for one in scores], metrics["coco"][name], interval["coco"][name])
               for name in NAMES}
    classes = {label: {name: _entry([one["per_class"][label][name] for one in scores], own[name],
                                    interval["per_class"][label][name]) for name in CLASS_NAMES}
               | {"objects": own["objects"]} for label, own in metrics["per_class"].items()}
    recall = _recalls(found, parts, interval, slice(None))
    by_size = {name: {"objects": own["objects"], **_recalls(found, parts, interval, slice(place, place + 1))}
               for place, (name, own) in enumerate(recall_by_size([one.reached for one in found.held_out]).items())}
    folds = [{"fold": fold, "images": len(part.examples), **{name: score[name] for name in NAMES},
              **recall_of([one.reached for one in part.held_out])}
             for fold, (part, score) in enumerate(zip(parts, scores, strict=True), 1)]
    return {**overall, "per_class": classes, "recall": recall, "recall_by_size": by_size, "folds": folds,
            "images": len(found.examples), **{name: interval[name] for name in ("draws", "share", "seed")}}


def _recalls(found: Found, parts: Sequence[Found], interval: dict, sizes: slice) -> dict[str, dict[str, float]]:
    """A line for each of RECALLS, of the objects of some sizes."""
    def counts(part: Found) -> tuple[np.ndarray, np.ndarray]:
        """(I,) objects and (I, len(RECALLS)) those that are reached, of each image."""
        return (np.array([one.reached.objects[sizes].sum() for one in part.held_out]),
                np.array([one.reached.reached[sizes].sum(axis=0) for one in part.held_out]))

    def shares(part: Found) -> np.ndarray:
        objects, reached = counts(part)
        return reached.sum(axis=0) / objects.sum() if objects.sum() else np.full(len(RECALLS), np.nan)

    objects, reached = counts(found)
    of_folds, of_all = np.array([shares(part) for part in parts]), shares(found)
    return {name: _entry(of_folds[:, place], float(of_all[place]), share_interval(
        reached[:, place], objects, draws=interval["draws"], share=interval["share"], seed=interval["seed"]))
        for place, name in enumerate(RECALLS)}


def _entry(folds: Sequence[float], pooled: float, ends: dict[str, float]) -> dict[str, float]:
    """A line of the table; folds in which the number is undefined do not count."""
    defined = np.array(folds)[~np.isnan(folds)]
    return {"mean": float(defined.mean()) if defined.size else float("nan"),
            "std": float(defined.std(ddof=1)) if defined.size > 1 else float("nan"), "pooled": pooled, **ends}


def format_results(results: dict) -> str:
    """The numbers of cv.json for people; "-" is undefined."""
    rows = [(name, results[name]) for name in NAMES]
    rows += [(f"{label if len(label) <= _LABEL else label[:_LABEL - 3] + '...'} {name}", own[name])
             for label, own in results["per_class"].items() for name in CLASS_NAMES]
    rows += list(results["recall"].items())
    width = max(len(name) for name, _ in rows)
    folds = f"{results['images']} images in {len(results['folds'])} folds, each found by a detector that never saw it"
    head = f"{'':{width}}   mean     std  pooled   {100 * results['share']:g} % interval"
    lines = [f"{name:{width}}{number(entry['mean']):>7}{number(entry['std']):>8}{number(entry['pooled']):>8}   "
             f"{number(entry['low'])} to {number(entry['high'])}" for name, entry in rows]
    seconds = sorted(results.get("seconds", {}).items(), key=lambda part: -part[1])
    took = f"{sum(value for _, value in seconds):.0f} s: " + ", ".join(f"{part} {value:.0f}" for part, value in seconds)
    return "\n".join([folds, "", head, *lines, *(["", *textwrap.wrap(took, 80)] if seconds else [])])
