"""torchvision's Faster R-CNN detectors, constant by constant, as `FasterRCNN` models; weights come from elsewhere."""

import dataclasses
from collections.abc import Sequence

from frcnn_keras.errors import InputError
from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.models.fpn import PyramidExtractor
from frcnn_keras.models.mobilenet_v3 import mobilenet_v3_large
from frcnn_keras.models.rcnn import RCNN, conv_fc, two_fc
from frcnn_keras.models.resnet import resnet50
from frcnn_keras.models.rpn import RPN
from frcnn_keras.models.settings import Detecting, Geometry, Pooling, Preparing, Proposing

CHANNELS = 256  # of every level
RATIOS = (0.5, 1.0, 2.0)


@dataclasses.dataclass(frozen=True)
class TorchvisionModel:
    """What one of torchvision's models has of its own, and what torchvision publishes about it."""

    min_size: int  # shorter side of the resized image
    max_size: int  # longer side at most
    parameters: int  # as torchvision counts them, with 91 classes
    coco_ap: float  # box AP on COCO val2017, in percent
    gflop: float
    file: str  # of the COCO weights
    proposals: int  # looked at per level, and kept of all levels
    proposal_score: float  # a proposal's at least

    @property
    def is_mobilenet(self) -> bool:
        return "mobilenet" in self.file

    @property
    def is_v2(self) -> bool:
        return "_v2_" in self.file


MODELS = {
    "fasterrcnn_resnet50_fpn": TorchvisionModel(
        800, 1333, 41_755_286, 37.0, 134.38, "fasterrcnn_resnet50_fpn_coco-258fb6c6.pth", 1000, 0.0),
    "fasterrcnn_resnet50_fpn_v2": TorchvisionModel(
        800, 1333, 43_712_278, 46.7, 280.37, "fasterrcnn_resnet50_fpn_v2_coco-dd69338a.pth", 1000, 0.0),
    "fasterrcnn_mobilenet_v3_large_fpn": TorchvisionModel(
        800, 1333, 19_386_354, 32.8, 4.49, "fasterrcnn_mobilenet_v3_large_fpn-fb6a3cc7.pth", 1000, 0.05),
    "fasterrcnn_mobilenet_v3_large_320_fpn": TorchvisionModel(
        320, 640, 19_386_354, 22.8, 0.72, "fasterrcnn_mobilenet_v3_large_320_fpn-907ea3f9.pth", 150, 0.05),
}  # fmt: skip


def build_detector(model: str, class_names: Sequence[str], *, classes: int, min_size: int | None = None,
                   max_size: int | None = None, wanted: Sequence[int] | None = None,
                   category_ids: Sequence[int] | None = None, bn_epsilon: float = 1e-5) -> FasterRCNN:
    """The detector `model` (a key of MODELS) with new weights.

    Args:
        class_names: of the labels it gives out.
        classes: of the predictor, the background included.
        min_size, max_size: the resized image's sides; the model's own by default.
        wanted: the predictor's labels that it gives out, in the order of class_names; all by default.
        category_ids: see FasterRCNN.
        bn_epsilon: of every batch normalisation, see torchvision.norm_epsilon.

    Raises:
        InputError: an unknown model.
    """
    if model not in MODELS:
        raise InputError(f"unknown torchvision model {model!r}; use one of {', '.join(MODELS)}")
    spec = MODELS[model]
    sizes = ((32.0,), (64.0,), (128.0,), (256.0,), (512.0,))
    strides = (4.0, 8.0, 16.0, 32.0, 64.0)
    if spec.is_mobilenet:
        sizes, strides = ((32.0, 64.0, 128.0, 256.0, 512.0),) * 3, (32.0, 32.0, 64.0)
    rpn = RPN(len(sizes[0]) * len(RATIOS), CHANNELS, depth=2 if spec.is_v2 else 1, name="rpn")
    rpn.build((None, None, None, CHANNELS))
    trunk = conv_fc(7, CHANNELS, epsilon=bn_epsilon) if spec.is_v2 else two_fc(7, CHANNELS)
    rcnn = RCNN(trunk, classes, name="rcnn")
    rcnn.build((None, 7, 7, CHANNELS))
    return FasterRCNN(
        _extractor(spec, bn_epsilon), rpn, rcnn, class_names=class_names, category_ids=category_ids, name="faster_rcnn",
        geometry=Geometry(strides, (0.0,) * len(strides), sizes, RATIOS, anchor_rounded=True, stride_rule="quotient"),
        preparing=Preparing(min_size or spec.min_size, max_size or spec.max_size, "torch", 32, fused_resize=True),
        proposing=Proposing(spec.proposals, spec.proposals, iou_threshold=0.7, min_size=1e-3,
                            score_threshold=spec.proposal_score),
        # torchvision's two MobileNet maps share a stride, and its rule sends every region to the first
        pooling=Pooling(1 if spec.is_mobilenet else 4, min_cells=1.0, op="align", size=7),
        detecting=Detecting(score_threshold=0.05, iou_threshold=0.5, limit=100, min_size=1e-2,
                            classes=None if wanted is None else tuple(wanted)))


def _extractor(spec: TorchvisionModel, epsilon: float) -> PyramidExtractor:
    """Trunk and FPN. Only v2's normalisations have affine parts that train, and only v2's FPN has any."""
    trunk = mobilenet_v3_large(epsilon) if spec.is_mobilenet else resnet50(epsilon, affine=spec.is_v2)
    return PyramidExtractor(trunk, CHANNELS, epsilon if spec.is_v2 else None, name="extractor")
