"""Geometry of boxes: overlap, deltas, clipping.

Boxes are float32 (..., 4): x1, y1, x2, y2 in pixels, continuous edges (width = x2 - x1).
"""

import math

import numpy as np
import tensorflow as tf

# exp of a larger dw or dh would leave any image: 62.5 times the anchor is the limit everybody clamps at
MAX_LOG_SCALE = math.log(1000.0 / 16.0)


def area(boxes):
    """Area in square pixels: (..., 4) -> (...)."""
    x1, y1, x2, y2 = _planes(boxes)
    return (x2 - x1) * (y2 - y1)


def iou(boxes, others):
    """Intersection over union of every pair: (N, 4) and (M, 4) -> (N, M); 0 where the union is empty."""
    shared = _intersection(boxes, others)  # (N, M)
    union = area(boxes)[:, None] + area(others)[None] - shared
    return tf.math.divide_no_nan(shared, union)


def coverage(boxes, others):
    """Share of each box's area that lies in each other box: (N, 4) and (M, 4) -> (N, M); 0 for boxes without area.

    For regions that mean "somewhere in here" (crowds): a box wholly inside has coverage 1 however small it is.
    """
    return tf.math.divide_no_nan(_intersection(boxes, others), area(boxes)[:, None])


def encode(boxes, anchors, scales=(1.0, 1.0, 1.0, 1.0), means=(0.0, 0.0, 0.0, 0.0)):
    """Deltas that move anchors onto boxes (arXiv 1506.01497, equation 2; arXiv 1311.2524, appendix C).

    Args:
        boxes: (..., 4), of positive width and height.
        anchors: (..., 4), the box each is measured from; of positive width and height.
        scales, means: deltas are divided by the unit of dx, dy, dw, dh after their mean is subtracted.

    Returns:
        (..., 4) dx, dy, dw, dh; infinite or NaN where a box or an anchor has no width or height.
    """
    x, y, width, height = _centre_and_size(boxes)
    anchor_x, anchor_y, anchor_width, anchor_height = _centre_and_size(anchors)
    deltas = [(x - anchor_x) / anchor_width, (y - anchor_y) / anchor_height,
              tf.math.log(width / anchor_width), tf.math.log(height / anchor_height)]
    plain = tf.stack(deltas, -1)
    return (plain - tf.constant(means, tf.float32) if any(means) else plain) / tf.constant(scales, tf.float32)


def decode(deltas, anchors, scales=(1.0, 1.0, 1.0, 1.0), means=(0.0, 0.0, 0.0, 0.0)):
    """Boxes that deltas (..., 4) move anchors (..., 4) to; the inverse of `encode` with the same scales and means.

    dw and dh are clamped above at log(1000 / 16), so that a wild prediction cannot overflow.
    """
    plain = _float(deltas) * tf.constant(scales, tf.float32)
    dx, dy, dw, dh = tf.unstack(plain + tf.constant(means, tf.float32) if any(means) else plain, axis=-1)
    anchor_x, anchor_y, anchor_width, anchor_height = _centre_and_size(anchors)
    x, y = anchor_x + dx * anchor_width, anchor_y + dy * anchor_height
    half_width = 0.5 * anchor_width * tf.exp(tf.minimum(dw, MAX_LOG_SCALE))
    half_height = 0.5 * anchor_height * tf.exp(tf.minimum(dh, MAX_LOG_SCALE))
    return tf.stack([x - half_width, y - half_height, x + half_width, y + half_height], -1)


def clip(boxes, height, width):
    """Boxes (..., 4) cut to an image of height and width pixels; what lies outside becomes a box without area."""
    x1, y1, x2, y2 = _planes(boxes)
    height, width = _float(height), _float(width)
    return tf.stack([tf.clip_by_value(x1, 0.0, width), tf.clip_by_value(y1, 0.0, height),
                     tf.clip_by_value(x2, 0.0, width), tf.clip_by_value(y2, 0.0, height)], -1)


def flip(boxes, width):
    """Boxes (..., 4) in the mirror image (left and right changed) of an image of width pixels."""
    x1, y1, x2, y2 = _planes(boxes)
    width = _float(width)
    return tf.stack([width - x2, y1, width - x1, y2], -1)


def rescale(boxes, x_factor, y_factor):
    """Boxes (..., 4) in an image that was enlarged by x_factor across and y_factor down."""
    x_factor, y_factor = _float(x_factor), _float(y_factor)
    return _float(boxes) * tf.stack([x_factor, y_factor, x_factor, y_factor])


def _float(values):
    return tf.cast(values, tf.float32)


def _planes(boxes):
    """x1, y1, x2, y2, each (...)."""
    return tf.unstack(_float(boxes), num=4, axis=-1)


def _centre_and_size(boxes):
    """Centre x, centre y, width, height, each (...)."""
    x1, y1, x2, y2 = _planes(boxes)
    width, height = x2 - x1, y2 - y1
    return x1 + 0.5 * width, y1 + 0.5 * height, width, height


def _intersection(boxes, others):
    """Shared area of every pair: (N, 4) and (M, 4) -> (N, M). By planes, which is 3 times quicker than (N, M, 2)."""
    x1, y1, x2, y2 = (plane[:, None] for plane in _planes(boxes))  # (N, 1)
    other_x1, other_y1, other_x2, other_y2 = _planes(others)  # (M,)
    width = tf.minimum(x2, other_x2) - tf.maximum(x1, other_x1)  # (N, M)
    height = tf.minimum(y2, other_y2) - tf.maximum(y1, other_y1)
    return tf.maximum(width, 0.0) * tf.maximum(height, 0.0)


def turn(boxes, orientation: int, height: int, width: int):
    """Boxes (..., 4) of an image as stored, (height, width), in the picture that EXIF orientation 1..8 makes upright.

    2, 4: mirrored, left and right or top and bottom changed; 3: turned by 180 degrees; 6, 8: by 90 degrees to the
    right, to the left; 5, 7: mirrored at the diagonals. NumPy arrays, as readers have them.
    """
    x1, y1, x2, y2 = np.moveaxis(np.asarray(boxes), -1, 0)
    if orientation in (2, 3, 7, 8):
        x1, x2 = width - x2, width - x1
    if orientation in (3, 4, 6, 7):
        y1, y2 = height - y2, height - y1
    corners = (y1, x1, y2, x2) if orientation >= 5 else (x1, y1, x2, y2)
    return np.stack(corners, -1)
