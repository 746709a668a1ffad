"""Settings of every stage: nested frozen dataclasses, one comment (the flag's help) a field.

The dataclasses are the single source: command-line flags, TOML keys and the JSON written beside every artefact are
derived from them. The library's functions take plain values; only commands and builders see a config.
"""

import dataclasses

from frcnn_keras.settings.options import option


@dataclasses.dataclass(frozen=True)
class BackboneConfig:
    """Which network gives the features, and from which of its layers."""
    name: str = option("mobilenet_v2", "network of keras.applications, FILE.keras of your own, or a run folder "
                       "whose detector's features are taken", flag="backbone")
    weights: str = option("imagenet", "imagenet (downloads), a weights FILE, or none", flag="backbone-weights")
    feature_layers: tuple[str, ...] = option((), "layers whose maps are used, brought to the last one's stride",
                                             alias="feature-layer")
    preprocess: str = option("", "own backbone: how pixels are normalised",
                             choices=("", "caffe", "tf", "torch", "none"))
    pyramid: int = option(0, "channels of a feature pyramid on the backbone's layers; 0: none. Only joint training "
                          "can give a new one its weights")


@dataclasses.dataclass(frozen=True)
class ImageConfig:
    shorter: int = option(600, "the shorter side is resized to this many pixels")
    longer: int = option(1000, "... unless the longer side would pass this many")


@dataclasses.dataclass(frozen=True)
class NeckConfig:
    channels: int = option(96, "principal components kept of the backbone's channels; 0: raw", flag="neck-channels")
    sample: int = option(32, "images the components are fitted on", flag="neck-sample")


@dataclasses.dataclass(frozen=True)
class AnchorConfig:
    sizes: tuple[float, ...] = option((32.0, 64.0, 128.0, 256.0, 512.0),
                                      "anchor sizes (root of the area), pixels after resizing", flag="anchor-sizes")
    ratios: tuple[float, ...] = option((0.5, 1.0, 2.0), "anchor aspect ratios, height / width", flag="anchor-ratios")


@dataclasses.dataclass(frozen=True)
class LevelAnchorConfig(AnchorConfig):
    """Anchors, and how they are spread over a pyramid's levels."""

    every_level: bool = option(False, "pyramids: all sizes on every level, instead of one size a level",
                               flag="anchors-on-every-level")
    rounded: bool = option(False, "round half widths and heights to whole pixels, as torchvision's trained RPNs need",
                           flag="anchors-rounded")


@dataclasses.dataclass(frozen=True)
class MinibatchConfig:
    positive: float = option(0.7, "an anchor of this IoU with an object or more is positive", flag="positive-iou")
    negative: float = option(0.3, "an anchor below this IoU with every object is negative", flag="negative-iou")
    count: int = option(256, "anchors in a minibatch, all of one image", flag="samples")
    positive_fraction: float = option(0.5, "share of a minibatch that may be positive")
    draws: int = option(4, "minibatches drawn an image; epoch e trains on draw e modulo this")


@dataclasses.dataclass(frozen=True)
class PrepConfig:
    """What prep makes."""

    backbone: BackboneConfig = BackboneConfig()
    images: ImageConfig = ImageConfig()
    neck: NeckConfig = NeckConfig()
    anchors: LevelAnchorConfig = LevelAnchorConfig()
    minibatches: MinibatchConfig = MinibatchConfig()
    mirror: bool = option(True, "prepare every image's mirror image too")
    seed: int = option(0, "seed of the draws")


@dataclasses.dataclass(frozen=True)
class FitConfig:
    """How a stage is optimised; both trainers share it."""

    epochs: int = option(3, "passes over the images (mirror images included)")
    batch: int = option(2, "images a step")
    optimizer: str = option("adam", "adam or momentum SGD", choices=("adam", "sgd"))
    learning_rate: float = option(1e-3, "highest learning rate (try 0.01 with sgd)")
    schedule: str = option("cosine", "after the warm-up: fall by cosine to 0, drop at --drops, or stay",
                           choices=("cosine", "drops", "constant"))
    warmup: int = option(100, "steps over which the learning rate rises from 0")
    drops: tuple[float, ...] = option((0.7, 0.9), "schedule drops: divide the rate by 10 at these shares of the run")
    momentum: float = option(0.9, "of SGD")
    weight_decay: float = option(0.0, "decoupled weight decay on kernels, not on biases")
    clip_norm: float = option(10.0, "gradients are scaled down to this global norm; 0: never")
    precision: str = option("auto", "of the products: auto takes bfloat16 where the processor multiplies it itself",
                            choices=("auto", "float32", "bfloat16"))
    seed: int = option(0, "seed of initial weights, order and draws")


@dataclasses.dataclass(frozen=True)
class ProposalConfig:
    """How many proposals survive; one instance for training images, one for the others."""

    before: int
    after: int


@dataclasses.dataclass(frozen=True)
class RPNConfig:
    """What train-rpn does."""

    fit: FitConfig = FitConfig(epochs=4)
    start: str = option("none", "RUN folder whose RPN training starts from; with --epochs 0 it is taken as it is",
                        flag="rpn")
    hidden: int = option(512, "filters of the 3x3 convolution", flag="rpn-channels")
    box_weight: float = option(1.0, "lambda: weight of the box loss", flag="lambda")
    beta: float = option(1 / 9, "smooth-L1 turns linear at this distance")
    train_before: int = option(0, "training images: best anchors of a level that go into NMS; 0: 12000, on "
                               "pyramids 2000", flag="train-pre-nms")
    train_after: int = option(2000, "training images: proposals that remain", flag="train-post-nms")
    eval_before: int = option(0, "other images: best anchors of a level that go into NMS; 0: 6000, on pyramids 1000",
                              flag="pre-nms")
    eval_after: int = option(300, "other images: proposals that remain", flag="post-nms")
    nms: float = option(0.7, "proposals that overlap a better one by more than this IoU go", flag="proposal-nms")
    min_size: float = option(1e-3, "proposals narrower or lower than this many pixels go", flag="proposal-min-size")

    def for_levels(self, levels: int) -> "RPNConfig":
        """The same with numbers in place of each 0: the paper's for one level, those of pyramids for several."""
        train, other = (12000, 6000) if levels == 1 else (2000, 1000)
        return dataclasses.replace(self, train_before=self.train_before or train,
                                   eval_before=self.eval_before or other)

    @property
    def train_proposals(self) -> ProposalConfig:
        return ProposalConfig(self.train_before, self.train_after)

    @property
    def eval_proposals(self) -> ProposalConfig:
        return ProposalConfig(self.eval_before, self.eval_after)


@dataclasses.dataclass(frozen=True)
class RCNNConfig:
    """What train-rcnn does."""

    fit: FitConfig = FitConfig(epochs=4, batch=4, learning_rate=7e-4)
    head: str = option("two_fc", "two_fc: two dense layers; vgg_fc: VGG16's fc6 and fc7; backbone_top: its last stage",
                       choices=("two_fc", "vgg_fc", "backbone_top"))
    width: int = option(1024, "units of two_fc's layers", flag="head-width")
    head_weights: str = option("none", "a RUN folder with a head of the same shape; vgg_fc: imagenet (downloads) or "
                               "VGG16's weights FILE; or none")
    dropout: float = option(0.0, "two_fc, vgg_fc: share of units dropped in training")
    roi_op: str = option("align", "how regions are pooled", choices=("align", "pool"))
    roi_size: int = option(7, "regions are pooled to this many cells a side")
    regions: int = option(128, "regions an image and step")
    positive_fraction: float = option(0.25, "share of them that may be foreground")
    foreground: float = option(0.5, "foreground: IoU with an object of this or more", flag="foreground-iou")
    background: float = option(0.0, "background: IoU from this up to --foreground-iou", flag="background-iou")
    beta: float = option(1.0, "smooth-L1 turns linear at this distance (of scaled deltas)")
    score_threshold: float = option(0.05, "detections must score more than this")
    nms: float = option(0.5, "detections that overlap a better one of their class by more than this IoU go")
    limit: int = option(100, "detections an image at most", flag="max-detections")
