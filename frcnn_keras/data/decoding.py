"""Decoding for programs: one line of error that names the image."""

import io
import re

import tensorflow as tf

from frcnn_keras.data.image_header import check_complete, image_header
from frcnn_keras.data.image_layouts import gif_frame
from frcnn_keras.data.tiff import decode_tiff
from frcnn_keras.errors import InputError
from frcnn_keras.ops.images import decode_image, on_screen, upright


def undecodable(name: str, error: tf.errors.InvalidArgumentError) -> InputError:
    """TensorFlow's decoding error as one line about the image called `name`."""
    reason = re.sub(r"{{.*?}}|\[Op:.*?\]", "", str(error.message).split("\n")[0]).strip()[:160]  # without nodes' names
    return InputError(f"{name}: the image cannot be decoded ({reason}); replace it, or leave it out with --skip-bad")


def decode(encoded: bytes, name: str):
    """Encoded image -> (H, W, 3) uint8 RGB tensor, upright: of the size that image_header gives it.

    Raises InputError, which names it, where it cannot be decoded, is cut off, is too large or would be decoded wrongly.
    """
    try:
        header = image_header(encoded)
        check_complete(encoded)
        if header.kind == "TIFF":
            return tf.convert_to_tensor(decode_tiff(encoded, header.size))
        image = _first_frame(encoded, header.stored) if header.kind == "GIF" else decode_image(encoded)
        if tuple(image.shape[:2]) != header.stored:
            raise InputError("the picture is not of the size that its header says; write the image anew")
        return image if header.orientation == 1 else upright(image, header.orientation)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    except tf.errors.InvalidArgumentError as error:
        raise undecodable(name, error) from error


def _first_frame(encoded: bytes, size: tuple[int, int]):
    """A GIF's first frame on its screen of (height, width). It alone is given to the decoder, which would unpack all
    frames, and at the screen's corner: the decoder's picture is as large as the frame, wherever that stands."""
    frame = gif_frame(io.BytesIO(encoded))
    alone = b"".join((encoded[: frame.offset + 1], bytes(4), encoded[frame.offset + 5 : frame.stop], b";"))
    return on_screen(decode_image(alone), frame.top, frame.left, *size)
