"""Numbers and patterns in the bytes of an image, read by a graph that must not fail wherever they end.

`data` is (N,) uint8 everywhere, an offset a scalar int64; what lies behind the end is read as zeros.
"""

import tensorflow as tf

_TAIL = 65536  # bytes looked at for an end marker before the whole file is


def whole_number(value):
    """A scalar int64."""
    return tf.constant(value, tf.int64)


def size_of(data):
    """N, int64."""
    return tf.size(data, tf.int64)


def piece(data, start, stop):
    """data[start:stop], fewer where the data ends."""
    start = tf.clip_by_value(tf.cast(start, tf.int64), 0, size_of(data))
    return data[start : tf.clip_by_value(tf.cast(stop, tf.int64), start, size_of(data))]


def window(data, offset, count: int):
    """`count` bytes from an offset, (count,) int64."""
    part = tf.cast(piece(data, offset, offset + count), tf.int64)
    return tf.ensure_shape(tf.pad(part, [[0, count - tf.size(part)]]), (count,))


def number(data, offset, count: int, big: bool = False):
    """The unsigned whole number of `count` bytes at an offset; little-endian unless `big`."""
    return value_of(window(data, offset, count), big)


def value_of(places, big: bool = False):
    """The whole number of bytes (..., count) int64."""
    count = places.shape[-1]
    powers = [256 ** (count - 1 - place if big else place) for place in range(count)]
    return tf.reduce_sum(places * tf.constant(powers, tf.int64), -1)


def ends_behind(data, offset):
    """Whether the data ends at or behind an offset: that what lies in front of it is there."""
    return offset <= size_of(data)


def is_one_of(value, wanted):
    return tf.reduce_any(tf.equal(value, tf.constant(sorted(wanted), tf.int64)))


def hits(data, pattern: bytes):
    """Where a pattern begins, a bool for each place that it could begin at."""
    count = tf.maximum(tf.size(data) - len(pattern) + 1, 0)
    found = tf.ones([count], tf.bool)
    for place, byte in enumerate(pattern):
        found &= tf.equal(data[place : place + count], byte)
    return found


def contains(data, start, pattern: bytes):
    """Whether a pattern stands behind `start`: in the tail as a rule, further in front where much was appended."""
    end = size_of(data)
    near = tf.maximum(tf.cast(start, tf.int64), end - _TAIL)
    tail = tf.reduce_any(hits(piece(data, near, end), pattern))
    return tf.cond(tail, lambda: True, lambda: tf.reduce_any(hits(piece(data, start, end), pattern)))
