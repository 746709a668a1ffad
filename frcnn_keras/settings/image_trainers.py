"""Settings of the trainers that read images: `finetune`, `joint`, `alternate`; in the form of `stages`."""

import dataclasses
from collections.abc import Callable
from typing import ClassVar

from frcnn_keras.settings.detector import (
    BackboneConfig,
    DeepRPNNetworkConfig,
    DetectionConfig,
    HeadConfig,
    ImageConfig,
    LevelAnchorConfig,
    NeckConfig,
    ProposalConfig,
)
from frcnn_keras.settings.learning import (
    AnchorSamplingConfig,
    HeadLossConfig,
    RegionSamplingConfig,
    RPNLossConfig,
    ScoredFitConfig,
    TrainingProposalConfig,
)
from frcnn_keras.settings.options import LATER, option
from frcnn_keras.settings.ranges import CHANNELS, EPOCHS, SIDE, Settings


@dataclasses.dataclass(frozen=True)
class AugmentConfig(Settings):
    """How training images are changed."""

    TITLE: ClassVar[str] = "how training images are changed"

    mirror: bool = option(True, "mirror half of the images")
    jitter: float = option(0.2, "draw each image's shorter side from 1 - this to 1 + this times the detector's",
                           least=0, below=1)
    jitter_shorter: tuple[int, ...] = option((), "... or from this range: LEAST,MOST pixels", least=1, most=SIDE,
                                             counts=(0, 2), rising=True)
    brightness: float = option(0.0, "draw a factor of the brightness from 1 - this to 1 + this", least=0, most=1)
    contrast: float = option(0.0, "likewise of the contrast", least=0, most=1)
    saturation: float = option(0.0, "likewise of the saturation", least=0, most=1)


@dataclasses.dataclass(frozen=True)
class ImageFitConfig(ScoredFitConfig):
    """How a whole detector is optimised on images."""

    epochs: int = option(3, "passes over the images", common=True, least=1, most=EPOCHS)
    learning_rate: float = option(4e-4, "highest learning rate", common=True, least=0, most=1000)
    precision: str = option("auto", "of the products: auto takes bfloat16 where it is quicker; float16 is for GPUs",
                            choices=("auto", "float32", "bfloat16", "float16"),
                            spellings={"mixed_bfloat16": "bfloat16", "mixed_float16": "float16"})
    backbone_rate: float = option(1.0, "learning rate of the backbone, as a share of --learning-rate", least=0,
                                  most=1000)
    ema: float = option(0.0, "keep a moving average of the weights, over about so many epochs, and use it; 0: none",
                        least=0, most=EPOCHS)
    accumulate: int = option(1, "parts that a step's images are divided into, to save memory; the result is the same",
                             least=1, most=2**16)


@dataclasses.dataclass(frozen=True)
class ImageProposalConfig(TrainingProposalConfig):
    """How many of the proposals that are made in a step the regions are drawn from."""

    BEFORE: ClassVar[tuple[int, int]] = (6000, 2000)

    before: int = option(0, "training images: best anchors of a level that go into NMS; 0: 6000, on pyramids 2000",
                         flag="train-pre-nms", least=0, most=10**6)
    after: int = option(1000, "training images: proposals that the regions are drawn from", flag="train-post-nms",
                        least=1, most=10**5)


@dataclasses.dataclass(frozen=True)
class ImageLossConfig(Settings):
    """What the four losses are taken of."""

    TITLE: ClassVar[str] = "losses"

    anchors: AnchorSamplingConfig = AnchorSamplingConfig()
    proposals: ImageProposalConfig = ImageProposalConfig()
    regions: RegionSamplingConfig = RegionSamplingConfig()
    rpn: RPNLossConfig = RPNLossConfig()
    head: HeadLossConfig = HeadLossConfig()
    sample_over: str = option("image", "draw --samples anchors and --regions regions of every image, or as many an "
                              "image from all images of a step together", choices=("image", "batch"), later=True)


@dataclasses.dataclass(frozen=True)
class FinetuneConfig(Settings):
    """What `finetune` does to a detector.

    Rate and average were chosen on BCCD's val images, trained on its train images: 4e-4 gained less in 3 epochs, 1.6e-3
    no more, and without an average a single epoch loses AP.
    """

    TITLE: ClassVar[str] = "how it is optimised"

    fit: ImageFitConfig = ImageFitConfig(learning_rate=8e-4, ema=0.7)
    augment: AugmentConfig = AugmentConfig()
    losses: ImageLossConfig = ImageLossConfig()
    freeze_stages: int = option(2, "first stages of the backbone that stay as they are (a stage ends where the stride "
                                "doubles)", common=True, least=0, most=1000)

    def contradiction(self, name: Callable[[str], str]) -> str:
        """A draw over images that are not in memory together."""
        apart = self.losses.sample_over == "batch" and self.fit.accumulate > 1
        return (f"{name('losses.sample_over')} batch needs a step's images together: leave {name('fit.accumulate')} "
                "out") if apart else ""


@dataclasses.dataclass(frozen=True)
class JointConfig(Settings):
    """What `joint` builds and trains."""

    TITLE: ClassVar[str] = "RPN"

    backbone: BackboneConfig = BackboneConfig()
    images: ImageConfig = ImageConfig()
    neck: NeckConfig = NeckConfig()
    anchors: LevelAnchorConfig = LevelAnchorConfig()
    rpn_channels: int = option(512, "filters of the RPN's 3x3 convolution", least=1, most=CHANNELS)
    proposals: ProposalConfig = ProposalConfig()
    head: HeadConfig = HeadConfig()
    detections: DetectionConfig = DetectionConfig()
    training: FinetuneConfig = FinetuneConfig(fit=ImageFitConfig(epochs=12, learning_rate=5e-4))
    network: DeepRPNNetworkConfig = dataclasses.field(default=DeepRPNNetworkConfig(), metadata={LATER: True})

    def contradiction(self, name: Callable[[str], str]) -> str:
        """Anchors by the data, which the stages alone choose."""
        return "" if self.anchors.sizes or self.anchors.scales else \
            f"{name('anchors.sizes')} auto is for prep and train; give the sizes that check suggests"


@dataclasses.dataclass(frozen=True)
class AlternateConfig(Settings):
    """What `alternate` does: steps 1 and 2 as `joint` has it, steps 3 and 4 as the stages have it."""

    TITLE: ClassVar[str] = "how it is optimised"

    joint: JointConfig = JointConfig()
    stage_epochs: int = option(4, "epochs of step 3 and of step 4 (mirror images included); --epochs: of 1 and of 2",
                               common=True, least=1, most=EPOCHS)
