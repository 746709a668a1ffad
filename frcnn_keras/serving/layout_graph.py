"""data.jpeg_layout and data.image_layouts in a graph: what an image's bytes say of it, without failing on any bytes.

Each function takes the bytes (N,) uint8 of a file that begins as its kind does.
"""

from typing import NamedTuple

import tensorflow as tf

from frcnn_keras.data.image_bytes import CHUNKS, EXIF_BYTES
from frcnn_keras.data.jpeg_layout import PROGRESSIVE, SCANS, STRAY
from frcnn_keras.serving.byte_graph import (
    contains,
    ends_behind,
    hits,
    is_one_of,
    number,
    piece,
    size_of,
    whole_number,
    window,
)

_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))


class GraphLayout(NamedTuple):
    """int64 all but `fine`."""

    fine: tf.Tensor  # scalar bool: whether header and end are there, and it is decoded rightly
    size: tf.Tensor  # (2,): height and width as stored; 0 where the header says none
    exif: tf.Tensor  # (2,): first byte and end of its EXIF block; equal where there is none
    frame: tf.Tensor  # (4,): of a GIF's first frame: top, left, offset of its descriptor, end of its blocks


def layout_of(fine, height, width, exif=(0, 0), frame=(0, 0, 0, 0)) -> GraphLayout:
    """Of scalars, Python's or int64."""
    size, exif, frame = (tf.stack([tf.cast(value, tf.int64) for value in values])
                         for values in ((height, width), exif, frame))
    return GraphLayout(tf.convert_to_tensor(fine), size, exif, frame)


class _Walk(NamedTuple):
    """Where a walk over a JPEG's segments stands."""

    offset: tf.Tensor
    steps: tf.Tensor
    ended: tf.Tensor  # bool
    left: tf.Tensor  # stray bytes that may still come
    scan: tf.Tensor  # behind the start of scan; 0 before it is found
    frame: tf.Tensor  # marker of the frame header; 0 before it is found
    size: tf.Tensor  # (2,)
    exif: tf.Tensor  # (2,)


def jpeg(data) -> GraphLayout:
    """See data.jpeg_layout: the same segments count, as many of them, and the same ends."""
    zero, none = whole_number(0), tf.zeros([2], tf.int64)
    walk = _Walk(whole_number(2), zero, tf.constant(False), whole_number(STRAY), zero, zero, none, none)
    walk = tf.while_loop(lambda *walk: ~walk[2] & (walk[1] < CHUNKS), lambda *walk: _step(data, _Walk(*walk)), walk,
                         parallel_iterations=1)
    whole = (walk.scan > 0) & contains(data, walk.scan, b"\xff\xd9")
    few = tf.cond(whole & is_one_of(walk.frame, PROGRESSIVE), lambda: _scans(data, walk.scan) < SCANS, lambda: True)
    return layout_of(whole & few, walk.size[0], walk.size[1], tf.unstack(walk.exif))


def _step(data, walk: _Walk) -> _Walk:
    """One marker further."""
    end = walk.offset + walk.left + 2
    near, stray = _first_marker(piece(data, walk.offset, tf.minimum(end, walk.offset + 256)))
    found, stray = tf.cond(near, lambda: (near, stray), lambda: _first_marker(piece(data, walk.offset, end)))
    place = walk.offset + stray
    marker, behind = number(data, place + 1, 1), place + 2
    alone, last = is_one_of(marker, _ALONE), is_one_of(marker, (0xD9, 0xDA))
    known = walk.frame > 0
    scan = tf.where(found & tf.equal(marker, 0xDA) & known, behind, 0)
    segment = found & ~alone & ~last
    length = number(data, behind, 2, big=True)
    is_frame = segment & is_one_of(marker, _SOF) & ~known
    bits, *sides = (number(data, behind + offset, count, big=True) for offset, count in ((2, 1), (3, 2), (5, 2)))
    cut = ~ends_behind(data, behind + tf.where(is_frame, whole_number(7), 2))
    bad = segment & (cut | is_frame & tf.not_equal(bits, 8))
    is_exif = (segment & tf.equal(marker, 0xE1) & tf.equal(walk.exif[1], 0) & (length >= 8)
               & tf.equal(number(data, behind + 2, 6, big=True), int.from_bytes(b"Exif\0\0", "big")))
    return _Walk(
        tf.where(alone, behind, behind + tf.maximum(length, 2)), walk.steps + 1, ~found | last | bad,
        walk.left - stray, scan, tf.where(is_frame, marker, walk.frame), tf.where(is_frame, tf.stack(sides), walk.size),
        tf.where(is_exif, tf.stack([behind + 2, behind + length]), walk.exif))


def _first_marker(part):
    """Whether a marker begins in some bytes, and where the first does; 0 where none does."""
    markers = tf.equal(part[:-1], 255) & tf.not_equal(part[1:], 0) & tf.not_equal(part[1:], 255)
    found = tf.reduce_any(markers)
    return found, tf.cond(found, lambda: tf.argmax(markers), lambda: whole_number(0))


def _scans(data, scan):
    """Start-of-scan markers between the first and the end marker."""
    picture = piece(data, scan, size_of(data))
    end = tf.argmax(hits(picture, b"\xff\xd9"))
    return tf.math.count_nonzero(hits(piece(picture, 0, end), b"\xff\xda"))


def png(data) -> GraphLayout:
    named = tf.equal(number(data, 12, 4, big=True), int.from_bytes(b"IHDR", "big")) & ends_behind(data, 24)
    return layout_of(named & contains(data, 8, b"IEND\xaeB\x60\x82"), number(data, 20, 4, big=True),
                     number(data, 16, 4, big=True), _chunk(data, 8, b"eXIf", riff=False))


def webp(data) -> GraphLayout:
    first, flags, bits = number(data, 12, 4, big=True), number(data, 20, 1), number(data, 21, 4)
    lossy, lossless, extended = (tf.equal(first, int.from_bytes(name, "big")) for name in (b"VP8 ", b"VP8L", b"VP8X"))
    lossy &= tf.equal(number(data, 23, 3, big=True), 0x9D012A) & ends_behind(data, 30)
    lossless &= tf.equal(flags, 0x2F) & ends_behind(data, 25)
    extended &= ends_behind(data, 30) & tf.equal(flags & 2, 0)  # one that is not animated
    choices = [(lossy, number(data, 28, 2) & 0x3FFF, number(data, 26, 2) & 0x3FFF),
               (lossless, (bits // 2**14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1),
               (extended, number(data, 27, 3) + 1, number(data, 24, 3) + 1)]
    height, width = (sum(tf.where(choice[0], choice[side], 0) for choice in choices) for side in (1, 2))
    exif = tf.cond(extended & tf.equal(flags & 8, 8), lambda: _chunk(data, 12, b"EXIF", riff=True),
                   lambda: [whole_number(0)] * 2)
    whole = 8 + number(data, 4, 4) <= size_of(data)
    return layout_of((lossy | lossless | extended) & whole, height, width, exif)


def _chunk(data, offset: int, wanted: bytes, riff: bool):
    """First byte and end of the first chunk of a name; see data.image_layouts."""
    name_at, size_at = (0, 4) if riff else (4, 0)
    last = () if riff else (int.from_bytes(b"IDAT", "big"), int.from_bytes(b"IEND", "big"))

    def step(offset, steps, ended, start, stop):
        there = ends_behind(data, offset + 8)
        size, name = number(data, offset + size_at, 4, big=not riff), number(data, offset + name_at, 4, big=True)
        passed = is_one_of(name, last) if last else False
        hit = there & tf.equal(name, int.from_bytes(wanted, "big"))
        start = tf.where(hit, offset + 8, 0)
        stop = tf.where(hit, offset + 8 + tf.minimum(size, EXIF_BYTES), 0)
        return offset + 8 + size + (size & 1 if riff else 4), steps + 1, ~there | passed | hit, start, stop

    zero = whole_number(0)
    start = (whole_number(offset), zero, tf.constant(False), zero, zero)
    return list(tf.while_loop(lambda offset, steps, ended, *_: ~ended & (steps < CHUNKS), step, start,
                              parallel_iterations=1)[3:])


def bmp(data) -> GraphLayout:
    """A palette counts as data.image_layouts.check_bmp has it: a grey ramp alone is decoded rightly."""
    pixels, header, used = number(data, 10, 4), number(data, 14, 4), number(data, 46, 4)
    bits, compression = number(data, 28, 2), number(data, 30, 4)
    width, height = (tf.where(side >= 2**31, side - 2**32, side)
                     for side in (number(data, 18, 4), number(data, 22, 4)))
    height = tf.abs(height)
    row = (width * bits + 31) // 32 * 4
    plain = (header >= 40) & is_one_of(bits, (8, 24, 32)) & is_one_of(compression, (0, 3)) & ends_behind(data, 34)
    whole = tf.equal(size_of(data), pixels + row * height)
    colours = tf.where(tf.equal(used, 0), whole_number(256), used)
    ramp = tf.cond(tf.equal(bits, 8) & (used <= 256), lambda: _is_ramp(data, 14 + header, colours),
                   lambda: tf.not_equal(bits, 8))
    return layout_of(plain & whole & ramp, height, width)


def _is_ramp(data, offset, colours):
    """Whether a palette's colours are 0, 1, 2, ... in red, green and blue."""
    table = tf.reshape(window(data, offset, 4 * 256), (256, 4))[:, :3]
    steps = tf.range(256, dtype=tf.int64)[:, None]
    return ends_behind(data, offset + 4 * colours) & tf.reduce_all(tf.equal(table, steps) | (steps >= colours))
