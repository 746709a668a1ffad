import cv2
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.data.decoding import decode, undecodable
from frcnn_keras.errors import InputError

IMAGE = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".bmp"])
def test_pixels_are_rgb(suffix):
    encoded = cv2.imencode(suffix, IMAGE[..., ::-1])[1].tobytes()  # OpenCV writes blue first
    assert np.array_equal(decode(encoded, "a"), IMAGE)


def test_a_cut_image_is_named():
    encoded = cv2.imencode(".png", IMAGE)[1].tobytes()
    with pytest.raises(InputError, match="^a.png: "):
        decode(encoded[:-20], "a.png")


def test_tensorflows_reason_is_told_without_its_nodes():
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        tf.io.decode_png(b"\x89PNG\r\n\x1a\n, and then nothing of the kind")
    line = str(undecodable("a.png", caught.value))
    assert line.startswith("a.png: the image cannot be decoded (") and "\n" not in line
    assert "()" not in line and "{{" not in line and "[Op" not in line and "PNG" in line
