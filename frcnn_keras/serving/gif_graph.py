"""A GIF's first frame in a graph; see data.image_layouts.gif_frame."""

from typing import NamedTuple

import tensorflow as tf

from frcnn_keras.data.image_bytes import CHUNKS
from frcnn_keras.data.image_layouts import GIF_BLOCKS
from frcnn_keras.serving.byte_graph import ends_behind, number, size_of, whole_number
from frcnn_keras.serving.layout_graph import GraphLayout, layout_of


class _Walk(NamedTuple):
    """Where a walk over a GIF's blocks stands."""

    offset: tf.Tensor
    steps: tf.Tensor
    extensions: tf.Tensor
    ended: tf.Tensor  # bool
    fine: tf.Tensor  # bool: at a whole frame
    frame: tf.Tensor  # (5,): top, left, height, width, offset of the descriptor


def gif(data) -> GraphLayout:
    """The screen, larger where its first frame reaches over it; and that frame."""
    zero, no = whole_number(0), tf.constant(False)
    walk = _Walk(13 + _palette(number(data, 10, 1)), zero, zero, no, no, tf.zeros([5], tf.int64))
    walk = tf.while_loop(lambda *walk: ~walk[3], lambda *walk: _step(data, _Walk(*walk)), walk, parallel_iterations=1)
    top, left, height, width, offset = tf.unstack(walk.frame)
    return layout_of(walk.fine, tf.maximum(number(data, 8, 2), top + height),
                     tf.maximum(number(data, 6, 2), left + width), frame=(top, left, offset, walk.offset))


def _step(data, walk: _Walk) -> _Walk:
    """One extension, or the frame, further."""
    block, place = number(data, walk.offset, 1), walk.offset
    extension = tf.equal(block, 0x21) & (walk.extensions < CHUNKS) & ends_behind(data, place + 1)
    left, top, width, height = (number(data, place + offset, 2) for offset in (1, 3, 5, 7))
    framed = tf.equal(block, 0x2C) & ends_behind(data, place + 10) & (width > 0) & (height > 0)
    start = place + tf.where(extension, whole_number(2), 11 + _palette(number(data, place + 9, 1)))
    stop, steps = _skip(data, start, walk.steps + 1, extension | framed)
    whole = (extension | framed) & ends_behind(data, stop) & (steps <= GIF_BLOCKS)
    frame = tf.where(framed, tf.stack([top, left, height, width, place]), walk.frame)
    return _Walk(stop, steps, walk.extensions + 1, framed | ~whole, framed & whole, frame)


def _skip(data, offset, steps, wanted):
    """Behind blocks of up to 255 bytes and the empty one that ends them; behind the data's end where none does."""
    last = size_of(data) - 1  # read again behind the end, which `_step` finds out

    def further(offset, size, steps):
        following = tf.minimum(offset + 1 + size, last + 1)
        return following, tf.cast(data[tf.minimum(following, last)], tf.int64), steps + 1

    size = tf.where(wanted & (offset <= last), tf.cast(data[tf.minimum(offset, last)], tf.int64), 0)
    offset, _, steps = tf.while_loop(
        lambda offset, size, steps: (size > 0) & (offset <= last) & (steps < GIF_BLOCKS), further,
        (offset, size, steps), parallel_iterations=1)
    return offset + 1, steps + 1


def _palette(flags):
    """Bytes of the colour table that a screen or frame descriptor announces."""
    return tf.where(tf.equal(flags & 0x80, 0x80), 3 * tf.bitwise.left_shift(whole_number(2), flags & 7), 0)
