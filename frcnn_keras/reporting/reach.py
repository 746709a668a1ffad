"""How many of the objects of each size the run's anchors can reach at all: what no training changes."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from frcnn_keras.errors import InputError
from frcnn_keras.evaluation.reached import SIZES, sizes_of
from frcnn_keras.files import read_json
from frcnn_keras.inspection.anchor_reach import THRESHOLDS, best_overlaps
from frcnn_keras.ops.images import resized_size
from frcnn_keras.runs.evaluated import Evaluated

PROPOSER = "proposer.json"


@dataclasses.dataclass(frozen=True)
class Anchors:
    """The anchors of a run, and the size of image that they lie on."""

    sizes: tuple[tuple[float, ...], ...]  # of each level
    ratios: tuple[float, ...]
    strides: tuple[float, ...]  # of each level
    offsets: tuple[float, ...]
    shorter: float
    longer: float


def read_anchors(run: Path) -> Anchors | None:
    """Those of a run, or of a cross-validation's first fold; None where no record of them is.

    Raises:
        InputError: the record is damaged.
    """
    for path in (run / PROPOSER, run / "folds" / "1" / PROPOSER):
        if path.exists():
            stored = read_json(path)
            try:
                grid, preparing = stored["geometry"], stored["preparing"]
                return Anchors(tuple(map(tuple, grid["anchor_sizes"])), tuple(grid["anchor_ratios"]),
                               tuple(grid["strides"]), tuple(grid["offsets"]), preparing["shorter"],
                               preparing["longer"])
            except (KeyError, TypeError) as error:
                raise InputError(f"{path}: damaged ({error}); make it anew with --fresh") from error
    return None


def reach(found: Evaluated, anchors: Anchors) -> dict[str, Sequence[float]]:
    """Of each of evaluation.reached.SIZES the share of objects that an anchor overlaps by each of
    anchor_reach.THRESHOLDS; NaN where there are none."""
    boxes, images, sizes = [np.zeros((0, 4))], [np.zeros((0, 2))], [np.zeros(0, int)]
    for picture in found.images:
        own = picture.boxes[~picture.ignored]
        height, width = resized_size(picture.height, picture.width, anchors.shorter, anchors.longer)
        boxes.append(own * np.tile([width / picture.width, height / picture.height], 2))
        images.append(np.tile([height, width], (len(own), 1)))
        sizes.append(sizes_of(own))
    resized, size = np.concatenate(boxes), np.concatenate(sizes)
    best = np.max([best_overlaps(resized, np.concatenate(images), level, anchors.ratios, stride, offset).max(axis=1)
                   for level, stride, offset in zip(anchors.sizes, anchors.strides, anchors.offsets, strict=True)],
                  axis=0)
    return {name: [float(np.mean(inside >= threshold)) if len(inside) else float("nan") for threshold in THRESHOLDS]
            for place, (name, _, _) in enumerate(SIZES) for inside in [best[size == place]]}
