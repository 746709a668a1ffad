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


def sample_of_each(labels: list, seed, count: int, positive_fraction: float) -> list[tuple]:
    """Draws up to `count` an image from the labelled of several images together, as `sample` does from one image's.

    Args:
        labels: of each of B images (A,); A may differ. Of B * count that are drawn at most int(B * count *
            positive_fraction) are positive, whichever images they are of.

    Returns:
        For each image indices (T,) int32 into its labels, and valid (T,) bool. T is `count` for a single image; of
        several it is what falls to the image, and one that is not valid.
    """
    if len(labels) == 1:
        return [sample(labels[0], seed, count, positive_fraction)]
    indices, valid = sample(tf.concat(labels, 0), seed, count * len(labels), positive_fraction)
    start, drawn = 0, []
    for own in labels:
        end = start + tf.shape(own)[0]
        here = tf.boolean_mask(indices, valid & (indices >= start) & (indices < end)) - start
        # never empty, which not every convolution takes
        drawn.append((tf.pad(here, ((0, 1),)), tf.pad(tf.ones_like(here, tf.bool), ((0, 1),))))
        start = end
    return drawn


def _first(members, rank, limit: int):
    """Indices (limit,) of the members of highest rank, and how many of these are members."""
    indices = tf.math.top_k(tf.where(members, rank, -1.0), limit).indices
    return indices, tf.minimum(tf.reduce_sum(tf.cast(members, tf.int32)), limit)
