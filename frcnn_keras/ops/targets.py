"""What the two networks should answer: labels and deltas for anchors, and for a sample of regions."""

import tensorflow as tf

from frcnn_keras.ops import boxes as box_ops
from frcnn_keras.ops.anchors import inside
from frcnn_keras.ops.matching import match, reached
from frcnn_keras.ops.sampling import sample


def anchor_targets(anchors, boxes, ignored, height, width, *, positive: float = 0.7, negative: float = 0.3,
                   keep_outside: bool = False):
    """Labels every anchor of an image (arXiv 1506.01497, sections 3.1.2 and 3.3).

    Args:
        anchors: (A, 4).
        boxes: (G, 4) objects; G may be 0.
        ignored: (G,) bool, objects that neither make anchors positive nor count as background (difficult, crowd): a
            non-positive anchor with half of its area or more in one is left out.
        height, width: of the image in pixels, without padding.
        positive, negative: IoU from which an anchor is positive, and below which it is negative; each object's best
            anchors are positive in any case.
        keep_outside: whether anchors that cross the image's border take part. By default they are left out, and what
            they overlap does not matter.

    Returns:
        labels (A,) int32: 1 positive, 0 negative, -1 left out.
        deltas (A, 4) float32 to the matched object where the label is 1, 0 elsewhere.
        reached (G,) bool: whether any anchor that takes part overlaps the object.
    """
    boxes, ignored = tf.cast(boxes, tf.float32), tf.cast(ignored, tf.bool)
    count = tf.shape(anchors)[0]
    # a third to a half of an image's anchors lie inside: overlaps of these alone cost a third
    part = tf.ones([count], tf.bool) if keep_outside else inside(anchors, height, width)
    index = tf.where(part)  # (I, 1)
    anchors = tf.gather_nd(anchors, index)  # (I, 4)
    overlaps = box_ops.iou(anchors, boxes)  # (I, G)
    labels, matched = match(tf.where(ignored, 0.0, overlaps), positive, negative, keep_best=True)
    labels = tf.where((labels != 1) & _in_ignored(anchors, boxes, ignored), -1, labels)
    deltas = _deltas_where(labels > 0, anchors, boxes, matched)
    labels = tf.tensor_scatter_nd_update(tf.fill([count], -1), index, labels)  # (A,)
    deltas = tf.scatter_nd(index, deltas, (tf.cast(count, tf.int64), 4))  # (A, 4)
    return labels, deltas, reached(overlaps)


def region_targets(proposals, valid, boxes, labels, ignored, seed, *, count: int = 128,
                   positive_fraction: float = 0.25, foreground: float = 0.5, background: float = 0.0, scales):
    """Draws the regions that an image trains the head on, with class and deltas (arXiv 1504.08083, section 2.3).

    The objects themselves are added to the proposals. Regions with IoU `foreground` or more with an object are of its
    class, those with [background, foreground) are background; of the latter, those with half of their area or more in
    an ignored object are left out.

    Args:
        proposals: (P, 4).
        valid: (P,) bool, False for padding.
        boxes: (G, 4) objects; G may be 0.
        labels: (G,) int32, 1..C.
        ignored: (G,) bool, objects that are neither foreground nor background (difficult, crowd).
        seed: (2,) int; the same seed gives the same draw.
        count: regions drawn, at most int(count * positive_fraction) of them foreground.
        scales: unit of the deltas.

    Returns:
        regions (count, 4) float32, 0 where not valid.
        labels (count,) int32, 0 background or not valid.
        deltas (count, 4) float32, in units of `scales`; 0 where the label is 0.
        valid (count,) bool: False where there were too few to draw from.
    """
    boxes, ignored = tf.cast(boxes, tf.float32), tf.cast(ignored, tf.bool)
    candidates = tf.concat([tf.cast(proposals, tf.float32), boxes], 0)  # (P + G, 4)
    usable = tf.concat([tf.cast(valid, tf.bool), ~ignored], 0) & (box_ops.area(candidates) > 0)
    overlaps = tf.where(ignored, 0.0, box_ops.iou(candidates, boxes))  # (P + G, G)
    kinds, matched = match(overlaps, foreground, foreground, keep_best=False)
    too_far = tf.maximum(tf.reduce_max(overlaps, 1), 0.0) < background  # the maximum of no objects is -inf
    left_out = (kinds == 0) & (too_far | _in_ignored(candidates, boxes, ignored))
    index, drawn = sample(tf.where(usable & ~left_out, kinds, -1), seed, count, positive_fraction)

    # one row more, so that there is something to gather where an image has neither proposals nor objects
    regions = tf.gather(tf.pad(candidates, ((0, 1), (0, 0))), index)  # (count, 4)
    matched = tf.gather(tf.pad(matched, ((0, 1),)), index)
    is_object = drawn & (tf.gather(tf.pad(kinds, ((0, 1),)), index) > 0)
    classes = tf.gather(tf.pad(tf.cast(labels, tf.int32), ((0, 1),)), matched)
    deltas = _deltas_where(is_object, regions, boxes, matched, scales)
    return tf.where(drawn[:, None], regions, 0.0), tf.where(is_object, classes, 0), deltas, drawn


def _in_ignored(anchors, boxes, ignored):
    """Which anchors (A, 4) have half of their area or more in an ignored box: (A,) bool."""
    return tf.reduce_any(box_ops.coverage(anchors, tf.boolean_mask(boxes, ignored)) >= 0.5, 1)


def _deltas_where(chosen, anchors, boxes, matched, scales=(1.0, 1.0, 1.0, 1.0)):
    """Deltas (A, 4) from anchors to boxes[matched] where chosen (A,), 0 elsewhere."""
    boxes = tf.gather(tf.pad(boxes, ((0, 1), (0, 0))), matched)  # (A, 4); the added row serves images without objects
    return tf.where(chosen[:, None], box_ops.encode(boxes, anchors, scales), 0.0)
