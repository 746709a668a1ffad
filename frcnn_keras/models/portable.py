"""A detector in operations that runtimes other than TensorFlow know."""

import tensorflow as tf

from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.ops import greedy
from frcnn_keras.ops.detections import DetectedBoxes
from frcnn_keras.ops.gathering import gather_regions


class PortableRCNN(FasterRCNN):
    """A FasterRCNN whose regions are pooled by gathering cells."""

    def detect(self, levels, proposals, sizes) -> DetectedBoxes:
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


def detection_outputs(model: FasterRCNN, image_tensor) -> dict:
    """What an exported file gives for one image, under the names that TF Object Detection API's clients know.

    image_tensor: (1, H, W, 3) uint8 RGB.

    Returns, with M = the detector's limit; zeros past num_detections:
        detection_boxes: (1, M, 4) float32, [ymin, xmin, ymax, xmax] as fractions of the image, within 0..1.
        detection_scores: (1, M) float32, falling.
        detection_classes: (1, M) float32, 1..C.
        num_detections: (1,) float32.
    """
    found = model.detect_image(image_tensor[0])
    height, width = tf.unstack(tf.cast(tf.shape(image_tensor)[1:3], tf.float32))
    x1, y1, x2, y2 = tf.unstack(found.boxes, num=4, axis=-1)
    boxes = tf.clip_by_value(tf.stack([y1 / height, x1 / width, y2 / height, x2 / width], -1), 0.0, 1.0)  # (M, 4)
    return {"detection_boxes": tf.where(found.valid[:, None], boxes, 0.0)[None],
            "detection_scores": tf.where(found.valid, found.scores, 0.0)[None],
            "detection_classes": tf.cast(tf.where(found.valid, found.labels, 0), tf.float32)[None],
            "num_detections": tf.reduce_sum(tf.cast(found.valid, tf.float32))[None]}
