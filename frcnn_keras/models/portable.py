"""A detector in operations that runtimes other than TensorFlow know."""

import tensorflow as tf

from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.ops import portable_nms
from frcnn_keras.ops.portable_pooling import gather_regions
from frcnn_keras.ops.postprocessing import served


class PortableRCNN(FasterRCNN):
    """A FasterRCNN that pools regions by gathering cells, and suppresses doubles in elementary operations."""

    suppress_ranked = staticmethod(portable_nms.suppress_ranked)
    suppress_classes = staticmethod(portable_nms.suppress_classes)

    def pool(self, levels, regions):
        return gather_regions(levels, regions, self.geometry.strides, self.geometry.offsets, **self.pooling.keywords())


def portable(model: FasterRCNN) -> FasterRCNN:
    """The same detector, over the same weights, without combined NMS and crop_and_resize.

    It gives the same detections to rounding, slower than `model` in TensorFlow itself. It is for export, not for
    saving.
    """
    return PortableRCNN(model.extractor, model.rpn, model.rcnn, class_names=model.class_names, **vars(model.settings))


def detection_outputs(model: FasterRCNN, image_tensor) -> dict:
    """What an exported file gives for one image, under the names that TF Object Detection API's clients know.

    image_tensor: (1, H, W, 3) uint8 RGB.

    Returns, with M = the detector's limit; zeros past num_detections:
        detection_boxes: (1, M, 4) float32, [ymin, xmin, ymax, xmax] as fractions of the image, within 0..1.
        detection_scores: (1, M) float32, falling.
        detection_classes: (1, M) float32, 1..C.
        num_detections: (1,) float32.
    """
    image = tf.cast(image_tensor[0], tf.float32)  # other runtimes resize uint8 to rounded uint8
    outputs = served(model.detect_image(image), tf.shape(image_tensor)[1:3])
    return {name: values[None] for name, values in outputs.items()}
