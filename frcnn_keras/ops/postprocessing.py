"""From the head's outputs to detections (arXiv 1504.08083, section 2.4)."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from frcnn_keras.ops import boxes as box_ops


class DetectedBoxes(NamedTuple):
    """What was found in one image, best first."""

    boxes: tf.Tensor  # (M, 4) float32, inside the image; 0 where not valid
    scores: tf.Tensor  # (M,) float32, falling; 0 where not valid
    labels: tf.Tensor  # (M,) int32, 1..C; 0 where not valid
    valid: tf.Tensor  # (M,) bool, False for the padding at the end


def detect(class_scores, deltas, regions, valid, height, width, *, scales, score_threshold: float = 0.05,
           iou_threshold: float = 0.5, limit: int = 100, min_size: float = 1e-2, classes=None,
           means=(0.0, 0.0, 0.0, 0.0), class_thresholds=None, small_area: float | None = None,
           small_threshold: float | None = None, original=None, suppress: Callable | None = None) -> DetectedBoxes:
    """Decodes each region once for every class, suppresses doubles within each class, keeps the best of all classes.

    A region may be found for several classes: which of them it shows is a question of their scores, not of the
    largest one.

    Args:
        class_scores: (R, N) softmax probabilities, the background's first.
        deltas: (R, N, 4) in units of `scales` from `means`; those of the background are not used. None: regions stay
            as they are.
        regions: (R, 4).
        valid: (R,) bool, False for padding.
        height, width: of the image in pixels, without padding; boxes are clipped to it.
        score_threshold: only higher scores count.
        iou_threshold: of two boxes of a class with a larger IoU the better one stays.
        limit: at most this many; M.
        scales, means: unit of dx, dy, dw, dh, and what 0 stands for.
        min_size: boxes narrower or lower than this many pixels are dropped. Boxes without area are always.
        classes: labels 1..N-1 that are wanted; label i + 1 of the result is classes[i]. All by default. The scores stay
            those of the softmax over all N, so that leaving classes out changes nothing about the others but that they
            share the limit among fewer.
        class_thresholds: in place of score_threshold, one for each label of the result.
        small_area, small_threshold: boxes of less than so many pixels of the original image must score more than this,
            in place of all other thresholds.
        original: its height and width, where `height` and `width` are those of a resized one.
        suppress: what suppresses doubles, `suppress_classes` by default; ops.portable_nms has one for other runtimes.
    """
    if classes is not None:
        columns = [0, *classes]
        class_scores = tf.gather(class_scores, columns, axis=1)
        deltas = None if deltas is None else tf.gather(deltas, columns, axis=1)
    regions = tf.cast(regions, tf.float32)[:, None]  # (R, 1, 4)
    if deltas is None:
        boxes = tf.tile(regions, (1, class_scores.shape[1] - 1, 1))
    else:
        boxes = box_ops.decode(deltas[:, 1:], regions, scales, means)  # (R, C, 4)
    boxes = box_ops.clip(boxes, height, width)
    x1, y1, x2, y2 = tf.unstack(boxes, axis=-1)
    large = (x2 - x1 >= min_size) & (y2 - y1 >= min_size) & (box_ops.area(boxes) > 0)
    scores = tf.cast(class_scores[:, 1:], tf.float32)  # (R, C)
    least = score_threshold if class_thresholds is None else tf.constant(class_thresholds, tf.float32)  # (C,)
    if small_area is not None:
        least = tf.where(_original_areas(boxes, height, width, original) < small_area, small_threshold, least)  # (R, C)
    scores = tf.where(large & valid[:, None] & (scores > least), scores, 0.0)
    boxes, scores, classes, count = (suppress or suppress_classes)(boxes, scores, limit, iou_threshold)
    found = tf.range(limit) < count  # (M,)
    return DetectedBoxes(boxes, scores, tf.where(found, classes + 1, 0), found)


def _original_areas(boxes, height, width, original):
    """(R, C) pixels of the original image that boxes (R, C, 4) of a resized one cover."""
    areas = box_ops.area(boxes)
    if original is None:
        return areas
    pixels, own_pixels = (tf.cast(sides[0], tf.float32) * tf.cast(sides[1], tf.float32)
                          for sides in (original, (height, width)))
    return areas * (pixels / own_pixels)


def suppress_classes(boxes, scores, limit: int, iou_threshold: float):
    """Non-maximum suppression within each class, then the best of all classes. Of equal scores the first region's
    counts as the better, as in torchvision: sure detections are often equal, as float32's softmax gives no more than 1.

    Args:
        boxes: (R, C, 4).
        scores: (R, C); 0 is no candidate.

    Returns:
        boxes (limit, 4), scores (limit,), classes (limit,) int32 counted from 0, all 0 where there are fewer, and how
        many there are: () int32.
    """
    # the operation breaks ties at random. A candidate's place in their order, from the end, serves as score instead
    flat = tf.reshape(scores, [-1])
    places = tf.where(flat > 0)  # (K, 1), region by region
    best = tf.math.top_k(tf.gather_nd(flat, places), tf.shape(places)[0])  # of equals the first comes first
    count = tf.shape(places)[0]
    ranks = tf.scatter_nd(tf.gather(places, best.indices), tf.cast(tf.range(count, 0, -1), tf.float32),
                          tf.shape(flat, tf.int64))
    kept = tf.image.combined_non_max_suppression(
        boxes[None], tf.reshape(ranks, tf.shape(scores))[None], limit, limit, iou_threshold, score_threshold=0.0,
        clip_boxes=False)
    number = kept.valid_detections[0]
    found = tf.range(limit) < number
    order = tf.where(found, count - tf.cast(kept.nmsed_scores[0], tf.int32), 0)
    scores = tf.where(found, tf.gather(tf.pad(best.values, [[0, 1]]), order), 0.0)  # padded: there may be none
    return kept.nmsed_boxes[0], scores, tf.cast(kept.nmsed_classes[0], tf.int32), number


def served(detections: DetectedBoxes, size) -> dict:
    """Detections of one image in its pixels -> the tensors that servers' clients know; size: (2,) int32, its height and
    width.

    Returns:
        detection_boxes: (M, 4) float32, [ymin, xmin, ymax, xmax] as fractions of the image, within 0..1.
        detection_scores: (M,) float32, falling.
        detection_classes: (M,) float32, 1..C.
        num_detections: () float32; past it all is zero.
    """
    height, width = tf.unstack(tf.cast(size, tf.float32), num=2)
    x1, y1, x2, y2 = tf.unstack(detections.boxes, num=4, axis=-1)
    boxes = tf.stack([y1 / height, x1 / width, y2 / height, x2 / width], axis=-1)  # (M, 4)
    return {"detection_boxes": tf.where(detections.valid[:, None], tf.clip_by_value(boxes, 0.0, 1.0), 0.0),
            "detection_scores": tf.where(detections.valid, detections.scores, 0.0),
            "detection_classes": tf.cast(tf.where(detections.valid, detections.labels, 0), tf.float32),
            "num_detections": tf.reduce_sum(tf.cast(detections.valid, tf.float32))}
