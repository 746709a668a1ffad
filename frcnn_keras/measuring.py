"""How good a detector is, from Python: its scores and how sure they are. Errors name arguments where the commands' name
flags."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from frcnn_keras.crossval import grid as _grid
from frcnn_keras.crossval.cross_validation import cross_validate as _cross_validate
from frcnn_keras.crossval.cross_validation import split as _split
from frcnn_keras.data.example import Dataset
from frcnn_keras.data.prepared import Prepared
from frcnn_keras.errors import in_words
from frcnn_keras.inspection.dataset_check import scorable
from frcnn_keras.pipeline.settings import TrainConfig
from frcnn_keras.runs import detector as detectors
from frcnn_keras.runs.detector import Detector
from frcnn_keras.runs.scoring import compared, score, with_intervals
from frcnn_keras.settings.arguments import in_arguments
from frcnn_keras.training.distribution import SINGLE, Distribution

__all__ = ["cross_validate", "evaluate"]

FilePath = str | Path


@in_words(in_arguments)
def evaluate(run: FilePath | Detector, dataset: Dataset, *, interval: bool = False,
             compare: FilePath | Detector | None = None, skip_bad: bool = False) -> dict[str, Any]:
    """Scores a detector on a data set of its classes: COCO's and VOC's average precision.

    interval: with the 95 % intervals of COCO's (evaluation.intervals.coco_intervals). compare: another detector: is
    this one better on these images (evaluation.intervals.coco_comparison)?

    Returns:
        "coco": {"AP", "AP50", ...}, "voc07", "voc10": {"mAP"}, "per_class": {name: ...}, "images", "seconds_per_image",
        "proposals": {"recall", "by_size"}, the share of objects that the first 100 and 300 proposals reach; where asked
        for, "interval" and "comparison".
    """
    dataset = scorable(dataset, skip_bad)
    scores = score(run if isinstance(run, Detector) else detectors.load(run), dataset)
    if interval:
        scores = with_intervals(scores, dataset)
    if compare is not None:
        other = compare if isinstance(compare, Detector) else detectors.load(compare)
        scores = compared(scores, score(other, dataset), dataset, "the other" if other is compare else str(compare))
    return scores.metrics


@in_words(in_arguments)
def cross_validate(data: FilePath | Prepared, run: FilePath,
                   config: TrainConfig | Mapping[str, TrainConfig] | None = None, *, folds: int = 5,
                   group: FilePath | None = None, fresh: bool = False, distribution: Distribution = SINGLE,
                   workers: int = 1) -> dict[str, Any]:
    """How good the stages' detectors are on images that they never saw: trains the RPN and the head of a prep folder
    `folds` times, each time without a part of its images, which that detector is measured on.

    config: the trainers' settings (its `prep` is that of the folder); several by names are cross-validated on the same
    folds, what they share computed once. group: a file of lines `image id,group` of images that must not part;
    near-duplicates never do. workers: folds that train beside each other, each in a process, for which a script needs
    `if __name__ == "__main__":`. A second call goes on where the first was stopped.

    Returns:
        What RUN/cv.json holds: "AP", "AP50", "AP75", "AR100": {"mean", "std", "pooled", "low", "high"}, "per_class",
        "recall", "folds", ... (crossval.results.summarise); of several settings what RUN/grid.json holds: "best" and
        "cells" (crossval.grid.cross_validate_grid).

    Raises:
        InputError: no prep folder, too few images for so many folds, or `run` was begun with other settings.
        FloatingPointError: the loss became NaN or infinite.
    """
    images = _split(data, folds, group)
    if isinstance(config, Mapping):
        cells = {name: one.stages(images.learning)[:2] for name, one in config.items()}
        return _grid.cross_validate_grid(images, run, cells, fresh=fresh, distribution=distribution, workers=workers)
    rpn, rcnn, _ = (config or TrainConfig()).stages(images.learning)
    return _cross_validate(images, run, rpn, rcnn, fresh=fresh, distribution=distribution, workers=workers)
