"""Encoded image -> upright pixels in a graph: it takes, and refuses, what data.decoding does, but for TIFF."""

import tensorflow as tf

from frcnn_keras.ops.images import decode_image, on_screen, upright
from frcnn_keras.serving import layout_graph
from frcnn_keras.serving.byte_graph import number, piece, whole_number
from frcnn_keras.serving.exif_graph import orientation
from frcnn_keras.serving.gif_graph import gif
from frcnn_keras.serving.layout_graph import GraphLayout, layout_of

GRAPH_KINDS = ("JPEG", "PNG", "GIF", "WebP", "BMP")  # predict takes TIFF besides, which TensorFlow cannot decode
UNREADABLE = "it must be a whole JPEG, PNG, GIF, WebP that is not animated, or BMP without a palette"
_BEGINNINGS = (  # of the kinds, and what reads them: (offset, bytes) that all must stand there
    (((0, b"\xff\xd8\xff"),), layout_graph.jpeg), (((0, b"\x89PNG"), (4, b"\r\n\x1a\n")), layout_graph.png),
    (((0, b"BM"),), layout_graph.bmp), (((0, b"GIF87a"),), gif), (((0, b"GIF89a"),), gif),
    (((0, b"RIFF"), (8, b"WEBP")), layout_graph.webp),
)


@tf.autograph.experimental.do_not_convert
def decoded(encoded, max_pixels: int):
    """(image, problem): (H, W, 3) uint8 RGB, upright, and "" - or no pixels, and what is wrong with it.

    encoded: scalar string. max_pixels: an image of more is refused before it is decoded. Raises
    InvalidArgumentError for what looks right and cannot be decoded all the same.
    """
    data = tf.io.decode_raw(encoded, tf.uint8)
    layout = header(data)
    height, width = tf.unstack(layout.size)
    too_large = height > max_pixels // tf.maximum(width, 1)
    few = tf.strings.format("it has {} x {} pixels, more than the {} that this model takes: scale it down",
                            (width, height, max_pixels))
    bad = ~layout.fine | (height < 1) | (width < 1)
    problem = tf.where(too_large, few, tf.where(bad, UNREADABLE, ""))
    image = tf.cond(tf.equal(problem, ""), lambda: _pixels(encoded, data, layout),
                    lambda: tf.zeros((0, 0, 3), tf.uint8))
    return tf.ensure_shape(image, (None, None, 3)), problem


def header(data) -> GraphLayout:
    """What the bytes (N,) uint8 of a file of any kind say of the image; not `fine` for kinds that are not known."""
    starts = tf.stack([tf.reduce_all(tf.stack([_stands(data, *mark) for mark in marks])) for marks, _ in _BEGINNINGS])
    kind = tf.where(tf.reduce_any(starts), tf.argmax(starts, output_type=tf.int32), len(_BEGINNINGS))
    branches = [lambda read=read: read(data) for _, read in _BEGINNINGS]
    return tf.switch_case(kind, [*branches, lambda: layout_of(False, 0, 0)])


def _stands(data, offset: int, mark: bytes):
    return tf.equal(number(data, offset, len(mark), big=True), int.from_bytes(mark, "big"))


def _pixels(encoded, data, layout: GraphLayout):
    """Decoded and turned. InvalidArgumentError too where the picture is not of the size that its header says."""
    top, left, offset, stop = tf.unstack(layout.frame)

    def on_its_screen():
        head, tail = (tf.strings.substr(encoded, start, end - start)
                      for start, end in ((whole_number(0), offset + 1), (offset + 5, stop)))
        alone = tf.strings.join([head, b"\0\0\0\0", tail, b";"])  # as data.decoding has it
        places = (tf.cast(value, tf.int32) for value in (top, left, *tf.unstack(layout.size)))
        return on_screen(decode_image(alone), *places)

    image = tf.cond(stop > 0, on_its_screen, lambda: decode_image(encoded))
    same = tf.reduce_all(tf.equal(tf.shape(image, tf.int64)[:2], layout.size))
    with tf.control_dependencies([tf.debugging.Assert(same, ["not of the size that its header says"])]):
        return upright(tf.identity(image), orientation(piece(data, *tf.unstack(layout.exif))))
