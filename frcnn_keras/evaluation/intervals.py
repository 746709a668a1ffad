"""How sure a score is: intervals of COCO's average precision by the bootstrap over images (Efron and Tibshirani, "An
Introduction to the Bootstrap", 1993, sections 6 and 13.3), and whether one detector is better than another on the same
images.

Images, not objects, are drawn: objects of one image are alike. What an interval tells is how far the score would move
with other images of the same kind; not what another training, or images of another kind, would give.
"""

import warnings
from collections.abc import Sequence

import numpy as np

from frcnn_keras.evaluation.judging import judge
from frcnn_keras.evaluation.resampling import draw_images, resampled

DRAWS, SHARE, SEED = 1000, 0.95, 0
NAMES = ("AP", "AP50", "AP75", "AR100")
CLASS_NAMES = ("AP", "AP50")
_SAME = 1e-9  # means of the same numbers in another order differ by less


def coco_intervals(examples: Sequence, detections: Sequence, class_names: Sequence[str], *, draws: int = DRAWS,
                   share: float = SHARE, seed: int = SEED) -> dict:
    """The percentile intervals that hold `share` of the draws. Arguments as of `coco.coco_metrics`.

    Returns:
        {"coco": {name of NAMES: {"low", "high"}}, "per_class": {class: {name of CLASS_NAMES: {"low", "high"}}},
        "draws", "share", "seed"}. Draws without an object of a class do not count for that class; NaN where none has.
    """
    coco, classes = _draws_of(examples, detections, class_names, draw_images(len(examples), draws, seed))
    return {"coco": {name: interval(values, share) for name, values in coco.items()},
            "per_class": {label: {name: interval(values, share) for name, values in own.items()}
                          for label, own in classes.items()},
            "draws": draws, "share": share, "seed": seed}


def coco_comparison(examples: Sequence, detections: Sequence, others: Sequence, class_names: Sequence[str], *,
                    draws: int = DRAWS, share: float = SHARE, seed: int = SEED) -> dict:
    """A detector beside another on the same images, both on the same draws of them: what the images have in common,
    hard ones and easy ones, falls out.

    Args:
        detections, others: of each image, as of `coco.coco_metrics`.

    Returns:
        {"coco": {name: {"difference", "low", "high", "better"}}, "per_class": {class: {name: the same}}, "draws",
        "share", "seed"}; the difference is the first's less the other's on all images, `better` the share of draws in
        which the first is better, draws in which they are equal counting half.
    """
    weights = np.concatenate([np.ones((1, len(examples)), np.int64), draw_images(len(examples), draws, seed)])
    ours, theirs = (_draws_of(examples, found, class_names, weights) for found in (detections, others))
    return {"coco": {name: _difference(ours[0][name] - theirs[0][name], share) for name in NAMES},
            "per_class": {label: {name: _difference(own[name] - theirs[1][label][name], share)
                                  for name in CLASS_NAMES} for label, own in ours[1].items()},
            "draws": draws, "share": share, "seed": seed}


def interval(values: np.ndarray, share: float = SHARE) -> dict[str, float]:
    """{"low", "high"} of the middle `share` of what is defined."""
    defined = values[~np.isnan(values)]
    ends = np.percentile(defined, [50 * (1 - share), 50 * (1 + share)]) if defined.size else (np.nan, np.nan)
    return {"low": float(ends[0]), "high": float(ends[1])}


def share_interval(reached: Sequence[int], objects: Sequence[int], *, draws: int = DRAWS, share: float = SHARE,
                   seed: int = SEED) -> dict[str, float]:
    """{"low", "high"} of the share of objects that are reached. reached, objects: of each image how many."""
    weights = draw_images(len(objects), draws, seed)
    counted = weights @ np.asarray(objects)
    return interval(np.divide(weights @ np.asarray(reached), counted, out=np.full(draws, np.nan), where=counted > 0),
                    share)


def _draws_of(examples: Sequence, detections: Sequence, class_names: Sequence[str], weights: np.ndarray
              ) -> tuple[dict[str, np.ndarray], dict[str, dict[str, np.ndarray]]]:
    """NAMES, and CLASS_NAMES of each class, in every draw: arrays (draws,)."""
    curves = [resampled(one, weights) for one in judge(examples, detections, len(class_names))]
    if not curves:
        return dict.fromkeys(NAMES, np.full(len(weights), np.nan)), {}
    precision, recall = (np.stack(part) for part in zip(*curves, strict=True))  # (C, draws, 10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of NaN only is NaN, which is meant
        coco = {"AP": np.nanmean(precision, axis=(0, 2)), "AP50": np.nanmean(precision[:, :, 0], axis=0),
                "AP75": np.nanmean(precision[:, :, 5], axis=0), "AR100": np.nanmean(recall, axis=(0, 2))}
    return coco, {name: {"AP": own.mean(axis=1), "AP50": own[:, 0]}
                  for name, own in zip(class_names, precision, strict=True)}


def _difference(values: np.ndarray, share: float) -> dict[str, float]:
    """values: (1 + draws,) the first of all images."""
    drawn = values[1:][~np.isnan(values[1:])]
    better = float(np.mean(drawn > _SAME) + np.mean(abs(drawn) <= _SAME) / 2) if drawn.size else float("nan")
    return {"difference": float(values[0]), **interval(drawn, share), "better": better}
