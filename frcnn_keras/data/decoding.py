"""Decoding for programs: one line of error that names the image."""

import re

import tensorflow as tf

from frcnn_keras.data.image_header import check_complete
from frcnn_keras.errors import InputError
from frcnn_keras.ops.images import decode_image


def undecodable(name: str, error: tf.errors.InvalidArgumentError) -> InputError:
    """TensorFlow's decoding error as one line about the image called `name`."""
    reason = re.sub(r"{{.*?}}|\[Op:.*?\]", "", str(error.message).split("\n")[0]).strip()[:160]  # without nodes' names
    return InputError(f"{name}: the image cannot be decoded ({reason}); replace it, or leave it out with --skip-bad")


def decode(encoded: bytes, name: str):
    """Encoded image -> (H, W, 3) uint8 RGB tensor.

    Raises InputError, which names it, where it cannot be decoded, is cut off, or would be decoded wrongly.
    """
    try:
        check_complete(encoded)
        return decode_image(encoded)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    except tf.errors.InvalidArgumentError as error:
        raise undecodable(name, error) from error
