"""Settings of the trainers that read images: `finetune`, `joint`, `alternate`; in the form of `config`."""

import dataclasses

from frcnn_keras.settings.options import option
from frcnn_keras.settings.stages import BackboneConfig, FitConfig, ImageConfig, LevelAnchorConfig, NeckConfig


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """How training images are changed."""

    mirror: bool = option(True, "mirror half of the images")
    jitter: float = option(0.2, "draw each image's shorter side from 1 - this to 1 + this times the detector's")
    jitter_shorter: tuple[int, ...] = option((), "... or from this range: LEAST,MOST pixels")
    brightness: float = option(0.0, "draw a factor of the brightness from 1 - this to 1 + this")
    contrast: float = option(0.0, "likewise of the contrast")
    saturation: float = option(0.0, "likewise of the saturation")


@dataclasses.dataclass(frozen=True)
class ImageFitConfig(FitConfig):
    """How a whole detector is optimised on images."""

    epochs: int = option(3, "passes over the images")
    learning_rate: float = option(4e-4, "highest learning rate")
    precision: str = option("auto", "of the products: auto takes bfloat16 where it is quicker; see README",
                            choices=("auto", "float32", "mixed_bfloat16", "mixed_float16"))
    backbone_rate: float = option(1.0, "learning rate of the backbone, as a share of --learning-rate")
    ema: float = option(0.0, "keep a moving average of the weights, over about so many epochs, and use it; 0: none")
    accumulate: int = option(1, "parts that a step's images are divided into, to save memory; the result is the same")


@dataclasses.dataclass(frozen=True)
class JointLossConfig:
    """What the four losses are taken of."""

    positive: float = option(0.7, "an anchor of this IoU with an object or more is positive", flag="positive-iou")
    negative: float = option(0.3, "an anchor below this IoU with every object is negative", flag="negative-iou")
    samples: int = option(256, "anchors an image and step")
    anchor_fraction: float = option(0.5, "share of them that may be positive", flag="anchor-positive-fraction")
    before: int = option(0, "best anchors of a level that go into NMS; 0: 6000, on pyramids 2000",
                         flag="train-pre-nms")
    after: int = option(1000, "proposals that the regions are drawn from", flag="train-post-nms")
    regions: int = option(128, "regions an image and step")
    region_fraction: float = option(0.25, "share of them that may be foreground", flag="positive-fraction")
    foreground: float = option(0.5, "foreground: IoU with an object of this or more", flag="foreground-iou")
    background: float = option(0.0, "background: IoU from this up to --foreground-iou", flag="background-iou")
    box_weight: float = option(1.0, "lambda: weight of the proposals' box loss", flag="lambda")
    rpn_beta: float = option(1 / 9, "proposals' boxes: smooth-L1 turns linear at this distance")
    beta: float = option(1.0, "head's boxes: smooth-L1 turns linear at this distance (of scaled deltas)")


@dataclasses.dataclass(frozen=True)
class FinetuneConfig:
    """What `finetune` does to a detector.

    Rate and average were chosen on BCCD's val images, trained on its train images: 4e-4 gained less in 3 epochs, 1.6e-3
    no more, and without an average a single epoch loses AP.
    """

    fit: ImageFitConfig = ImageFitConfig(learning_rate=8e-4, ema=0.7)
    augment: AugmentConfig = AugmentConfig()
    losses: JointLossConfig = JointLossConfig()
    freeze_stages: int = option(2, "first stages of the backbone that stay as they are (a stage ends where the stride "
                                "doubles)")


@dataclasses.dataclass(frozen=True)
class DetectorConfig:
    """A detector's own numbers, where no stage has fixed them."""

    hidden: int = option(512, "filters of the RPN's 3x3 convolution", flag="rpn-channels")
    before: int = option(0, "prediction: best anchors of a level that go into NMS; 0: 6000, on pyramids 1000",
                         flag="pre-nms")
    after: int = option(300, "prediction: proposals that remain", flag="post-nms")
    proposal_nms: float = option(0.7, "proposals that overlap a better one by more than this IoU go")
    min_size: float = option(1e-3, "proposals narrower or lower than this many pixels go", flag="proposal-min-size")
    width: int = option(1024, "units of the head's two dense layers", flag="head-width")
    dropout: float = option(0.0, "share of the head's units dropped in training")
    roi_op: str = option("align", "how regions are pooled", choices=("align", "pool"))
    roi_size: int = option(7, "regions are pooled to this many cells a side")
    score_threshold: float = option(0.05, "detections must score more than this")
    nms: float = option(0.5, "detections that overlap a better one of their class by more than this IoU go")
    limit: int = option(100, "detections an image at most", flag="max-detections")


@dataclasses.dataclass(frozen=True)
class JointConfig:
    """What `joint` builds and trains."""

    backbone: BackboneConfig = BackboneConfig()
    images: ImageConfig = ImageConfig()
    neck: NeckConfig = NeckConfig()
    anchors: LevelAnchorConfig = LevelAnchorConfig()
    detector: DetectorConfig = DetectorConfig()
    training: FinetuneConfig = FinetuneConfig(fit=ImageFitConfig(epochs=12, learning_rate=5e-4))


@dataclasses.dataclass(frozen=True)
class AlternateConfig:
    """What `alternate` does: steps 1 and 2 as `joint` has it, steps 3 and 4 as the stages have it."""

    joint: JointConfig = JointConfig()
    stage_epochs: int = option(4, "epochs of step 3 and of step 4 (mirror images included); --epochs: of 1 and of 2")
