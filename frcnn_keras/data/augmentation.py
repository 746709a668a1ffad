"""Random changes of training images, boxes with them; every draw follows from a seed (arXiv 1504.08083, section 2.3
for the mirror image; arXiv 1409.1556, section 3.1 for the scale)."""

import dataclasses

import tensorflow as tf

from frcnn_keras.ops import boxes as box_ops
from frcnn_keras.ops import images as image_ops
from frcnn_keras.ops.means import map_mean

GREY = (0.299, 0.587, 0.114)  # weights of red, green and blue in luminance (ITU-R BT.601)


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """What may be changed, and by how much; the default is nothing.

    mirror: half of the images are mirrored. jitter_shorter: (least, most) pixels that the shorter side is resized to.
    brightness, contrast, saturation: each factor is drawn evenly from 1 - this to 1 + this.
    """

    mirror: bool = False
    jitter_shorter: tuple[int, ...] = ()
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0

    @property
    def colours(self) -> bool:
        """Whether any colour changes."""
        return self.brightness > 0 or self.contrast > 0 or self.saturation > 0


def drawn_size(height, width, shorter: int, longer: int, jitter, seed):
    """The (height, width) that an image is resized to, int32 scalars: shorter side drawn evenly from the whole numbers
    of `jitter` (least, most), or `shorter` where that is empty.

    The limit on the longer side grows with the shorter one, so that a long image keeps its share of the range.
    """
    if not jitter:
        return image_ops.resized_size(height, width, shorter, longer)
    drawn = tf.random.stateless_uniform((), seed, jitter[0], jitter[1] + 1, tf.int32)
    drawn = tf.cast(drawn, tf.float64)
    return image_ops.resized_size(height, width, drawn, longer * drawn / shorter)


def resized(image, boxes, height, width):
    """An image (H, W, 3) and its boxes (G, 4) brought to a new size: float32 (height, width, 3), and (G, 4)."""
    old_height, old_width = tf.shape(image)[0], tf.shape(image)[1]
    boxes = box_ops.rescale(boxes, width / old_width, height / old_height)
    return image_ops.resize(image, height, width), boxes


def mirrored(image, boxes, seed):
    """An image (H, W, 3) and its boxes (G, 4), for half of the seeds both mirrored (left and right changed)."""
    flips = tf.random.stateless_uniform((), seed) < 0.5
    width = tf.shape(image)[1]
    return tf.cond(flips, lambda: (image[:, ::-1], box_ops.flip(boxes, width)), lambda: (image, boxes))


def recoloured(image, chosen: Augmentation, seed):
    """Brightness, contrast and saturation of an image (H, W, 3) of 0..255 changed by drawn factors: float32, 0..255.

    Brightness mixes with black, contrast with the image's mean grey, saturation with each pixel's own grey; in this
    order, each cut to 0..255, as most implementations have them.
    """
    image = tf.cast(image, tf.float32)
    if not chosen.colours:
        return image
    limits = tf.constant([chosen.brightness, chosen.contrast, chosen.saturation])
    factors = 1.0 + limits * tf.random.stateless_uniform((3,), seed, -1.0, 1.0)
    image = tf.clip_by_value(image * factors[0], 0.0, 255.0)
    image = tf.clip_by_value(_mixed(map_mean(_grey(image)), image, factors[1]), 0.0, 255.0)
    return tf.clip_by_value(_mixed(_grey(image), image, factors[2]), 0.0, 255.0)


def _grey(image):
    """Luminance (H, W, 1)."""
    return tf.reduce_sum(image * tf.constant(GREY), -1, keepdims=True)


def _mixed(base, image, factor):
    return base + factor * (image - base)
