"""Random minibatches of positives and negatives (arXiv 1506.01497, section 3.1.3)."""

import tensorflow as tf


def sample(labels, seed, count: int = 256, positive_fraction: float = 0.5):
    """Draws up to `count` of the labelled, without replacement; the same seed gives the same draw.

    Args:
        labels: (A,) int: 1 or more positive, 0 negative, -1 never drawn. A may be less than `count`.
        seed: (2,) int.
        count: size of the minibatch.
        positive_fraction: at most int(count * positive_fraction) are positive; negatives fill up what is missing.

    Returns:
        indices (count,) int32 into labels, positives first, then negatives, then 0 where there are too few.
        valid (count,) bool: False for that padding.
    """
    cap = int(count * positive_fraction)
    labels = tf.pad(labels, ((0, count),), constant_values=-1)  # (A + count,), so that top_k always has enough
    rank = tf.random.stateless_uniform(tf.shape(labels), seed)
    positives, positive_count = _first(labels > 0, rank, cap)
    negatives, negative_count = _first(labels == 0, rank, count)
    place = tf.range(count)
    from_negatives = tf.gather(negatives, tf.maximum(place - positive_count, 0))
    from_positives = tf.pad(positives, ((0, count - cap),))
    valid = place < positive_count + negative_count
    indices = tf.where(place < positive_count, from_positives, from_negatives)
    return tf.where(valid, indices, 0), valid


def _first(members, rank, limit: int):
    """Indices (limit,) of the members of highest rank, and how many of these are members."""
    indices = tf.math.top_k(tf.where(members, rank, -1.0), limit).indices
    return indices, tf.minimum(tf.reduce_sum(tf.cast(members, tf.int32)), limit)
