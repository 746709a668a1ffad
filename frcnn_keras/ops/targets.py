"""What the two networks should answer: labels and deltas for anchors, and for a sample of regions."""

from typing import NamedTuple

import tensorflow as tf

from frcnn_keras.ops import boxes as box_ops
from frcnn_keras.ops.anchors import inside
from frcnn_keras.ops.matching import match, reached
from frcnn_keras.ops.sampling import sample


def anchor_targets(anchors, boxes, ignored, height, width, *, positive: float = 0.7, negative: float = 0.3,
                   keep_best: bool = True, keep_outside: bool = False):
    """Labels every anchor of an image (arXiv 1506.01497, sections 3.1.2 and 3.3).

    Args:
        anchors: (A, 4).
        boxes: (G, 4) objects; G may be 0.
        ignored: (G,) bool, objects that neither make anchors positive nor count as background (difficult, crowd): a
            non-positive anchor with half of its area or more in one is left out.
        height, width: of the image in pixels, without padding.
        positive, negative: IoU from which an anchor is positive, and below which it is negative.
        keep_best: whether each object's best anchors are positive in any case.
        keep_outside: whether anchors that cross the image's border take part. By default they are left out, and what
            they overlap does not matter.

    Returns:
        labels (A,) int32: 1 positive, 0 negative, -1 left out.
        deltas (A, 4) float32 to the matched object where the label is 1, 0 elsewhere.
        reached (G,) bool: whether any anchor that takes part overlaps the object, with the IoU `positive` or more where
            its best are not positive in any case.
    """
    boxes, ignored = tf.cast(boxes, tf.float32), tf.cast(ignored, tf.bool)
    count = tf.shape(anchors)[0]
    # a third to a half of an image's anchors lie inside: overlaps of these alone cost a third
    part = tf.ones([count], tf.bool) if keep_outside else inside(anchors, height, width)
    index = tf.where(part)  # (I, 1)
    anchors = tf.gather_nd(anchors, index)  # (I, 4)
    overlaps = box_ops.iou(anchors, boxes)  # (I, G)
    labels, matched = match(tf.where(ignored, 0.0, overlaps), positive, negative, keep_best)
    labels = tf.where((labels != 1) & _in_ignored(anchors, boxes, ignored), -1, labels)
    deltas = _deltas_where(labels > 0, anchors, boxes, matched)
    labels = tf.tensor_scatter_nd_update(tf.fill([count], -1), index, labels)  # (A,)
    deltas = tf.scatter_nd(index, deltas, (tf.cast(count, tf.int64), 4))  # (A, 4)
    return labels, deltas, reached(overlaps, 0.0 if keep_best else positive)


class Candidates(NamedTuple):
    """The regions that an image's may be drawn from: its proposals, then its objects."""

    regions: tf.Tensor  # (P + G, 4) float32
    kinds: tf.Tensor  # (P + G,) int32: 1 foreground, 0 background, -1 never drawn
    matched: tf.Tensor  # (P + G,) int32: the object that each overlaps most


def region_targets(proposals, valid, boxes, labels, ignored, seed, *, count: int = 128,
                   positive_fraction: float = 0.25, foreground: float = 0.5, background=(0.0,), scales,
                   means=(0.0, 0.0, 0.0, 0.0)):
    """Draws the regions that an image trains the head on, with class and deltas (arXiv 1504.08083, section 2.3).

    Args:
        proposals, valid, boxes, ignored, foreground, background: see `region_candidates`.
        labels: (G,) int32, 1..C.
        seed: (2,) int; the same seed gives the same draw.
        count: regions drawn, at most int(count * positive_fraction) of them foreground.
        scales, means: see `drawn_targets`.

    Returns:
        What `drawn_targets` gives, of `count` regions: not valid where there were too few to draw from.
    """
    candidates = region_candidates(proposals, valid, boxes, ignored, foreground=foreground, background=background)
    index, drawn = sample(candidates.kinds, seed, count, positive_fraction)
    return drawn_targets(candidates, index, drawn, boxes, labels, scales, means)


def region_candidates(proposals, valid, boxes, ignored, *, foreground: float = 0.5, background=(0.0,)) -> Candidates:
    """What an image's regions may be drawn from, and as what.

    The objects themselves are added to the proposals. Regions with IoU `foreground` or more with an object are
    foreground; of the background, those with half of their area or more in an ignored object are left out.

    Args:
        proposals: (P, 4).
        valid: (P,) bool, False for padding.
        boxes: (G, 4) objects; G may be 0.
        ignored: (G,) bool, objects that are neither foreground nor background (difficult, crowd).
        background: IoU from which, and below which, regions are background; the second is `foreground` by default.
    """
    boxes, ignored = tf.cast(boxes, tf.float32), tf.cast(ignored, tf.bool)
    candidates = tf.concat([tf.cast(proposals, tf.float32), boxes], 0)  # (P + G, 4)
    usable = tf.concat([tf.cast(valid, tf.bool), ~ignored], 0) & (box_ops.area(candidates) > 0)
    overlaps = tf.where(ignored, 0.0, box_ops.iou(candidates, boxes))  # (P + G, G)
    low, high = (*background, foreground)[:2]
    kinds, matched = match(overlaps, foreground, high, keep_best=False)
    too_far = tf.maximum(tf.reduce_max(overlaps, 1), 0.0) < low  # the maximum of no objects is -inf
    left_out = (kinds == 0) & (too_far | _in_ignored(candidates, boxes, ignored))
    return Candidates(candidates, tf.where(usable & ~left_out, kinds, -1), matched)


def drawn_targets(candidates: Candidates, index, drawn, boxes, labels, scales, means=(0.0, 0.0, 0.0, 0.0)):
    """The drawn regions, and what the head should answer for them.

    Args:
        index: (R,) int32 into the candidates.
        drawn: (R,) bool, False for padding.
        boxes: (G, 4) objects of the image.
        labels: (G,) int32, 1..C.
        scales, means: unit of the deltas, and their mean, which is subtracted.

    Returns:
        regions (R, 4) float32, 0 where not drawn.
        labels (R,) int32, 0 background or not drawn.
        deltas (R, 4) float32, in units of `scales` from `means`; 0 where the label is 0.
        drawn (R,) bool.
    """
    boxes = tf.cast(boxes, tf.float32)
    # one row more, so that there is something to gather where an image has neither proposals nor objects
    regions = tf.gather(tf.pad(candidates.regions, ((0, 1), (0, 0))), index)  # (R, 4)
    matched = tf.gather(tf.pad(candidates.matched, ((0, 1),)), index)
    is_object = drawn & (tf.gather(tf.pad(candidates.kinds, ((0, 1),)), index) > 0)
    classes = tf.gather(tf.pad(tf.cast(labels, tf.int32), ((0, 1),)), matched)
    deltas = _deltas_where(is_object, regions, boxes, matched, scales, means)
    return tf.where(drawn[:, None], regions, 0.0), tf.where(is_object, classes, 0), deltas, drawn


def _in_ignored(anchors, boxes, ignored):
    """Which anchors (A, 4) have half of their area or more in an ignored box: (A,) bool."""
    return tf.reduce_any(box_ops.coverage(anchors, tf.boolean_mask(boxes, ignored)) >= 0.5, 1)


def _deltas_where(chosen, anchors, boxes, matched, scales=(1.0, 1.0, 1.0, 1.0), means=(0.0, 0.0, 0.0, 0.0)):
    """Deltas (A, 4) from anchors to boxes[matched] where chosen (A,), 0 elsewhere."""
    boxes = tf.gather(tf.pad(boxes, ((0, 1), (0, 0))), matched)  # (A, 4); the added row serves images without objects
    return tf.where(chosen[:, None], box_ops.encode(boxes, anchors, scales, means), 0.0)
