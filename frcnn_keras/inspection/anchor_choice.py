"""Anchor sizes by the data: the usual ones where they reach enough objects, else those that `check` suggests."""

import dataclasses
from collections.abc import Sequence

from frcnn_keras.data.example import Dataset
from frcnn_keras.errors import InputError
from frcnn_keras.inspection.dataset_check import anchor_report, resized_objects
from frcnn_keras.settings.detector import AnchorConfig, ImageConfig, LevelAnchorConfig

USUAL = AnchorConfig.sizes
# The share of objects at IoU 0.7 from which the usual ones are kept. On BCCD at --shorter 600 they reach .71 and have
# AP .514, the suggested ones .79 and .510; at 424, .12 and .502, the suggested ones .77 and .509 (means of two seeds,
# whose AP differs by as much): sizes matter little while an object's best anchors are positive. With
# --no-best-anchor at 424, one seed, AP goes from .384 to .445 (benchmarks/anchor_choice.py).
ENOUGH = 0.5


@dataclasses.dataclass(frozen=True)
class AnchorChoice:
    """Anchor sizes in pixels of the resized images, and in one line why these."""

    sizes: tuple[float, ...]
    reason: str


def choose_sizes(dataset: Dataset, images: ImageConfig, anchors: LevelAnchorConfig, strides: Sequence[float],
                 offsets: Sequence[float]) -> AnchorChoice:
    """The sizes that stand for `auto`, by a data set's objects alone: the same ones whenever they are asked for.

    anchors: whose ratios they come in. strides, offsets: of the network's levels; anchors are taken to lie in the
    middle of what a cell sees, wherever --anchor-centres lays them: half a stride moves no choice of sizes.

    Raises:
        InputError: a pyramid, whose levels have a size each.
    """
    if len(strides) > 1:
        raise InputError(f"--anchor-sizes auto chooses for one feature level, and the backbone has {len(strides)}; "
                         "give one size a level")
    objects = resized_objects(dataset, images.shorter, images.longer)
    if not len(objects.labels):
        return AnchorChoice(USUAL, f"{_text(USUAL)}, the usual ones, without objects to choose by")
    found = anchor_report(objects, dataset.class_names, USUAL, anchors.ratios, strides[0], offsets[0])
    now, sizes = found["reach"]["all"], tuple(found["suggested_sizes"] or USUAL)
    if now[1] >= ENOUGH or sizes == USUAL:
        return AnchorChoice(USUAL, f"{_text(USUAL)}, the usual ones, reach {_percent(now[0])} of the objects at IoU "
                                   f"0.5 and {_percent(now[1])} at 0.7")
    then = found["suggested_reach"]["all"]
    return AnchorChoice(sizes, f"{_text(sizes)} reach {_percent(then[0])} of the objects at IoU 0.5 and "
                               f"{_percent(then[1])} at 0.7; the usual {_text(USUAL)} {_percent(now[0])} and "
                               f"{_percent(now[1])}")


def _text(sizes: Sequence[float]) -> str:
    """Sizes as the flag has them."""
    return ",".join(f"{size:g}" for size in sizes)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
