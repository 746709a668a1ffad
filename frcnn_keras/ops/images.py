"""From encoded bytes to the padded, normalised image that a backbone takes."""

import math

import tensorflow as tf

# What each family of keras.applications was trained on; "none": the network rescales by itself (EfficientNet).
NORMALISATIONS = ("caffe", "tf", "torch", "none")
_CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)
_TORCH_MEAN = (0.485, 0.456, 0.406)
_TORCH_STD = (0.229, 0.224, 0.225)


def decode_image(encoded):
    """Encoded image (scalar string) -> (H, W, 3) uint8 RGB as it is stored, eagerly and in graphs; see `upright`.

    JPEG (grey and CMYK too), PNG and WebP (grey, palette, alpha dropped, 16 bits cut to 8), BMP, a GIF of one frame.
    JPEGs are decoded by the accurate integer transform, to the bit as OpenCV does, which TensorFlow's default is not.
    Raises InvalidArgumentError for what cannot be decoded.
    """
    encoded = tf.convert_to_tensor(encoded)
    image = tf.cond(
        tf.io.is_jpeg(encoded),
        lambda: tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: tf.cond(
            tf.equal(tf.strings.substr(encoded, 0, tf.minimum(4, tf.strings.length(encoded))), b"RIFF"),
            lambda: tf.io.decode_webp(encoded, channels=0)[0, ..., :3],  # 3 or 4 channels as the file has them
            lambda: tf.io.decode_image(encoded, channels=3, expand_animations=False)),
    )
    return tf.ensure_shape(image, (None, None, 3))


def upright(image, orientation):
    """Pixels as stored (H, W, 3) -> the picture that EXIF orientation 1..8 makes upright; ops.boxes.turn's boxes fit.

    orientation: an int, or a scalar tensor in graphs. Nothing is copied where it is 1.
    """
    columns, rows, diagonal = (tf.reduce_any(tf.equal(orientation, kinds))
                               for kinds in ((2, 3, 7, 8), (3, 4, 6, 7), (5, 6, 7, 8)))
    flipped = tf.boolean_mask(tf.constant([0, 1]), tf.stack([rows, columns]))
    image = tf.cond(rows | columns, lambda: tf.reverse(image, flipped), lambda: image)
    return tf.cond(diagonal, lambda: tf.transpose(image, (1, 0, 2)), lambda: image)


def on_screen(image, top, left, height, width):
    """A GIF's frame (h, w, 3) at its place on the screen (height, width), which is black elsewhere."""
    shape = tf.shape(image)
    return tf.pad(image, [[top, height - top - shape[0]], [left, width - left - shape[1]], [0, 0]])


def resized_size(height, width, shorter, longer):
    """(h, w) of an image whose shorter side is to become `shorter`, unless its longer side would pass `longer`.

    Python ints give ints, integer tensors give int32 tensors of the same numbers. The rule is torchvision's:
    scale = min(shorter / min, longer / max) and floor(side * scale), all in float64; at least 1 pixel a side.
    """
    if not any(tf.is_tensor(side) for side in (height, width)):
        scale = min(shorter / min(height, width), longer / max(height, width))
        return max(1, math.floor(height * scale)), max(1, math.floor(width * scale))
    sides = tf.cast(tf.stack([height, width]), tf.float64)  # (2, ...)
    scale = tf.minimum(shorter / tf.reduce_min(sides, axis=0), longer / tf.reduce_max(sides, axis=0))
    return tuple(tf.unstack(tf.maximum(tf.cast(tf.floor(sides * scale), tf.int32), 1)))


def resize(image, height, width):
    """(H, W, 3) or (B, H, W, 3) -> float32 of the new size; bilinear with half-pixel centres, no antialias.

    uint8 is taken as it is: the numbers are those of its float32 copy, which would take four times the memory. Where
    nothing is to resize, tf.image.resize would give uint8 back.
    """
    return tf.cast(tf.image.resize(image, (height, width), method="bilinear", antialias=False), tf.float32)


def resize_fused(image, height, width):
    """`resize` of one image (H, W, 3) with each sample's coordinate rounded to float32 once, as torch has it where the
    processor multiplies and adds in one step; tf.image.resize rounds the product first. At 800 pixels the two differ by
    up to 1.4e-5 of a normalised pixel. Slower: for weights that come from torch, to the last digit."""
    image = tf.convert_to_tensor(image)
    above, below, down = _samples(tf.shape(image)[0], height)
    low, high, across = _samples(tf.shape(image)[1], width)

    def columns(rows):
        """Those rows, resized across: before them nothing is made float32."""
        part = tf.gather(image, rows, axis=0)
        left, right = (tf.cast(tf.gather(part, side, axis=1), tf.float32) for side in (low, high))
        share = across[None, :, None]
        return (1.0 - share) * left + share * right

    share = down[:, None, None]
    return (1.0 - share) * columns(above) + share * columns(below)


def _samples(cells, size):
    """Indices (size,) of the pixels on both sides of each sample, and how far (size,) it lies between them, 0..1."""
    scale = tf.cast(cells, tf.float32) / tf.cast(size, tf.float32)
    place = (tf.range(size, dtype=tf.float64) + 0.5) * tf.cast(scale, tf.float64) - 0.5
    place = tf.maximum(tf.cast(place, tf.float32), 0.0)
    low = tf.minimum(tf.cast(place, tf.int32), cells - 1)
    return low, tf.minimum(low + 1, cells - 1), place - tf.cast(low, tf.float32)


def normalise(image, mode):
    """(..., 3) RGB of 0..255 -> float32 as keras.applications' preprocess_input of that mode has it.

    caffe: BGR minus ImageNet's mean; tf: -1..1; torch: ImageNet's mean and deviation of 0..1; none: unchanged.
    """
    image = tf.cast(image, tf.float32)
    if mode == "caffe":
        return tf.reverse(image, [-1]) - _CAFFE_MEAN_BGR
    if mode == "tf":
        return image / 127.5 - 1.0
    if mode == "torch":
        return (image / 255.0 - _TORCH_MEAN) / _TORCH_STD
    if mode == "none":
        return image
    raise ValueError(f"mode must be one of {', '.join(NORMALISATIONS)}. Received: mode={mode!r}")


def padded_size(height, width, multiple):
    """(height, width), each raised to the next multiple; ints or integer tensors."""
    # not -(-height // multiple): other runtimes that an exported graph meets divide negative integers towards 0
    return (height + multiple - 1) // multiple * multiple, (width + multiple - 1) // multiple * multiple


def pad(image, multiple):
    """(..., H, W, C) -> the same with zeros at the right and the bottom up to the next multiples.

    For normalised images: there zero is the mean colour, which raw black is not.
    """
    image = tf.convert_to_tensor(image)
    height, width = tf.shape(image)[-3], tf.shape(image)[-2]
    padded_height, padded_width = padded_size(height, width, multiple)
    ends = [[0, 0]] * (image.shape.rank - 3) + [[0, padded_height - height], [0, padded_width - width], [0, 0]]
    return tf.pad(image, ends)
