"""data.exif in a graph: how EXIF says that a picture is to be turned."""

import tensorflow as tf

from frcnn_keras.data.exif import ORIENTATION
from frcnn_keras.serving.byte_graph import number, piece, size_of, value_of

_PREFIX, _ORDERS = b"Exif\0\0", (b"II*\0", b"MM\0*")


def orientation(exif):
    """EXIF orientation, a scalar int64 of 1..8, of a block (N,) uint8: what data.exif.orientation says of it."""
    prefixed = tf.equal(number(exif, 0, 6, big=True), int.from_bytes(_PREFIX, "big"))
    block = piece(exif, tf.where(prefixed, 6, 0), size_of(exif))
    order = number(block, 0, 4, big=True)
    known = tf.stack([tf.equal(order, int.from_bytes(start, "big")) for start in _ORDERS])
    found = tf.where(known[1], _directory(block, big=True), _directory(block, big=False))
    return tf.where(tf.reduce_any(known), found, 1)


def _directory(block, big: bool):
    """That of a block in one byte order; 1 where it says none."""
    start = number(block, 4, 4, big)
    there = (start >= 8) & (start + 2 <= size_of(block))
    rows = piece(block, start + 2, start + 2 + 12 * number(block, start, 2, big))
    rows = rows[: tf.size(rows) // 12 * 12]
    entries = tf.reshape(tf.cast(rows, tf.int64), (-1, 12))
    tag, kind, count, value = (value_of(entries[:, first:last], big)
                               for first, last in ((0, 2), (2, 4), (4, 8), (8, 10)))
    good = tf.equal(kind, 3) & tf.equal(count, 1) & (value >= 1) & (value <= 8)
    mine = tf.boolean_mask(tf.where(good, value, 1), tf.equal(tag, ORIENTATION))
    first = tf.concat([mine, tf.ones([1], tf.int64)], 0)[0]
    return tf.where(there, first, 1)
