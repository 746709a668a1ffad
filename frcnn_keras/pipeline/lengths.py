"""How long the stages train: by steps, so that few images make many epochs."""

import dataclasses
import math

from frcnn_keras.data.wording import counted

LEAST = {"rpn": 640, "rcnn": 320}  # steps, below which AP falls (README, How long to train)


@dataclasses.dataclass(frozen=True)
class Length:
    """How many epochs a stage trains, and why so many."""

    epochs: int
    reason: str


def length_of(stage: str, usual: int, images: int, batch: int) -> Length:
    """`usual` epochs, or as many more as make LEAST[stage] steps. stage: `rpn`, `rcnn`. images: that it trains on,
    mirror images counted. batch: of a step.
    """
    steps = max(1, images // batch)
    needed = math.ceil(LEAST[stage] / steps)
    if needed <= usual:
        return Length(usual, f"{counted(usual, 'epoch')} of {counted(steps, 'step')}")
    return Length(needed, f"{counted(needed, 'epoch')} of {counted(steps, 'step')}: {usual} are fewer than "
                          f"{LEAST[stage]} steps")
