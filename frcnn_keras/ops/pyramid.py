"""Anchors and regions on a tuple of feature levels; a single-level backbone is a pyramid of one."""

import math

import tensorflow as tf

from frcnn_keras.ops.anchors import base_anchors, grid_anchors, pair
from frcnn_keras.ops.boxes import area
from frcnn_keras.ops.roi import align_regions, pool_max

STRIDE_RULES = ("given", "quotient", "fraction")
ANCHOR_UNITS = ("pixel", "stride")
ANCHOR_CENTRES = ("field", "tile", "corner")


def level_bases(sizes, ratios, levels: int, rounded: bool = False) -> tuple:
    """Base anchors of every level: tuple over levels of (K, 4).

    `sizes`: numbers, of which one level takes all and several levels take one each (FPN's rule, arXiv 1612.03144
    section 4.1); or a list of numbers for each level, as many in each. rounded: see `base_anchors`.

    Raises:
        ValueError: another number of sizes than of levels, or of sizes in one level than in another.
    """
    nested = all(isinstance(size, (tuple, list)) for size in sizes)
    per_level = sizes if nested else [sizes] if levels == 1 else [[size] for size in sizes]
    if len(per_level) != levels:
        raise ValueError(f"anchor sizes must be one a level. Received: {len(per_level)} sizes for {levels} levels")
    if len({len(level) for level in per_level}) != 1:
        raise ValueError(f"each level must have as many anchor sizes. Received: {sizes}")
    return tuple(base_anchors(level, ratios, rounded) for level in per_level)


def level_anchors(shapes, size=None, *, strides, offsets, anchor_sizes, anchor_ratios, anchor_rounded: bool = False,
                  stride_rule: str = "given", anchor_unit: str = "pixel", anchor_centres: str = "field") -> tuple:
    """Anchors of one padded image by a detector's `geometry`: tuple over levels of (rows * columns * K, 4), order y, x,
    k.

    Args:
        shapes: tuple over levels of (rows, columns) of the maps, finest first; ints or scalar tensors.
        size: (height, width) of the image without its padding; for the stride rule `fraction`.
        strides, offsets: one a level; see `grid_anchors`.
        anchor_sizes, anchor_ratios, anchor_rounded: see `level_bases`.
        stride_rule: see `level_strides`.
        anchor_unit: what sizes are counted in, `pixel` or `stride` (the root of its product, where the two differ).
        anchor_centres: where the anchors of a cell have their centre: `field`, at `offsets`, the middle of what the
            cell sees; `tile`, in the middle of the cell's tile, which is as large as the stride, the first one's corner
            being the image's; `corner`, on the tile's upper left corner.
    """
    strides = level_strides(shapes, strides, stride_rule, size)
    if anchor_unit == "pixel":
        bases = level_bases(anchor_sizes, anchor_ratios, len(shapes), anchor_rounded)
    else:
        units = level_bases(anchor_sizes, anchor_ratios, len(shapes))
        bases = tuple(base * tf.sqrt(tf.cast(y, tf.float32) * tf.cast(x, tf.float32))
                      for base, (y, x) in zip(units, map(pair, strides), strict=True))
        bases = tuple(map(tf.round, bases)) if anchor_rounded else bases
    if anchor_centres != "field":
        share = {"tile": 0.5, "corner": 0.0}[anchor_centres]
        offsets = tuple((y * share, x * share) for y, x in map(pair, strides))
    return pyramid_anchors(bases, shapes, strides, offsets)


def level_strides(shapes, strides, rule: str = "given", size=None) -> tuple:
    """The stride of the anchors of each level: as given, or (y, x) by a quotient.

    `quotient` is torchvision's: the padded image's side divided by the map's and cut to a whole number. Where a map was
    halved from an odd number of cells, that is less than its true stride: a side of 800 has 25 cells of stride 32 and
    13 of stride 61. Weights trained with such anchors need them. The padded side is the finest map's times its stride.

    `fraction` is the quotient of the image's own `size` (height, width), uncut: 333 x 500 pixels on 9 x 14 cells have
    37 and 35.7. The cells' tiles then cover the image exactly, whatever a network without padding sees less of.
    """
    if rule not in STRIDE_RULES:
        raise ValueError(f"stride_rule must be one of {', '.join(STRIDE_RULES)}. Received: {rule!r}")
    if rule == "given":
        return tuple(strides)
    if rule == "fraction":
        if size is None:
            raise ValueError("stride_rule fraction needs the image's size. Received: None")
        sides = tf.cast(size, tf.float32)
        return tuple(tuple(tf.unstack(sides / tf.cast(tf.stack(shape), tf.float32), num=2)) for shape in shapes)
    height, width = (int(strides[0]) * cells for cells in tf.unstack(shapes[0], num=2))
    return tuple((height // rows, width // columns) for rows, columns in (tf.unstack(shape, num=2) for shape in shapes))


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


def pool_regions(maps, regions, strides, offsets, op: str, size: int, levels: int | None = None,
                 min_cells: float = 0.0):
    """Pools every region from its level, and from that alone.

    Args:
        maps: tuple over levels of (B, H, W, C), finest first. Gradients flow to them.
        regions: (B, R, 4) in image pixels.
        strides, offsets: one a level; numbers.
        op: `align` (RoIAlign, arXiv 1703.06870) or `pool` (RoIPool, arXiv 1504.08083).
        size: bins down and across, S.
        levels: how many levels, from the finest, regions are pooled from; all by default.
        min_cells: see ops.roi.align_regions.

    Returns:
        (B, R, S, S, C) float32.
    """
    pool = {"align": align_regions, "pool": pool_max}[op]
    settings = {"min_cells": min_cells} if op == "align" else {}
    maps = maps[:levels]
    batch, count = tf.shape(regions)[0], tf.shape(regions)[1]
    flat = tf.reshape(regions, (-1, 4))  # (B * R, 4)
    image = tf.repeat(tf.range(batch), count)
    if len(maps) == 1:
        pooled = pool(maps[0], flat, image, strides[0], offsets[0], size, **settings)
    else:
        level = region_levels(flat, strides[:len(maps)])  # (B * R,)
        places = [tf.where(level == index)[:, 0] for index in range(len(maps))]
        parts = [pool(map_, tf.gather(flat, place), tf.gather(image, place), stride, offset, size, **settings)
                 for map_, place, stride, offset in zip(maps, places, strides, offsets)]
        pooled = tf.dynamic_stitch([tf.cast(place, tf.int32) for place in places], parts)  # (B * R, S, S, C)
    return tf.reshape(pooled, (batch, count, size, size, maps[0].shape[-1]))
