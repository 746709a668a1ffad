"""What the two networks learn from and how their losses are taken, and how a training is optimised."""

import dataclasses
from typing import ClassVar

from frcnn_keras.settings.options import option
from frcnn_keras.settings.ranges import EPOCHS, SEED, Settings


@dataclasses.dataclass(frozen=True)
class AnchorSamplingConfig(Settings):
    """Which of an image's anchors the RPN learns from (arXiv 1506.01497, section 3.1.2)."""

    TITLE: ClassVar[str] = "anchors that the RPN learns from"

    positive: float = option(0.7, "an anchor of this IoU with an object or more is positive", flag="positive-iou",
                             above=0, most=1)
    negative: float = option(0.3, "an anchor below this IoU with every object is negative", flag="negative-iou",
                             least=0, most=1, not_above="positive")
    count: int = option(256, "anchors in a minibatch, all of one image", flag="samples", least=1, most=2**16)
    positive_fraction: float = option(0.5, "share of the anchors that may be positive",
                                      flag="anchor-positive-fraction", alias="positive-fraction", least=0, most=1)
    best_anchor: bool = option(True, "an object's best anchors are positive however low their IoU; else --positive-iou "
                               "alone decides", later=True)


@dataclasses.dataclass(frozen=True)
class RegionSamplingConfig(Settings):
    """Which regions of an image the head learns from (arXiv 1504.08083, section 2.3)."""

    TITLE: ClassVar[str] = "regions that the head learns from"

    count: int = option(128, "regions an image and step", flag="regions", least=1, most=2**16)
    positive_fraction: float = option(0.25, "share of the regions that may be foreground",
                                      flag="region-positive-fraction", alias="positive-fraction", least=0, most=1)
    foreground: float = option(0.5, "foreground: IoU with an object of this or more", flag="foreground-iou",
                               above=0, most=1)
    background: tuple[float, ...] = option((0.0,), "background: IoU from LOW up to HIGH, as LOW,HIGH; LOW alone: up to "
                                           "--foreground-iou", flag="background-iou", least=0, most=1, counts=(1, 2),
                                           rising=True, not_above="foreground")

    def __post_init__(self) -> None:
        """One number is LOW."""
        if isinstance(self.background, (int, float)):
            object.__setattr__(self, "background", (self.background,))
        super().__post_init__()


@dataclasses.dataclass(frozen=True)
class RPNLossConfig(Settings):
    """The RPN's losses (arXiv 1506.01497, section 3.1.2)."""

    TITLE: ClassVar[str] = "losses"

    box_weight: float = option(1.0, "lambda: weight of the RPN's box loss", flag="lambda", least=0, most=10**6)
    beta: float = option(1 / 9, "RPN: smooth-L1 turns linear at this distance; 0: L1", flag="rpn-beta", alias="beta",
                         least=0, most=10**6)
    distance: str = option("smooth_l1", "RPN: what the box loss sums, of positive anchors' deltas: smooth-L1, absolute "
                           "or squared differences", flag="rpn-box-loss", alias="box-loss", later=True,
                           choices=("smooth_l1", "l1", "mse"))


@dataclasses.dataclass(frozen=True)
class HeadLossConfig(Settings):
    """The head's losses (arXiv 1504.08083, section 2.3)."""

    TITLE: ClassVar[str] = "losses"

    beta: float = option(1.0, "head: smooth-L1 turns linear at this distance (of scaled deltas); 0: L1",
                         flag="head-beta", alias="beta", least=0, most=10**6)


@dataclasses.dataclass(frozen=True)
class TrainingProposalConfig(Settings):
    """How many proposals of a training image are kept for the head to learn from."""

    TITLE: ClassVar[str] = "proposals of training images"

    BEFORE: ClassVar[tuple[int, int]] = (12000, 2000)  # in place of 0: one level (the paper's), pyramids

    before: int = option(0, "training images: best anchors of a level that go into NMS; 0: 12000, on pyramids 2000",
                         flag="train-pre-nms", least=0, most=10**6)
    after: int = option(2000, "training images: proposals that remain", flag="train-post-nms", least=1,
                        most=10**5)


@dataclasses.dataclass(frozen=True)
class FitConfig(Settings):
    """How a stage is optimised."""

    TITLE: ClassVar[str] = "how it is optimised"

    epochs: int = option(3, "passes over the images (mirror images included)", common=True, least=0, most=EPOCHS)
    batch: int = option(2, "images a step", common=True, least=1, most=2**16)
    optimizer: str = option("adam", "adam or momentum SGD", choices=("adam", "sgd"))
    learning_rate: float = option(1e-3, "highest learning rate (try 0.01 with sgd)", common=True, least=0, most=1000)
    schedule: str = option("cosine", "after the warm-up: fall by cosine to 0, drop at --drops, or stay",
                           choices=("cosine", "drops", "constant"))
    warmup: int = option(100, "steps over which the learning rate rises from 0", least=0, most=10**9)
    drops: tuple[float, ...] = option((0.7, 0.9), "schedule drops: divide the rate by 10 at these shares of the run",
                                      least=0, most=1, counts=range(0, 65))
    momentum: float = option(0.9, "of SGD", least=0, below=1)
    weight_decay: float = option(0.0, "decoupled weight decay on kernels, not on biases", least=0, most=1000)
    clip_norm: float = option(10.0, "gradients are scaled down to this global norm; 0: never", least=0, most=10**9)
    precision: str = option("auto", "of the products: auto takes bfloat16 where the processor multiplies it itself",
                            choices=("auto", "float32", "bfloat16"))
    seed: int = option(0, "seed of initial weights, order and draws", least=0, most=SEED)


@dataclasses.dataclass(frozen=True)
class ScoredFitConfig(FitConfig):
    """How a stage is optimised whose epochs are measured by AP."""

    patience: int = option(0, "stop when AP on the images to measure on has not risen for so many epochs; 0: never",
                           least=0, most=EPOCHS, later=True)
