"""Anchors: boxes of several sizes and shapes on every cell of a feature map (arXiv 1506.01497, section 3.1.1)."""

import numpy as np
import tensorflow as tf


def base_anchors(sizes, ratios, rounded: bool = False) -> np.ndarray:
    """The K = len(ratios) * len(sizes) anchors of one position, centred on 0: (K, 4) float32.

    Args:
        sizes: square roots of the areas, in pixels.
        ratios: height / width; 2 is tall.
        rounded: half widths and heights rounded to whole pixels (a half to the even one), as torchvision has them;
            its trained weights need that.

    Returns:
        For each ratio all sizes, in the given order.
    """
    root = np.sqrt(np.asarray(ratios, np.float32))[:, None]  # (ratios, 1)
    sizes = np.asarray(sizes, np.float32)
    halves = np.stack([sizes / root, sizes * root], -1).reshape(-1, 2) / 2  # (K, 2): half width, half height
    if rounded:
        halves = np.round(halves)
    return np.concatenate([-halves, halves], 1)


def grid_anchors(base, rows, columns, stride, offset):
    """Base anchors (K, 4) moved to every cell of a map: (rows * columns * K, 4) float32, order y, x, k.

    Args:
        base: (K, 4), from `base_anchors`.
        rows, columns: size of the map, ints or scalar tensors.
        stride: pixels of the image from one cell to the next; one number, or two (y, x), also scalar tensors.
        offset: image coordinate of the centre of cell 0; one number, or two (y, x).
    """
    (stride_y, stride_x), (offset_y, offset_x) = pair(stride), pair(offset)
    y = offset_y + tf.cast(stride_y, tf.float32) * tf.range(rows, dtype=tf.float32)
    x = offset_x + tf.cast(stride_x, tf.float32) * tf.range(columns, dtype=tf.float32)
    y, x = tf.meshgrid(y, x, indexing="ij")  # (rows, columns)
    centres = tf.stack([x, y, x, y], -1)[:, :, None]  # (rows, columns, 1, 4)
    return tf.reshape(centres + tf.cast(base, tf.float32), (-1, 4))


def inside(anchors, height, width):
    """Which anchors (A, 4) do not cross the border of an image of height and width pixels: (A,) bool."""
    x1, y1, x2, y2 = tf.unstack(tf.cast(anchors, tf.float32), num=4, axis=-1)
    return (x1 >= 0) & (y1 >= 0) & (x2 <= tf.cast(width, tf.float32)) & (y2 <= tf.cast(height, tf.float32))


def pair(value) -> tuple:
    """(y, x) of a stride or offset that is given as one number or as two."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)
