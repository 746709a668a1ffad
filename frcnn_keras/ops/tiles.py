"""3x3 tiles of feature maps: what the RPN's convolution sees at one position, cut out for training."""

import tensorflow as tf


def cut_tiles(maps, indices, anchors_per_position: int):
    """Cuts the tile of each sampled anchor's position from the zero-padded maps.

    A 3x3 convolution without padding on a tile gives, to rounding, what the zero-padded convolution gives at that
    position of the whole map, borders included; so the RPN can learn from 256 positions instead of the whole map.

    Args:
        maps: tuple over levels of (H, W, C), any float dtype, the same C.
        indices: (T,) int32 into the anchors of all levels, levels in order, each in order y, x, k.
        anchors_per_position: K.

    Returns:
        tiles (T, 3, 3, C) of the maps' dtype, and which anchor of its position each is for: (T,) int32, 0..K-1.
    """
    indices = tf.convert_to_tensor(indices, tf.int32)
    channels = maps[0].shape[-1] or tf.shape(maps[0])[-1]
    padded, corner, row_length = [], tf.zeros_like(indices), tf.zeros_like(indices)
    first_anchor, first_cell = 0, 0
    for features in maps:
        rows, columns = tf.unstack(tf.shape(features)[:2])
        position = (indices - first_anchor) // anchors_per_position  # (T,)
        here = indices >= first_anchor  # what lies on a later level is written over there
        # cell (y, x) of the map is (y + 1, x + 1) of the padded one, so (y, x) is its tile's upper left corner there
        upper_left = first_cell + position // columns * (columns + 2) + position % columns
        corner = tf.where(here, upper_left, corner)
        row_length = tf.where(here, columns + 2, row_length)
        padded.append(tf.reshape(tf.pad(features, ((1, 1), (1, 1), (0, 0))), (-1, channels)))
        first_anchor += rows * columns * anchors_per_position
        first_cell += (rows + 2) * (columns + 2)
    down = tf.range(3)[:, None] * row_length[:, None, None]  # (T, 3, 1)
    cells = corner[:, None, None] + down + tf.range(3)  # (T, 3, 3)
    return tf.gather(tf.concat(padded, 0), cells), indices % anchors_per_position  # (T, 3, 3, C), (T,)
