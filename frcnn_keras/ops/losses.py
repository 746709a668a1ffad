"""Losses of the two networks (arXiv 1506.01497, section 3.1.2; arXiv 1504.08083, section 2.3). All in float32."""

import tensorflow as tf


def smooth_l1(difference, beta: float):
    """Quadratic up to beta, linear beyond: d^2 / (2 beta), |d| - beta / 2; elementwise.

    beta is 1 / sigma^2 of the papers' code: 1/9 for the RPN, 1 for the head. With 0 it is |d|, as in torch, and the
    gradient at 0 is 0.
    """
    size = tf.abs(difference)
    if beta < 1e-9:  # the quotient below would be 0 / 0; so small a beta differs from 0 by less than float32 tells
        return size
    return tf.where(size < beta, 0.5 * tf.square(size) / beta, size - 0.5 * beta)


def distance_of(kind: str, beta: float):
    """The elementwise distance that a box loss sums: `smooth_l1` with this beta; `l1`, |d|; `mse`, d^2, whose sum over
    the sampled is divided by their number like that of the others."""
    return {"smooth_l1": lambda difference: smooth_l1(difference, beta), "l1": tf.abs, "mse": tf.square}[kind]


def rpn_losses(logits, deltas, labels, targets, *, beta: float = 1 / 9, distance: str = "smooth_l1"):
    """Objectness and box loss of sampled anchors.

    Args:
        logits: (..., T).
        deltas: (..., T, 4).
        labels: (..., T): 1 positive, 0 negative, -1 not sampled.
        targets: (..., T, 4) deltas; only those of positives are used.
        beta: of the smooth L1 loss.
        distance: of the box loss; see `distance_of`.

    Returns:
        Two scalars: binary cross-entropy, and the box loss summed over the four coordinates of positives; both
        divided by the number of sampled anchors, over all leading axes together. 0 where nothing is sampled.
    """
    logits, deltas, targets = (tf.cast(values, tf.float32) for values in (logits, deltas, targets))
    sampled = labels >= 0
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(labels > 0, tf.float32), logits)
    boxes = tf.reduce_sum(distance_of(distance, beta)(deltas - targets), -1)  # (..., T)
    return _mean_over(sampled, entropy, sampled), _mean_over(labels > 0, boxes, sampled)


def rcnn_losses(logits, deltas, labels, targets, valid, *, beta: float = 1.0):
    """Class and box loss of sampled regions.

    Args:
        logits: (..., R, N).
        deltas: (..., R, N, 4); of each region only those of its own class are used. None: there is no box loss.
        labels: (..., R) int, 0 background, objects 1..N-1; any of these where not valid.
        targets: (..., R, 4) deltas; only those of objects are used.
        valid: (..., R) bool.
        beta: of the smooth L1 loss.

    Returns:
        Two scalars: softmax cross-entropy, and the smooth L1 loss summed over the four coordinates of regions with an
        object; both divided by the number of valid regions, over all leading axes together. 0 where there are none.
    """
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, tf.cast(logits, tf.float32))
    if deltas is None:
        return _mean_over(valid, entropy, valid), tf.zeros(())
    deltas, targets = tf.cast(deltas, tf.float32), tf.cast(targets, tf.float32)
    class_deltas = tf.gather(deltas, labels, axis=-2, batch_dims=len(labels.shape))  # (..., R, 4)
    boxes = tf.reduce_sum(smooth_l1(class_deltas - targets, beta), -1)  # (..., R)
    return _mean_over(valid, entropy, valid), _mean_over(valid & (labels > 0), boxes, valid)


def _mean_over(chosen, values, counted):
    """Sum of the chosen values divided by the number counted; 0 where none is."""
    total = tf.reduce_sum(tf.where(chosen, values, 0.0))
    return tf.math.divide_no_nan(total, tf.reduce_sum(tf.cast(counted, tf.float32)))
