"""From the RPN's outputs to proposals (arXiv 1506.01497, section 3.3)."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from frcnn_keras.ops import boxes as box_ops


class Proposals(NamedTuple):
    """Regions worth a look, best first."""

    boxes: tf.Tensor  # (P, 4) float32, inside the image; 0 where not valid
    scores: tf.Tensor  # (P,) float32 in [0, 1], falling; 0 where not valid
    valid: tf.Tensor  # (P,) bool, False for the padding at the end


def propose(logits, deltas, anchors, height, width, *, before: int = 6000, after: int = 300,
            iou_threshold: float = 0.7, min_size: float = 1e-3, score_threshold: float = 0.0,
            suppress: Callable | None = None) -> Proposals:
    """Decodes the best anchors of each level, drops the tiny, suppresses doubles within each level, keeps the best.

    Ranked by logit: the sigmoid of float32 is 1 for any logit above 17, and would lose their order. Of equal ones the
    finer level's comes first.

    Args:
        logits: tuple over levels of (A_l,) objectness.
        deltas: tuple over levels of (A_l, 4).
        anchors: tuple over levels of (A_l, 4).
        height, width: of the image in pixels, without padding; boxes are clipped to it.
        before: how many anchors of each level are looked at.
        after: how many proposals of all levels are kept; P.
        iou_threshold: of two proposals with a larger IoU the better one stays.
        min_size: proposals narrower or lower than this many pixels are dropped. Boxes without area are always.
        score_threshold: proposals whose sigmoid is less are dropped.
        suppress: what suppresses doubles, `suppress_ranked` by default; ops.portable_nms has one for other runtimes.
    """
    levels = [_best_of_level(*level, height, width, before, min_size, score_threshold)
              for level in zip(logits, deltas, anchors, strict=True)]
    boxes, ranking, usable = (tf.stack(parts) for parts in zip(*levels))  # (L, before, 4), (L, before), (L, before)
    place, kept = (suppress or suppress_ranked)(boxes, usable, after, iou_threshold)  # (L, after)
    ranking = tf.where(kept, tf.gather(ranking, place, batch_dims=1), tf.float32.min)
    best = tf.math.top_k(tf.reshape(ranking, [-1]), after)
    boxes = tf.reshape(tf.gather(boxes, place, batch_dims=1), (-1, 4))  # (L * after, 4)
    valid = tf.gather(tf.reshape(kept, [-1]), best.indices)  # (P,)
    boxes = tf.where(valid[:, None], tf.gather(boxes, best.indices), 0.0)
    return Proposals(boxes, tf.where(valid, tf.sigmoid(best.values), 0.0), valid)


def _best_of_level(logits, deltas, anchors, height, width, before: int, min_size: float, score_threshold: float):
    """A level's best anchors, best first: boxes (before, 4), logits (before,), and which are large and sure enough
    (before,).

    Where the level has fewer, boxes without area fill up.
    """
    missing = tf.maximum(before - tf.shape(logits)[0], 0)
    best = tf.math.top_k(tf.cast(logits, tf.float32), before - missing)
    boxes = box_ops.decode(tf.gather(deltas, best.indices), tf.gather(anchors, best.indices))
    boxes = tf.pad(box_ops.clip(boxes, height, width), [[0, missing], [0, 0]])
    x1, y1, x2, y2 = tf.unstack(boxes, axis=-1)
    large = (x2 - x1 >= min_size) & (y2 - y1 >= min_size) & (box_ops.area(boxes) > 0)
    ranking = tf.pad(best.values, [[0, missing]])
    usable = large & (tf.sigmoid(ranking) >= score_threshold)
    return tf.ensure_shape(boxes, (before, 4)), tf.ensure_shape(ranking, [before]), tf.ensure_shape(usable, [before])


def suppress_ranked(boxes, usable, after: int, iou_threshold: float):
    """Non-maximum suppression within each level, of boxes (L, N, 4) that come best first.

    Returns:
        Places (L, after) int32 of those that stay, best first, and which of these places are real (L, after) bool.
    """
    # the operation fills up with scores of -1 before it sorts, which logits may be below; and it breaks ties at
    # random. The place in the order serves as score instead: N for the first, 0 (dropped) for what is not usable
    count = boxes.shape[1]
    scores = tf.where(usable, tf.range(count, 0, -1, dtype=tf.float32), 0.0)
    kept = tf.image.combined_non_max_suppression(boxes[:, :, None], scores[..., None], after, after, iou_threshold,
                                                 score_threshold=0.0, clip_boxes=False)
    real = tf.range(after) < kept.valid_detections[:, None]
    return tf.where(real, count - tf.cast(kept.nmsed_scores, tf.int32), 0), real
