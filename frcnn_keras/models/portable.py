"""A detector in operations that runtimes other than TensorFlow know."""

from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.ops import greedy
from frcnn_keras.ops.gathering import gather_regions


class PortableRCNN(FasterRCNN):
    """A FasterRCNN whose regions are pooled by gathering cells."""

    def detect(self, levels, proposals, sizes):
        strides, offsets = self.geometry["strides"], self.geometry["offsets"]
        pooled = gather_regions(levels, proposals.boxes, strides, offsets, **self.pooling)  # (B, R, S, S, C)
        return self.detect_pooled(pooled, proposals, sizes)


def portable(model: FasterRCNN) -> FasterRCNN:
    """The same detector, over the same weights, without combined NMS and crop_and_resize.

    It gives the same detections to rounding, slower than `model` in TensorFlow itself. It is for export, not for
    saving.
    """
    return PortableRCNN(
        model.extractor, model.rpn, model.rcnn, class_names=model.class_names, geometry=model.geometry,
        preparing=model.preparing, proposing={**model.proposing, "suppress": greedy.suppress_ranked},
        pooling=model.pooling, detecting={**model.detecting, "suppress": greedy.suppress_classes})
