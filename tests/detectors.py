"""Small detectors: every FasterRCNN that tests make by themselves is put together here."""

import dataclasses

import keras
import numpy as np

from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.models.rcnn import RCNN, two_fc
from frcnn_keras.models.rpn import RPN
from frcnn_keras.models.settings import Detecting, Geometry, Pooling, Preparing, Proposing
from frcnn_keras.settings.detector import LevelAnchorConfig


def geometry_of(strides, anchor_sizes, anchor_ratios, offsets=None):
    """Levels of these strides whose cells' centres lie in their middle."""
    return Geometry.of(strides, offsets or [stride / 2 for stride in strides],
                       LevelAnchorConfig(tuple(anchor_sizes), tuple(anchor_ratios)))


def proposing_of(before, after, iou_threshold=0.7):
    """How anchors become proposals."""
    return Proposing(before, after, iou_threshold, min_size=1.0)


def small_faster_rcnn(extractor, channels, *, class_names=("a", "b", "c"), geometry=None, strides=(8.0,),
                      anchor_sizes=(16.0, 32.0), anchor_ratios=(0.5, 1.0, 2.0), hidden=8, width=16, box_head=None,
                      op="align", roi_size=3, shorter=64, longer=100, preprocessing="none", pad_multiple=8, before=60,
                      after=20, score_threshold=0.1, limit=9, boxes=True):
    """A FasterRCNN around an extractor to maps of `channels`, with an RPN and a head as Keras initialises them.

    geometry: in place of strides, anchor_sizes and anchor_ratios. box_head: in place of two layers of `width`. boxes:
    whether the head moves regions.
    """
    geometry = geometry or geometry_of(strides, anchor_sizes, anchor_ratios)
    rpn = RPN(geometry.anchors_per_position, hidden, name="rpn")
    rpn.build((None, None, None, channels))
    rcnn = RCNN(box_head or two_fc(roi_size, channels, width), len(class_names) + 1, boxes, name="rcnn")
    rcnn.build((None, roi_size, roi_size, channels))
    return FasterRCNN(
        extractor, rpn, rcnn, class_names=class_names, geometry=geometry,
        preparing=Preparing(shorter, longer, preprocessing, pad_multiple), proposing=proposing_of(before, after),
        pooling=Pooling(op=op, size=roi_size),
        detecting=Detecting(score_threshold=score_threshold, iou_threshold=0.5, limit=limit), name="faster_rcnn")


def change(model, settings, **values):
    """Other values in a detector's settings of that name, such as `detecting`."""
    setattr(model, settings, dataclasses.replace(getattr(model, settings), **values))


def draw_weights(model, deviation, seed):
    """Normal weights, biases too, in the RPN and the head."""
    rng = np.random.default_rng(seed)
    for part in (model.rpn, model.rcnn):
        part.set_weights([rng.normal(0, deviation, weight.shape).astype(np.float32) for weight in part.weights])
    return model


@keras.saving.register_keras_serializable(package="tests")
class TwoLevels(keras.Model):
    """Maps of stride 8 and 16 with 4 channels."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.fine = keras.layers.Conv2D(4, 8, 8, activation="relu")
        self.pool = keras.layers.AveragePooling2D(2)
        self.fine.build((None, None, None, 3))
        self.built = True

    def call(self, images, training=None):
        fine = self.fine(images)
        return fine, self.pool(fine)

    def compute_output_shape(self, input_shape):
        fine = self.fine.compute_output_shape(input_shape)
        return fine, self.pool.compute_output_shape(fine)


def random_detector(levels=1, seed=0):
    """A detector of random weights that finds many things; on one level or on TwoLevels."""
    keras.utils.set_random_seed(seed)
    if levels == 1:
        extractor = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 8, 8, activation="relu")])
    else:
        extractor = TwoLevels()
    model = small_faster_rcnn(extractor, 4, strides=[8, 16][:levels], anchor_sizes=[16, 32], anchor_ratios=[0.5, 2],
                              preprocessing="tf", pad_multiple=16, after=12)
    return draw_weights(model, 0.2, seed)


def images_of(count, height=64, width=80, seed=3):
    """Images as random_detector takes them."""
    return np.random.default_rng(seed).uniform(-1, 1, (count, height, width, 3)).astype(np.float32)


def uneven_detector(strides=(8.0,), seed=3, extractor=None):
    """A small detector whose weights are large enough for its losses to differ; one level a stride.

    extractor: another one to maps of 5 channels.
    """
    keras.utils.set_random_seed(seed)
    image = keras.Input((None, None, 3), name="image")
    maps, made = image, []
    for number, filters in enumerate((4, 6, 5)):
        maps = keras.layers.Conv2D(filters, 3, 2, padding="same", activation="relu", name=f"down{number}")(maps)
        if 2.0 ** (number + 1) in strides:
            made.append(keras.layers.Conv2D(5, 1, name=f"level{number}")(maps))
    model = small_faster_rcnn(
        extractor or keras.Model(image, made, name="extractor"), 5, strides=strides, hidden=7, width=10, shorter=48,
        longer=80, before=40, after=9, limit=5)
    return draw_weights(model, 0.3, seed)


def small_detector(levels=1, op="align"):
    """A detector of random weights on `levels` levels from stride 8 that finds something in any picture."""
    image = keras.Input((None, None, 3))
    features, maps = image, []
    for number in range(2 + levels):
        features = keras.layers.Conv2D(8, 3, 2, padding="same", activation="tanh", name=f"stage{number}")(features)
        maps.append(features)
    strides = [8.0 * 2**level for level in range(levels)]
    model = small_faster_rcnn(
        keras.Model(image, maps[2:], name="extractor"), 8, class_names=("ant", "bee", "käfer"), strides=strides,
        anchor_sizes=[4 * stride for stride in strides], hidden=16, width=32, op=op, roi_size=4, shorter=96, longer=160,
        preprocessing="torch", pad_multiple=int(strides[-1]), before=200, after=30, score_threshold=0.3, limit=20)
    rng = np.random.default_rng(0)
    for weight in [*model.extractor.weights, *model.rpn.weights, *model.rcnn.weights]:
        if len(weight.shape) > 1:
            gain = 0.3 if "deltas" in weight.path else 2.0
            weight.assign(rng.normal(0, gain / np.sqrt(np.prod(weight.shape[:-1])), weight.shape))
    return model


def hand_made(**settings):
    """A detector whose every answer follows by hand: it finds the brightest cell of an image.

    The map is the red channel's mean over 8x8 pixels (divided by 100 in the head), one anchor of 32x32 a cell, whose
    logit is the cell's value. Class `two` moves a region right by 0.1 of its width and up by 0.05 of its height.

    settings: of small_faster_rcnn, in place of its own.
    """
    extractor = keras.Sequential([keras.Input((None, None, 3)), keras.layers.AveragePooling2D(8)])
    box_head = keras.Sequential([keras.Input((2, 2, 3)), keras.layers.GlobalAveragePooling2D()])
    own = {"class_names": ("one", "two"), "anchor_sizes": (32.0,), "anchor_ratios": (1.0,), "hidden": 1, "roi_size": 2,
           "shorter": 96, "longer": 200, "before": 50, "after": 1, "score_threshold": 0.5, "limit": 3}
    model = small_faster_rcnn(extractor, 3, box_head=box_head, **{**own, **settings})
    rpn, rcnn = model.rpn, model.rcnn
    for weight in rpn.weights:
        weight.assign(np.zeros(weight.shape, np.float32))
    kernel = np.zeros((3, 3, 3, 1), np.float32)
    kernel[1, 1, 0] = 1.0
    rpn.convolution.kernel.assign(kernel)
    rpn.objectness.kernel.assign(np.ones((1, 1, 1, 1), np.float32))
    rcnn.class_logits.kernel.assign(np.array([[0, 0, 0.01], [0, 0, 0], [0, 0, 0]], np.float32))
    rcnn.class_logits.bias.assign(np.array([0, -9, 3], np.float32))
    if rcnn.boxes:
        rcnn.deltas.kernel.assign(np.zeros((3, 12), np.float32))
        rcnn.deltas.bias.assign(np.array([0] * 8 + [1.0, -0.5, 0, 0], np.float32))
    return model
