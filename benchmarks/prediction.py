"""Prediction: several images in one call beside one image a call, and beside the feature extractor alone."""

import numpy as np
import tensorflow as tf

from benchmarks.inputs import OFFSET, PAD, STRIDE, Settings, dataset_of, prep_config
from benchmarks.timing import Row, alternate, rows_of
from frcnn_keras.data.given_images import pixels
from frcnn_keras.models import rcnn as heads
from frcnn_keras.models.backbones import load_backbone
from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.models.neck import extractor
from frcnn_keras.models.rpn import RPN
from frcnn_keras.models.settings import Detecting, Geometry, Pooling, Preparing, Proposing
from frcnn_keras.ops import images as image_ops
from frcnn_keras.runs.detector import Detector, load
from frcnn_keras.settings.stages import RCNNConfig, RPNConfig


def random_detector(settings: Settings) -> Detector:
    """A detector of the default sizes that has learnt nothing: every proposal is a detection of every class before NMS,
    which is the most work that there can be."""
    config, head, rpn_config = prep_config(settings), RCNNConfig().head, RPNConfig().for_levels(1)
    backbone = load_backbone("mobilenet_v2", settings.backbone_weights)
    raw = extractor(backbone).compute_output_shape((None, None, None, 3))[-1][-1]
    kernel = np.random.default_rng(0).normal(size=(raw, settings.channels)).astype(np.float32) / np.sqrt(raw)
    geometry = Geometry.of([STRIDE], [OFFSET], config.anchors)
    rpn = RPN(geometry.anchors_per_position, rpn_config.channels)
    rpn.build((None, None, None, settings.channels))
    rcnn = heads.RCNN(heads.two_fc(head.roi_size, settings.channels, head.width), 4)
    rcnn.build((None, head.roi_size, head.roi_size, settings.channels))
    return Detector(FasterRCNN(
        extractor(backbone, kernel, np.zeros(settings.channels, np.float32)), rpn, rcnn, class_names=("a", "b", "c"),
        geometry=geometry, proposing=Proposing.of(rpn_config.proposals),
        preparing=Preparing(config.images.shorter, config.images.longer, backbone.preprocess, PAD),
        pooling=Pooling(op=head.roi_op, size=head.roi_size), detecting=Detecting()))


def prepared_images(detector: Detector, images) -> list:
    """The images as the extractor takes them: (1, H, W, 3) float32."""
    preparing, made = detector.model.preparing, []
    for image in images:
        size = preparing.size(*image.shape[:2])
        normalised = image_ops.normalise(image_ops.resize(image, *size), preparing.preprocessing)
        made.append(image_ops.pad(normalised[None], preparing.pad_multiple))
    return made


def measure(settings: Settings) -> list[Row]:
    """Seconds an image, decoded images in memory."""
    detector = load(settings.run) if settings.run else random_detector(settings)
    count = 4 if settings.quick else 16
    images = [pixels(example.read()).numpy() for example in dataset_of(settings, count).examples]
    given = prepared_images(detector, images)
    graph = tf.function(detector.model.features, input_signature=[tf.TensorSpec((1, None, None, 3), tf.float32)])
    kind = "trained" if settings.run else "untrained"
    what = f"predict, {kind} detector, {_size(given)}, {len(images)} images a call"
    single, alone = "1 image a call", "its feature extractor alone, 1 image a call"
    functions = {what: lambda: detector.predict(images),
                 single: lambda: [detector.predict(image) for image in images],
                 alone: lambda: [graph(image)[0][0, 0, 0].numpy() for image in given]}
    seconds = alternate(functions, settings.repeats(5), warm=1)
    return rows_of("predict", seconds, [(what, single), (what, alone)], unit="s", per=len(images))


def _size(images) -> str:
    """`800x608` of the first padded image: width x height."""
    return f"{images[0].shape[2]}x{images[0].shape[1]}"
