"""Pooling of regions: ops.roi beside an exact gather (RoIAlign) and beside a loop over bins (RoIPool)."""

import math

import numpy as np
import tensorflow as tf

from benchmarks.inputs import OFFSET, STRIDE, Settings, random_boxes
from benchmarks.timing import Row, alternate, rows_of
from frcnn_keras.ops.roi import align_regions, roi_pool

REGIONS = (128, 300)  # training, prediction


def align_by_gather(features, regions, stride: float, offset: float, size: int = 7, samples: int = 2):
    """ops.roi.align_regions by its definition: gathers the four cells about every sample point, weighs, averages."""
    features = tf.cast(features, tf.float32)
    batch, rows, columns, channels = features.shape
    x1, y1, x2, y2 = tf.unstack((tf.cast(regions, tf.float32) - offset) / stride, axis=-1)
    ys, xs = _corners(y1, y2, size * samples, rows), _corners(x1, x2, size * samples, columns)
    cells = tf.reshape(features, (-1, channels))
    first = tf.range(batch)[:, None, None, None] * rows * columns
    sampled = 0.0
    for y, y_weight in ys:
        for x, x_weight in xs:
            index = first + y[:, :, :, None] * columns + x[:, :, None, :]  # (B, R, P, P)
            weight = y_weight[:, :, :, None] * x_weight[:, :, None, :]
            sampled += tf.gather(cells, index) * weight[..., None]  # (B, R, P, P, C)
    split = tf.reshape(sampled, (batch, -1, size, samples, size, samples, channels))
    return tf.reduce_mean(split, (3, 5))


def align_one(features, regions, stride: float, offset: float):
    """ops.roi.align_regions of one image's regions (1, R, 4)."""
    return align_regions(features, regions[0], tf.zeros(tf.shape(regions)[1:2], tf.int32), stride, offset)


def _corners(start, end, points: int, cells: int):
    """Along one axis the lower and the upper cell of each sample point, each with its weight: (B, R, P)."""
    share = (tf.range(points, dtype=tf.float32) + 0.5) / points
    place = start[..., None] + share * (end - start)[..., None]  # (B, R, P)
    counts = tf.cast((place >= -1) & (place <= cells), tf.float32)
    place = tf.clip_by_value(place, 0.0, cells - 1.0)
    lower = tf.floor(place)
    upper = tf.minimum(lower + 1, cells - 1.0)
    return ((tf.cast(lower, tf.int32), counts * (1 - place + lower)),
            (tf.cast(upper, tf.int32), counts * (place - lower)))


def pool_by_loop(features: np.ndarray, regions: np.ndarray, stride: float, offset: float, size: int = 7) -> np.ndarray:
    """ops.roi.roi_pool of one image, bin by bin: features (H, W, C), regions (R, 4) -> (R, S, S, C)."""
    rows, columns, channels = features.shape
    pooled = np.zeros((len(regions), size, size, channels), np.float32)
    edges = (regions - np.float32(offset - stride / 2)) / np.float32(stride)
    edges = np.trunc(edges + np.copysign(np.float32(0.5), edges)).astype(int)  # a half away from zero
    for index, (x1, y1, x2, y2) in enumerate(edges):
        down, across = max(y2 - y1 + 1, 1), max(x2 - x1 + 1, 1)
        for i in range(size):
            top, bottom = max(y1 + i * down // size, 0), min(y1 + math.ceil((i + 1) * down / size), rows)
            for j in range(size):
                left, right = max(x1 + j * across // size, 0), min(x1 + math.ceil((j + 1) * across / size), columns)
                if top < bottom and left < right:
                    pooled[index, i, j] = features[top:bottom, left:right].max((0, 1))
    return pooled


def measure(settings: Settings) -> list[Row]:
    """128 and 300 regions of one map."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(1, *settings.cells, settings.channels)).astype(np.float32)
    graphs = {name: tf.function(lambda maps, regions, pool=pool: pool(maps, regions, STRIDE, OFFSET))
              for name, pool in (("align", align_one), ("pool", roi_pool), ("gather", align_by_gather))}
    shape = "{}x{}x{}".format(*features.shape[1:])
    rows = []
    for count in REGIONS:
        regions = random_boxes(rng, count, settings.size)[None]
        given = tf.constant(features), tf.constant(regions)
        align, pool = f"RoIAlign, {count} regions, map {shape}", f"RoIPool, {count} regions, map {shape}"
        gather, loop = "exact gather", "NumPy, a loop over bins"
        functions = {align: lambda given=given: graphs["align"](*given).numpy(),
                     gather: lambda given=given: graphs["gather"](*given).numpy(),
                     pool: lambda given=given: graphs["pool"](*given).numpy(),
                     loop: lambda regions=regions: pool_by_loop(features[0], regions[0], STRIDE, OFFSET)}
        seconds = alternate(functions, settings.repeats(12))
        rows += rows_of("roi", seconds, [(align, gather), (pool, loop)])
    return rows
