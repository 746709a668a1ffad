"""Non-maximum suppression in elementary operations, for runtimes that lack tf.image's combined one.

A drop-in for `suppress` of ops.proposals.propose and ops.postprocessing.detect, with the same result; where scores are
equal the first box wins. On TensorFlow itself the combined operation is several times quicker.
"""

import tensorflow as tf


def suppress_ranked(boxes, usable, limit: int, iou_threshold: float):
    """Suppression within each level, of boxes (L, N, 4) that come best first; see ops.proposals.propose.

    Returns:
        Places (L, limit) int32 of those that stay, best first, and which of these places are real (L, limit) bool.
    """
    count = boxes.shape[1]
    scores = tf.where(usable, tf.range(count, 0, -1, dtype=tf.float32), 0.0)
    return suppress(boxes, scores, limit, iou_threshold)


def suppress_classes(boxes, scores, limit: int, iou_threshold: float):
    """Suppression within each class, then the best of all classes; see ops.postprocessing.detect.

    Args:
        boxes: (R, C, 4).
        scores: (R, C); 0 is no candidate.

    Returns:
        boxes (limit, 4), scores (limit,), classes (limit,) int32 counted from 0, all 0 where there are fewer, and how
        many there are: () int32.
    """
    boxes, scores = tf.transpose(boxes, (1, 0, 2)), tf.transpose(scores)  # (C, R, 4), (C, R)
    places, real = suppress(boxes, scores, limit, iou_threshold)  # (C, limit)
    kept = tf.where(real, tf.gather(scores, places, batch_dims=1), 0.0)
    best = tf.math.top_k(tf.reshape(kept, [-1]), limit)
    found = best.values > 0
    boxes = tf.gather(tf.reshape(tf.gather(boxes, places, batch_dims=1), (-1, 4)), best.indices)  # (limit, 4)
    classes = tf.where(found, best.indices // limit, 0)
    return tf.where(found[:, None], boxes, 0.0), best.values, classes, tf.reduce_sum(tf.cast(found, tf.int32))


def suppress(boxes, scores, limit: int, iou_threshold: float):
    """Takes the best candidate of each group, removes those that overlap it, takes the best of the rest, and so on.

    Args:
        boxes: (G, N, 4), of positive area where the score is; suppressed within each group.
        scores: (G, N) float32; only positive ones are candidates.
        limit: at most this many stay in a group.
        iou_threshold: of two boxes with a larger IoU the better one stays.

    Returns:
        Places (G, limit) int32 in N of those that stay, best first, 0 where there are fewer; and which of these places
        are real: (G, limit) bool.
    """
    x1, y1, x2, y2 = tf.unstack(tf.cast(boxes, tf.float32), num=4, axis=-1)  # (G, N)
    areas = (x2 - x1) * (y2 - y1)
    table = tf.stack([x1, y1, x2, y2, areas], -1)  # (G, N, 5)
    # static where known: a loop's variables keep their shapes
    groups, candidates = (tf.shape(scores)[axis] if size is None else size for axis, size in enumerate(scores.shape))

    def unfinished(step, scores, places, kept):
        return (step < limit) & (tf.reduce_max(scores) > 0)

    def take_best(step, scores, places, kept):
        best = tf.argmax(scores, axis=1, output_type=tf.int32)[:, None]  # (G, 1)
        of_best = tf.unstack(tf.gather(table, best, batch_dims=1), num=5, axis=-1)  # of (G, 1)
        width = tf.minimum(x2, of_best[2]) - tf.maximum(x1, of_best[0])  # (G, N)
        height = tf.minimum(y2, of_best[3]) - tf.maximum(y1, of_best[1])
        shared = tf.maximum(width, 0.0) * tf.maximum(height, 0.0)
        # the operations and their order are those of TensorFlow's kernel, so that a box on the threshold fares alike
        overlaps = shared / (areas + of_best[4] - shared) > iou_threshold
        real = tf.reduce_max(scores, axis=1, keepdims=True) > 0  # (G, 1)
        here = (tf.range(limit) == step) & real  # (G, limit)
        gone = overlaps | (tf.range(candidates) == best)
        return step + 1, tf.where(gone, 0.0, scores), tf.where(here, best, places), kept | here

    start = (tf.constant(0), tf.cast(scores, tf.float32), tf.zeros((groups, limit), tf.int32),
             tf.zeros((groups, limit), tf.bool))
    return tf.while_loop(unfinished, take_best, start)[2:]
