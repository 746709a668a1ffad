"""Settings of the stages: nested frozen dataclasses, a flag's help at every field.

The dataclasses are the single source: command-line flags, TOML keys and the JSON written beside every artefact are
derived from them. `ops` and `models` take plain values and records; only trainers, builders and commands see a config.
"""

import dataclasses
from collections.abc import Callable
from typing import ClassVar

from frcnn_keras.settings.detector import (
    AnchorConfig,
    BackboneConfig,
    DetectionConfig,
    HeadConfig,
    ImageConfig,
    LevelAnchorConfig,
    NeckConfig,
    ProposalConfig,
    RPNNetworkConfig,
    settled,
)
from frcnn_keras.settings.learning import (
    AnchorSamplingConfig,
    FitConfig,
    HeadLossConfig,
    RegionSamplingConfig,
    RPNLossConfig,
    ScoredFitConfig,
    TrainingProposalConfig,
)
from frcnn_keras.settings.options import LATER, option
from frcnn_keras.settings.ranges import CHANNELS, SEED, Settings


@dataclasses.dataclass(frozen=True)
class CheckConfig(Settings):
    """The settings of `prep` that what `check` says about objects and anchors depends on."""

    images: ImageConfig = ImageConfig()
    anchors: AnchorConfig = AnchorConfig()


@dataclasses.dataclass(frozen=True)
class MinibatchConfig(AnchorSamplingConfig):
    """The minibatches that are drawn of every image beforehand."""

    TITLE: ClassVar[str] = "minibatches"

    draws: int = option(4, "minibatches drawn an image; epoch e trains on draw e modulo this", least=1, most=10**5)


@dataclasses.dataclass(frozen=True)
class PrepConfig(Settings):
    """What `prep` makes."""

    TITLE: ClassVar[str] = "mirror images and draws"

    backbone: BackboneConfig = BackboneConfig()
    images: ImageConfig = ImageConfig()
    neck: NeckConfig = NeckConfig()
    anchors: LevelAnchorConfig = LevelAnchorConfig()
    minibatches: MinibatchConfig = MinibatchConfig()
    mirror: bool = option(True, "prepare every image's mirror image too")
    seed: int = option(0, "seed of the draws", least=0, most=SEED)


@dataclasses.dataclass(frozen=True)
class RPNConfig(Settings):
    """What `train-rpn` does."""

    TITLE: ClassVar[str] = "RPN"

    fit: FitConfig = FitConfig(epochs=4)
    start: str = option("none", "RUN folder whose RPN training starts from; with --epochs 0 it is taken as it is",
                        flag="rpn")
    channels: int = option(512, "filters of the RPN's 3x3 convolution", flag="rpn-channels", least=1,
                           most=CHANNELS)
    loss: RPNLossConfig = RPNLossConfig()
    training: TrainingProposalConfig = TrainingProposalConfig()
    proposals: ProposalConfig = ProposalConfig()
    network: RPNNetworkConfig = dataclasses.field(default=RPNNetworkConfig(), metadata={LATER: True})

    def contradiction(self, name: Callable[[str], str]) -> str:
        """An RPN that is taken as it is, and none named."""
        bare = self.fit.epochs == 0 and self.start == "none"
        return f"{name('fit.epochs')} 0 takes an RPN as it is: name the run that has it with {name('start')} RUN" \
            if bare else ""

    def for_levels(self, levels: int) -> "RPNConfig":
        """The same with numbers in place of each 0: the paper's for one level, those of pyramids for several."""
        return dataclasses.replace(self, training=settled(self.training, levels),
                                   proposals=settled(self.proposals, levels))


@dataclasses.dataclass(frozen=True)
class StageHeadConfig(HeadConfig):
    """The head of the stages, which may have other trunks than two dense layers."""

    kind: str = option("two_fc", "two_fc: two dense layers; vgg_fc: VGG16's fc6 and fc7; backbone_top: its last stage",
                       flag="head", choices=("two_fc", "vgg_fc", "backbone_top"), common=True)
    weights: str = option("none", "a RUN folder with a head of the same shape; vgg_fc: imagenet (downloads) or VGG16's "
                          "weights FILE; or none", flag="head-weights")


@dataclasses.dataclass(frozen=True)
class RCNNConfig(Settings):
    """What `train-rcnn` does."""

    fit: ScoredFitConfig = ScoredFitConfig(epochs=4, batch=4, learning_rate=7e-4)
    head: StageHeadConfig = StageHeadConfig()
    regions: RegionSamplingConfig = RegionSamplingConfig()
    loss: HeadLossConfig = HeadLossConfig()
    detections: DetectionConfig = DetectionConfig()

    def contradiction(self, name: Callable[[str], str]) -> str:
        """A head, unlike an RPN, is never taken as it is."""
        return f"{name('fit.epochs')} must be 1 or more; received: 0" if self.fit.epochs == 0 else ""
