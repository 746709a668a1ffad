"""Pooling of regions by gathering cells, for runtimes that lack crop_and_resize; levels share one table of cells.

A drop-in for ops.pyramid.pool_regions, equal to rounding. On TensorFlow itself that one is several times quicker.
"""

import tensorflow as tf

from frcnn_keras.ops.pyramid import region_levels
from frcnn_keras.ops.roi import roi_pool

SAMPLES = 2  # sample points down and across in each bin, as align_regions has


def gather_regions(maps, regions, strides, offsets, op: str, size: int, levels: int | None = None,
                   min_cells: float = 0.0):
    """Pools every region from its level.

    Args:
        maps: tuple over levels of (B, H, W, C), finest first.
        regions: (B, R, 4) in image pixels.
        strides, offsets: one a level; numbers.
        op: `align` (RoIAlign, arXiv 1703.06870) or `pool` (RoIPool, arXiv 1504.08083).
        size: bins down and across, S.
        levels: how many levels, from the finest, regions are pooled from; all by default.
        min_cells: `align` widens a region narrower or lower than this many cells to it.

    Returns:
        (B, R, S, S, C) float32.
    """
    maps, strides, offsets = maps[:levels], strides[:levels], offsets[:levels]
    level = region_levels(regions, strides) if len(maps) > 1 else tf.zeros(tf.shape(regions)[:2], tf.int32)  # (B, R)
    if op == "align":
        return _gather_align(maps, regions, level, strides, offsets, size, min_cells)
    pooled = roi_pool(maps[0], regions, strides[0], offsets[0], size)
    for index in range(1, len(maps)):
        here = roi_pool(maps[index], regions, strides[index], offsets[index], size)
        pooled = tf.where((level == index)[..., None, None, None], here, pooled)
    return pooled


def _gather_align(maps, regions, level, strides, offsets, size: int, min_cells: float):
    """RoIAlign; level: (B, R) int32. The sample points are those of ops.roi.align_regions."""
    batch, shapes = tf.shape(maps[0])[0], [tf.shape(map_) for map_ in maps]
    rows, columns = (tf.gather(tf.stack([shape[axis] for shape in shapes]), level) for axis in (1, 2))  # (B, R)
    cells = [shape[0] * shape[1] * shape[2] for shape in shapes]
    first = tf.gather(tf.cumsum(tf.stack(cells), exclusive=True), level)  # (B, R): of the level, in the table
    first += tf.range(batch)[:, None] * rows * columns  # ... and of the image
    x1, y1, x2, y2 = tf.unstack(tf.cast(regions, tf.float32), num=4, axis=-1)  # (B, R)

    stride, offset = (tf.gather(tf.constant(values, tf.float32), level) for values in (strides, offsets))  # (B, R)
    down, down_share = _taps(y1, y2, stride, offset, rows, size, min_cells)  # (B, R, S, T)
    across, across_share = _taps(x1, x2, stride, offset, columns, size, min_cells)
    channels = maps[0].shape[-1]
    table = tf.concat([tf.reshape(tf.cast(map_, tf.float32), (-1, channels)) for map_ in maps], 0)  # (cells, C)
    down = first[..., None, None] + down * columns[..., None, None]
    # one cell of each bin at a time: all at once would be 16 times the memory
    across = tf.unstack(across[:, :, None], num=2 * SAMPLES, axis=-1)  # of (B, R, 1, S)
    across_share = tf.unstack(across_share[:, :, None, :, None], num=2 * SAMPLES, axis=-1)  # of (B, R, 1, S, 1)
    down = tf.unstack(down[:, :, :, None], num=2 * SAMPLES, axis=-1)  # of (B, R, S, 1)
    down_share = tf.unstack(down_share[:, :, :, None, None], num=2 * SAMPLES, axis=-1)  # of (B, R, S, 1, 1)
    pooled = 0.0
    for y, y_share in zip(down, down_share):
        row = sum(tf.gather(table, y + x) * x_share for x, x_share in zip(across, across_share))
        pooled += row * y_share  # (B, R, S, S, C)
    return pooled


def _taps(start, end, stride, offset, cells, size: int, min_cells: float):
    """Cells that the bins' sample points lie between, along one axis, and the share of each in the bin's mean.

    start, end, stride, offset, cells: (B, R). Returns (B, R, S, 2 * SAMPLES) int32 and float32. Points more than one
    cell beyond the map's first or last cell centre have share 0, nearer ones take the border cell.
    """
    start, end = (start - offset) / stride, (end - offset) / stride
    if min_cells:
        end = start + tf.maximum(end - start, min_cells)
    points = size * SAMPLES
    places = tf.constant([(point + 0.5) / points for point in range(points)], tf.float32)
    position = start[..., None] + (end - start)[..., None] * places  # (B, R, S * SAMPLES)
    last = tf.cast(cells - 1, tf.float32)[..., None]
    weight = tf.cast((position >= -1.0) & (position <= last + 1.0), tf.float32) / SAMPLES
    position = tf.clip_by_value(position, 0.0, last)
    low = tf.floor(position)
    share = position - low
    taps = tf.stack([low, tf.minimum(low + 1.0, last)], -1)  # (B, R, S * SAMPLES, 2)
    shares = tf.stack([(1.0 - share) * weight, share * weight], -1)
    shape = tf.concat([tf.shape(start), (size, 2 * SAMPLES)], 0)
    return tf.reshape(tf.cast(taps, tf.int32), shape), tf.reshape(shares, shape)
