"""RoIAlign of the same number of regions in every image, as most tests of it want it."""

import tensorflow as tf

from frcnn_keras.ops.roi import align_regions


def roi_align(features, regions, stride, offset, size=7, samples=2, min_cells=0.0):
    """features (B, H, W, C), regions (B, R, 4) -> (B, R, S, S, C)."""
    batch, count = tf.shape(features)[0], tf.shape(regions)[1]
    image = tf.repeat(tf.range(batch), count)
    pooled = align_regions(features, tf.reshape(regions, (-1, 4)), image, stride, offset, size, samples, min_cells)
    return tf.reshape(pooled, (batch, count, size, size, features.shape[-1]))
