"""Pooling of regions from a feature map: RoIAlign and RoIPool."""

import tensorflow as tf

from frcnn_keras.ops.anchors import pair
from frcnn_keras.ops.grid_sampling import sample_grids


def align_regions(features, regions, images, stride, offset, size: int = 7, samples: int = 2, min_cells: float = 0.0):
    """Averages bilinear samples in size x size bins of each region (arXiv 1703.06870, section 3).

    The `aligned` form: with offset = stride / 2 an image coordinate x lies at x / stride - 0.5 of the map. (With
    offset 0 it lies at x / stride, as in the form that older weights were trained with.) Sample points more than one
    cell beyond the map's first or last cell centre count as 0, nearer ones as the border cell.

    Args:
        features: (B, H, W, C), any float dtype. Gradients flow to it, not to the regions.
        regions: (N, 4) in pixels of the image, anywhere; N may be 0.
        images: (N,) int32, which of the B maps each region lies in.
        stride: pixels of the image from one cell to the next; one number, or two (y, x).
        offset: image coordinate of the centre of cell 0; one number, or two (y, x).
        size: bins down and across, S.
        samples: sample points down and across in each bin.
        min_cells: a region narrower or lower than this many cells of the map is widened to it, to the right and
            downwards. The older form has 1, the aligned one 0.

    Returns:
        (N, S, S, C) float32.
    """
    features = tf.cast(features, tf.float32)
    rows, columns = tf.shape(features)[1], tf.shape(features)[2]
    x1, y1, x2, y2 = _on_map(regions, stride, offset, centre=0.0)
    if min_cells:
        x2, y2 = x1 + tf.maximum(x2 - x1, min_cells), y1 + tf.maximum(y2 - y1, min_cells)
    y1, y2 = _first_and_last_point(y1, y2, size * samples, rows)
    x1, x2 = _first_and_last_point(x1, x2, size * samples, columns)
    # crop_and_resize samples just such a grid of points, with 0 outside the map: a border of one cell around the map
    # makes its outside begin where RoIAlign's does
    padded = tf.pad(features, ((0, 0), (1, 1), (1, 1), (0, 0)), "SYMMETRIC")
    sampled = sample_grids(padded, tf.stack([y1, x1, y2, x2], -1), images, size * samples)
    return tf.nn.avg_pool2d(sampled, samples, samples, "VALID") if samples > 1 else sampled


def roi_pool(features, regions, stride, offset, size: int = 7):
    """`pool_max` of R regions in every image: features (B, H, W, C), regions (B, R, 4) -> (B, R, S, S, C)."""
    batch, count = tf.shape(features)[0], tf.shape(regions)[1]
    image = tf.repeat(tf.range(batch), count)
    pooled = pool_max(features, tf.reshape(regions, (-1, 4)), image, stride, offset, size)
    return tf.reshape(pooled, (batch, count, size, size, features.shape[-1]))


def pool_max(features, regions, images, stride, offset, size: int = 7):
    """Takes the maximum in size x size bins of each region: RoIPool (arXiv 1504.08083, section 2.1).

    Edges are rounded to whole cells and both belong to the region, so that it is at least one cell wide; bins overlap
    where they do not divide it evenly, and are cut at the map's border. A bin wholly beyond it is 0.

    Args:
        features: (B, H, W, C), any float dtype. Gradients flow to it, not to the regions.
        regions: (N, 4) in pixels of the image, anywhere; N may be 0.
        images: (N,) int32, which of the B maps each region lies in.
        stride: pixels of the image from one cell to the next; one number, or two (y, x).
        offset: image coordinate of the centre of cell 0; one number, or two (y, x). Where it is not stride / 2,
            regions are moved by the difference.
        size: bins down and across, S.

    Returns:
        (N, S, S, C) float32.
    """
    features = tf.cast(features, tf.float32)
    batch, rows, columns, _ = tf.unstack(tf.shape(features))
    x1, y1, x2, y2 = (_round(edge) for edge in _on_map(regions, stride, offset, centre=0.5))
    top, bottom = _bins(y1, y2, size, rows)  # (N, S)
    left, right = _bins(x1, x2, size, columns)
    tables, row_tables = _range_maxima(features, _log2(bottom - top), _log2(right - left))
    indices = []
    for y, y_level in _two_ranges(top, bottom, rows):
        for x, x_level in _two_ranges(left, right, columns):
            table = x_level[:, None, :] * row_tables + y_level[..., None]  # (N, S, S)
            image = table * batch + tf.cast(images, tf.int32)[:, None, None]
            indices.append((image * rows + y[..., None]) * columns + x[:, None, :])
    cells = tf.reshape(tables, (-1, features.shape[-1]))
    upper = tf.maximum(tf.gather(cells, indices[0]), tf.gather(cells, indices[1]))  # (N, S, S, C)
    lower = tf.maximum(tf.gather(cells, indices[2]), tf.gather(cells, indices[3]))
    empty = (bottom <= top)[..., None] | (right <= left)[:, None, :]  # (N, S, S)
    return tf.where(empty[..., None], 0.0, tf.maximum(upper, lower))


def _on_map(regions, stride, offset, centre: float):
    """x1, y1, x2, y2 of regions (N, 4) in cells of the map, each (N,); `centre` is where cell 0 has its own."""
    x1, y1, x2, y2 = tf.unstack(tf.cast(regions, tf.float32), num=4, axis=-1)
    (stride_y, stride_x), (offset_y, offset_x) = pair(stride), pair(offset)
    origin_y, origin_x = offset_y - centre * stride_y, offset_x - centre * stride_x
    return ((x1 - origin_x) / stride_x, (y1 - origin_y) / stride_y,
            (x2 - origin_x) / stride_x, (y2 - origin_y) / stride_y)


def _first_and_last_point(start, end, points: int, cells):
    """Outermost of `points` sample points evenly inside [start, end], in the units of crop_and_resize: 0 is the first
    and 1 the last cell of the bordered map."""
    half_step = 0.5 * (end - start) / points
    last_cell = tf.cast(cells + 1, tf.float32)
    return (start + half_step + 1.0) / last_cell, (end - half_step + 1.0) / last_cell


def _round(values):
    """The nearest whole number, a half away from zero (as C rounds; tf.round takes the even one): int32."""
    whole = tf.floor(tf.abs(values))
    up = tf.cast(tf.abs(values) - whole >= 0.5, tf.float32)
    return tf.cast(tf.sign(values) * (whole + up), tf.int32)


def _bins(first, last, size: int, cells):
    """Start and end (exclusive) of each bin of [first, last], cut to the map: two (N, size) int32.

    In whole numbers: a division by 7 in float32 rounds some edges into the next cell.
    """
    length = tf.maximum(last - first + 1, 1)[..., None]
    number = tf.range(size)
    start = first[..., None] + number * length // size
    end = first[..., None] + ((number + 1) * length + size - 1) // size
    return tf.clip_by_value(start, 0, cells), tf.clip_by_value(end, 0, cells)


def _log2(lengths):
    """The largest k with 2^k <= length, 0 for lengths below 1: int32."""
    return tf.reduce_sum(tf.cast(lengths[..., None] >= 2 ** tf.range(1, 16), tf.int32), -1)


def _two_ranges(start, end, cells):
    """Two ranges of 2^k cells that together cover [start, end): first cell and k of each, all like start."""
    level = _log2(end - start)
    return [(tf.clip_by_value(first, 0, cells - 1), level) for first in (start, end - 2 ** level)]


def _range_maxima(features, row_levels, column_levels):
    """Sparse table: the maxima of all blocks of 2^i x 2^j cells of the maps, for the i and j that occur.

    With it the maximum of a bin of any size is that of four overlapping blocks.

    Returns:
        (J * I, B, H, W, C): entry [j * I + i, b, y, x] is the maximum of the 2^i x 2^j cells whose first is (y, x),
        cut at the border; and I.
    """
    # the maximum of no levels (R = 0) is the least int32: nothing to double either
    tables = _doubled(features[None], 2, tf.reduce_max(row_levels))
    row_tables = tf.shape(tables)[0]
    tables = _doubled(tables, 3, tf.reduce_max(column_levels))
    return tables, row_tables


def _doubled(tables, axis: int, times):
    """Appends to tables (I, B, H, W, C) those of blocks twice as long along axis, and so on, `times` times.

    Returns:
        ((times + 1) * I, B, H, W, C).
    """
    block, cells = tf.shape(tables)[0], tf.shape(tables)[axis]

    def double(step, tables):
        last = tables[-block:]
        partner = tf.minimum(tf.range(cells) + 2 ** step, cells - 1)
        return step + 1, tf.concat([tables, tf.maximum(last, tf.gather(last, partner, axis=axis))], 0)

    shapes = (tf.TensorShape([]), tf.TensorShape([None, *tables.shape[1:]]))
    return tf.while_loop(lambda step, _: step < times, double, (tf.constant(0), tables), shapes)[1]
