"""What a detector is made of, and how it predicts: settings that stages, image trainers and `check` share."""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from frcnn_keras.settings.options import option
from frcnn_keras.settings.ranges import CHANNELS, SIDE, Settings, received

Counted = TypeVar("Counted")  # ProposalConfig, or TrainingProposalConfig of settings.learning


@dataclasses.dataclass(frozen=True)
class BackboneConfig(Settings):
    """Which network gives the features, and from which of its layers."""

    TITLE: ClassVar[str] = "backbone"

    name: str = option("mobilenet_v2", "network of keras.applications, FILE.keras of your own, or RUN "
                       "whose features are taken", flag="backbone", common=True)
    weights: str = option("imagenet", "imagenet (downloads), a weights FILE, or none", flag="backbone-weights")
    feature_layers: tuple[str, ...] = option((), "layers whose maps are used, brought to the last one's stride",
                                             alias="feature-layer")
    preprocess: str = option("", "own backbone: how pixels are normalised",
                             choices=("", "caffe", "tf", "torch", "none"))
    pyramid: int = option(0, "channels of a feature pyramid on the backbone's layers; 0: none. Only joint training "
                          "can give a new one its weights", least=0, most=CHANNELS)
    pyramid_levels: tuple[str, ...] = option((), "levels of the pyramid, p2 (stride 4) to p7, without a gap, as "
                                             "p3,p4,p5; all of the layers' and one coarser by default", later=True)

    def contradiction(self, name: Callable[[str], str]) -> str:
        """Levels of no pyramid, or none that there are."""
        levels = self.pyramid_levels
        if levels and not self.pyramid:
            return f"{name('pyramid_levels')} are those of a pyramid: give {name('pyramid')} CHANNELS too"
        known = [f"p{number}" for number in range(2, 8)]
        first = known.index(levels[0]) if levels and levels[0] in known else 0
        if levels and list(levels) != known[first:first + len(levels)]:
            return (f"{name('pyramid_levels')} must be some of {','.join(known)}, finest first, without a gap; "
                    f"received: {received(levels)}")
        return ""


@dataclasses.dataclass(frozen=True)
class ImageConfig(Settings):
    """The size that images are resized to."""

    TITLE: ClassVar[str] = "size of images"

    shorter: int = option(600, "pixels of the resized shorter side", common=True, least=1,
                          most=SIDE, not_above="longer")
    longer: int = option(1000, "... unless the longer side would have more than this", least=1, most=SIDE)


@dataclasses.dataclass(frozen=True)
class NeckConfig(Settings):
    """The projection behind a frozen backbone."""

    TITLE: ClassVar[str] = "neck"

    channels: int = option(96, "principal components kept of the backbone's channels; 0: raw", flag="neck-channels",
                           least=0, most=CHANNELS)
    sample: int = option(32, "images the components are fitted on", flag="neck-sample", least=1, most=10**6)


@dataclasses.dataclass(frozen=True)
class AnchorConfig(Settings):
    """The anchors of a position."""

    TITLE: ClassVar[str] = "anchors"

    sizes: tuple[float, ...] = option((32.0, 64.0, 128.0, 256.0, 512.0),
                                      "anchor sizes (root of the area), pixels after resizing", flag="anchor-sizes",
                                      common=True, least=1, most=SIDE, counts=range(1, 65))
    ratios: tuple[float, ...] = option((0.5, 1.0, 2.0), "anchor aspect ratios, height / width", flag="anchor-ratios",
                                       least=0.01, most=100, counts=range(1, 65))
    scales: tuple[float, ...] = option((), "anchor sizes in strides, on every level, in place of --anchor-sizes",
                                       flag="anchor-scales", later=True, least=0.01, most=1000, counts=range(0, 65))

    def in_pixels(self, stride: float) -> tuple[float, ...]:
        """The sizes in pixels, where anchors are `stride` pixels apart."""
        return tuple(scale * stride for scale in self.scales) or self.sizes

    def contradiction(self, name: Callable[[str], str]) -> str:
        """Sizes in pixels, and sizes in strides."""
        both = self.scales and self.sizes != AnchorConfig.sizes
        return f"{name('sizes')} and {name('scales')} both say how large anchors are; leave one out" if both else ""


@dataclasses.dataclass(frozen=True)
class LevelAnchorConfig(AnchorConfig):
    """Anchors, and how they are spread over a pyramid's levels."""

    sizes: tuple[float, ...] = option(AnchorConfig.sizes, "anchor sizes (root of the area), pixels after resizing; "
                                      "auto, of the stages alone: by the objects of the images to train on",
                                      flag="anchor-sizes", words={"auto": ()}, least=1, most=SIDE, counts=range(1, 65))
    every_level: bool = option(False, "pyramids: all sizes on every level, instead of one size a level",
                               flag="anchors-on-every-level")
    rounded: bool = option(False, "round half widths and heights to whole pixels, as torchvision's trained RPNs need",
                           flag="anchors-rounded")
    stride: str = option("given", "pixels from anchor to anchor: the network's stride, or of each image the fraction "
                         "image / map; images are then not padded", flag="anchor-stride", later=True,
                         choices=("given", "fraction"))
    centres: str = option("field", "anchors lie in the middle of what a cell sees, in the middle of its tile (as large "
                          "as the stride), or on the tile's upper left corner", flag="anchor-centres", later=True,
                          choices=("field", "tile", "corner"))


@dataclasses.dataclass(frozen=True)
class RPNNetworkConfig(Settings):
    """What a new RPN is made of, beside its width."""

    TITLE: ClassVar[str] = "RPN"

    activation: str = option("relu", "behind the RPN's 3x3 convolutions: relu, or linear (none)", flag="rpn-activation",
                             choices=("relu", "linear"), later=True)
    initial: str = option("normal", "a new RPN's weights: normal of deviation 0.01, the paper's, or uniform, Keras's "
                          "own (Glorot in the 3x3 convolutions, -0.05 to 0.05 behind them)", flag="rpn-initial",
                          choices=("normal", "uniform"), later=True)


@dataclasses.dataclass(frozen=True)
class DeepRPNNetworkConfig(RPNNetworkConfig):
    """That of an RPN that trains on whole maps, and not on tiles of 3x3 cells."""

    depth: int = option(1, "3x3 convolutions of the RPN; train-rpn's tiles serve one, joint and finetune any number",
                        flag="rpn-depth", later=True, least=1, most=64)


@dataclasses.dataclass(frozen=True)
class ProposalConfig(Settings):
    """Which proposals survive in prediction."""

    TITLE: ClassVar[str] = "proposals in prediction"

    BEFORE: ClassVar[tuple[int, int]] = (6000, 1000)  # in place of 0: one level (the paper's), pyramids

    before: int = option(0, "prediction: best anchors of a level that go into NMS; 0: 6000, on pyramids 1000",
                         flag="pre-nms", least=0, most=10**6)
    after: int = option(300, "prediction: proposals that remain", flag="post-nms", least=1, most=10**5)
    nms: float = option(0.7, "proposals that overlap a better one by more than this IoU go", flag="proposal-nms",
                        least=0, most=1)
    min_size: float = option(1e-3, "proposals narrower or lower than this many pixels go", flag="proposal-min-size",
                             least=0, most=SIDE)


@dataclasses.dataclass(frozen=True)
class HeadConfig(Settings):
    """The Fast R-CNN head, and how its regions are pooled."""

    TITLE: ClassVar[str] = "head"

    width: int = option(1024, "units of the head's two dense layers", flag="head-width", least=1, most=CHANNELS)
    dropout: float = option(0.0, "share of the head's units dropped in training", least=0, below=1)
    roi_op: str = option("align", "how regions are pooled", choices=("align", "pool"))
    roi_size: int = option(7, "regions are pooled to this many cells a side", least=1, most=64)
    box_head: bool = option(True, "the head moves regions; without, it only classifies, and proposals stay as they are",
                            later=True)
    delta_scales: tuple[float, ...] = option((0.1, 0.1, 0.2, 0.2), "units of the head's dx, dy, dw, dh (deviations of "
                                             "the deltas it learns)", later=True, above=0, most=1000, counts=(4,))
    delta_means: tuple[float, ...] = option((0.0, 0.0, 0.0, 0.0), "... and their means, which the head's 0 stands for",
                                            later=True, least=-1000, most=1000, counts=(4,))


@dataclasses.dataclass(frozen=True)
class DetectionConfig(Settings):
    """Which detections are given out."""

    TITLE: ClassVar[str] = "detections"

    score_threshold: float = option(0.05, "detections must score more than this", least=0, most=1)
    nms: float = option(0.5, "detections that overlap a better one of their class by more than this IoU go", least=0,
                        most=1)
    limit: int = option(100, "detections an image at most", flag="max-detections", least=1, most=10**5)


def settled(proposals: Counted, levels: int) -> Counted:
    """A ProposalConfig or TrainingProposalConfig with a number in place of a 0, by the number of feature levels."""
    config: Any = proposals
    return dataclasses.replace(config, before=config.before or config.BEFORE[levels > 1])
