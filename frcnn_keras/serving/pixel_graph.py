"""Pixels that a client sends: looked at in the graph, so that what does not fit is refused in words."""

import tensorflow as tf


@tf.autograph.experimental.do_not_convert
def fitting(pixels, name: str, one: bool = False):
    """The same pixels, (N, H, W, 3); InvalidArgumentError names the input, its shape and what to send.

    name: of the input. one: whether N must be 1.

    Servers hand on whatever shape was sent, and the first operation that cannot take it would complain, in terms of
    itself. What the signature says of the shape is forgotten first: from it TensorFlow would conclude that there is
    nothing to look at.
    """
    pixels = tf.compat.v1.placeholder_with_default(pixels, None)
    shape = tf.shape(pixels)
    batch, height, width, channels = tf.unstack(tf.concat([shape, [0] * 4], 0)[:4], 4)
    problems = [(tf.not_equal(tf.size(shape), 4), "a batch of images has four dimensions; put one of 1 in front of a "
                                                  "single image"),
                (tf.equal(channels, 4), "drop the alpha channel"),
                (tf.not_equal(channels, 3), "three channels are needed, in the order red, green, blue"),
                (tf.minimum(height, width) < 1, "the images have no pixels")]
    if one:
        problems.insert(1, (tf.not_equal(batch, 1), "send one image a request"))
    problem = tf.constant("")
    for wrong, words in reversed(problems):
        problem = tf.where(wrong, words, problem)
    message = tf.strings.format(f"{name} is [{'1' if one else 'N'}, height, width, 3], and a shape of {{}} was sent: ",
                                [shape], summarize=-1) + problem
    with tf.control_dependencies([tf.debugging.Assert(tf.equal(problem, ""), [message])]):
        return tf.ensure_shape(tf.identity(pixels), (1 if one else None, None, None, 3))
