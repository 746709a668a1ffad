"""Anchors and regions on a tuple of feature levels; a single-level backbone is a pyramid of one."""

import math

import tensorflow as tf

from frcnn_keras.ops.anchors import base_anchors, grid_anchors
from frcnn_keras.ops.boxes import area
from frcnn_keras.ops.roi import roi_align, roi_pool


def level_bases(sizes, ratios, levels: int, rounded: bool = False) -> tuple:
    """Base anchors of every level: tuple over levels of (K, 4).

    One level takes all sizes; several levels take one size each (FPN's rule, arXiv 1612.03144 section 4.1).

    Raises:
        ValueError: several levels and another number of sizes.
    """
    if levels == 1:
        return (base_anchors(sizes, ratios, rounded),)
    if len(sizes) != levels:
        raise ValueError(f"anchor sizes must be one a level. Received: {len(sizes)} sizes for {levels} levels")
    return tuple(base_anchors((size,), ratios, rounded) for size in sizes)


def pyramid_anchors(bases, shapes, strides, offsets) -> tuple:
    """Anchors of one image: tuple over levels of (rows * columns * K, 4), order y, x, k.

    shapes: tuple over levels of (rows, columns), ints or scalar tensors. strides, offsets: one of each a level.
    """
    return tuple(grid_anchors(base, shape[0], shape[1], stride, offset)
                 for base, shape, stride, offset in zip(bases, shapes, strides, offsets, strict=True))


def region_levels(regions, strides):
    """Index of the level each region is pooled from: (...,) int32 for regions (..., 4).

    A region of 224 pixels (the crops that backbones are pretrained on) belongs to stride 16, one of half that to
    stride 8, and so on, clamped to the levels there are (arXiv 1612.03144, equation 1; 1e-6 as torchvision has it).
    """
    exponents = [round(math.log2(stride)) for stride in strides]
    level = tf.floor(4.0 + tf.math.log(tf.sqrt(area(regions)) / 224.0) / math.log(2.0) + 1e-6)
    return tf.cast(tf.clip_by_value(level, exponents[0], exponents[-1]), tf.int32) - exponents[0]


def pool_regions(maps, regions, strides, offsets, op: str, size: int):
    """Pools every region from its level: maps, tuple over levels of (B, H, W, C), regions (B, R, 4) in image pixels
    -> (B, R, size, size, C). op: `align` (RoIAlign, arXiv 1703.06870) or `pool` (RoIPool, arXiv 1504.08083)."""
    pool = {"align": roi_align, "pool": roi_pool}[op]
    pooled = pool(maps[0], regions, strides[0], offsets[0], size)
    if len(maps) > 1:
        level = region_levels(regions, strides)[..., None, None, None]  # (B, R, 1, 1, 1)
        for index in range(1, len(maps)):
            here = pool(maps[index], regions, strides[index], offsets[index], size)
            pooled = tf.where(level == index, here, pooled)
    return pooled
