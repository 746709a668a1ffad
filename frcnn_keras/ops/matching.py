"""Which object each anchor or region stands for (arXiv 1506.01497, section 3.1.2)."""

import tensorflow as tf

# in float32 an anchor's width, x2 - x1, depends on where it lies (by 4e-6 of 16 pixels near 1000): anchors that tie on
# paper would tie or not by rounding, and otherwise in the mirror image
TIE = 1e-5


def match(overlaps, positive: float, negative: float, keep_best: bool):
    """Labels anchors by their best IoU with any object.

    Args:
        overlaps: (A, G) IoU of anchors and objects; G may be 0.
        positive: an anchor with this IoU or more is positive (case ii of the paper).
        negative: an anchor with less is negative; those between are left out.
        keep_best: every anchor that ties an object's best IoU (to one part in 100,000) is positive too, however low
            that is (case i), so that each object has one. An object that no anchor overlaps makes none positive: all
            would tie at 0.

    Returns:
        labels (A,) int32: 1 positive, 0 negative, -1 neither.
        matched (A,) int32: the object that the anchor overlaps most, the first of several; 0 where G is 0. Also for
            anchors that `keep_best` made positive: they may overlap another object more than the one they are best for.
    """
    overlaps = tf.cast(overlaps, tf.float32)
    best = tf.reduce_max(overlaps, 1)  # (A,)
    labels = tf.where(best >= positive, 1, tf.where(best < negative, 0, -1))
    if keep_best:
        best_of_object = tf.reduce_max(overlaps, 0)  # (G,)
        ties = (overlaps >= best_of_object * (1 - TIE)) & (best_of_object > 0)  # (A, G)
        labels = tf.where(tf.reduce_any(ties, 1), 1, labels)
    # argmax refuses an empty axis; a last column of zeros never wins against an object that comes first
    matched = tf.argmax(tf.pad(overlaps, ((0, 0), (0, 1))), 1, tf.int32)
    return labels, matched


def reached(overlaps, least: float = 0.0):
    """Which objects any anchor overlaps at all, with an IoU of `least` or more: (A, G) -> (G,) bool."""
    overlaps = tf.cast(overlaps, tf.float32)
    return tf.reduce_any((overlaps > 0) & (overlaps >= least), 0)
