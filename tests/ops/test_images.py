import io
import math

import cv2
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from frcnn_keras.ops.boxes import turn
from frcnn_keras.ops.images import (
    decode_image,
    normalise,
    on_screen,
    pad,
    padded_size,
    resize,
    resize_fused,
    resized_size,
    upright,
)

decode_in_graph = tf.function(decode_image, input_signature=[tf.TensorSpec((), tf.string)])


def picture(height=37, width=53):
    return cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8), (5, 5), 0)


def encode(suffix, image, options=()):
    return cv2.imencode(suffix, image, list(options))[1].tobytes()


def with_pillow(mode, form):
    file = io.BytesIO()
    Image.fromarray(picture()).convert(mode).save(file, form)
    return file.getvalue()


RGB = picture()
BGR = RGB[..., ::-1]
GREY = np.repeat(RGB[..., :1], 3, axis=2)
ALPHA = np.dstack([BGR, RGB[..., 0]])


@pytest.mark.parametrize("decode", [decode_image, decode_in_graph])
@pytest.mark.parametrize(
    "encoded, expected",
    [
        (encode(".png", BGR), RGB),
        (encode(".png", RGB[..., 0]), GREY),
        (encode(".png", ALPHA), RGB),
        (encode(".png", BGR.astype(np.uint16) * 256 + 255), RGB),
        (encode(".png", RGB[..., 0].astype(np.uint16) * 256), GREY),
        (encode(".bmp", BGR), RGB),
        (encode(".bmp", RGB[..., 0]), GREY),
        (encode(".bmp", ALPHA), RGB),
        (encode(".jpg", BGR), None),
        (encode(".jpg", BGR, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]), None),
        (encode(".jpg", RGB[..., 0]), None),
        (with_pillow("P", "PNG"), None),
        (with_pillow("1", "PNG"), None),
        (with_pillow("LA", "PNG"), None),
        (with_pillow("P", "GIF"), None),
    ],
)
def test_decoding(decode, encoded, expected):
    image = decode(encoded).numpy()
    assert image.dtype == np.uint8
    if expected is None:  # lossy: as another decoder has it, to the bit
        expected = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(image, expected)


def test_cmyk():
    encoded = with_pillow("CMYK", "JPEG")
    expected = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB")).astype(int)
    assert np.abs(decode_image(encoded).numpy() - expected).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_is_as_pillow_turns_it(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, "PNG", exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(file)))
    np.testing.assert_array_equal(upright(RGB, orientation), expected)
    np.testing.assert_array_equal(tf.function(upright)(RGB, tf.constant(orientation, tf.int64)), expected)
    assert decode_image(file.getvalue()).shape == (37, 53, 3)  # as stored


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_turn_as_pixels_do(orientation):
    image = np.zeros((20, 30, 3), np.uint8)
    image[4:9, 11:25] = 255
    rows, columns = np.nonzero(np.asarray(upright(image, orientation))[..., 0])
    found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert turn(np.array([11, 4, 25, 9]), orientation, 20, 30).tolist() == found


def test_a_frame_on_its_screen():
    found = on_screen(RGB[:4, :5], 2, 3, 9, 12).numpy()
    assert found.shape == (9, 12, 3) and found.sum() == RGB[:4, :5].sum()
    np.testing.assert_array_equal(found[2:6, 3:8], RGB[:4, :5])


@pytest.mark.parametrize("size", [(17, 23), (60, 80), (1, 1), (37, 53)])
@pytest.mark.parametrize("function", [resize, resize_fused])
def test_uint8_is_resized_as_its_float32_copy_is(size, function):
    """To the bit; also where no side changes, which tf.image.resize hands back as it is."""
    wanted = function(RGB.astype(np.float32), *size)
    for found in (function(RGB, *size), tf.function(function)(RGB, *size)):
        assert found.dtype == tf.float32
        np.testing.assert_array_equal(found, wanted)


def test_what_cannot_be_decoded_raises():
    for data in (b"", b"text", encode(".jpg", BGR)[:200], encode(".png", BGR)[:200]):
        with pytest.raises(tf.errors.InvalidArgumentError):
            decode_image(data)


def test_resized_size_by_hand():
    assert resized_size(480, 640, 600, 1000) == (600, 800)
    assert resized_size(100, 400, 600, 1000) == (250, 1000)
    assert resized_size(375, 500, 600, 1000) == (600, 800)
    assert resized_size(427, 640, 800, 1333) == (800, 1199)  # 640 * 800 / 427 = 1199.06
    assert resized_size(1, 5000, 600, 1000) == (1, 1000)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.integers(1, 6000), st.integers(1, 6000), st.integers(32, 1000), st.integers(0, 1500))
def test_resized_size_of_tensors_is_that_of_ints(height, width, shorter, more):
    ints = resized_size(height, width, shorter, shorter + more)
    tensors = resized_size(tf.constant(height), tf.constant(width), shorter, shorter + more)
    assert tensors[0].dtype == tf.int32 and (int(tensors[0]), int(tensors[1])) == ints
    assert all(isinstance(side, int) and side >= 1 for side in ints)
    scale = min(shorter / min(height, width), (shorter + more) / max(height, width))
    assert ints == tuple(max(1, math.floor(side * scale)) for side in (height, width))
    assert max(ints) <= shorter + more and min(ints) <= shorter


def test_resized_size_where_float32_would_round_otherwise():
    sizes = [(h, w) for h in range(300, 700, 7) for w in range(300, 700, 11)]
    heights, widths = (tf.constant(side) for side in zip(*sizes, strict=True))
    h, w = resized_size(heights, widths, 600, 1000)
    assert list(zip(h.numpy().tolist(), w.numpy().tolist(), strict=True)) == [
        resized_size(height, width, 600, 1000) for height, width in sizes]


def slow_resize(image, height, width):
    """Bilinear at half-pixel centres, pixel by pixel."""
    out = np.zeros((height, width, image.shape[2]))
    for row in range(height):
        for column in range(width):
            y = min(max((row + 0.5) * image.shape[0] / height - 0.5, 0), image.shape[0] - 1)
            x = min(max((column + 0.5) * image.shape[1] / width - 0.5, 0), image.shape[1] - 1)
            y0, x0 = int(y), int(x)
            y1, x1 = min(y0 + 1, image.shape[0] - 1), min(x0 + 1, image.shape[1] - 1)
            top = image[y0, x0] * (1 - (x - x0)) + image[y0, x1] * (x - x0)
            bottom = image[y1, x0] * (1 - (x - x0)) + image[y1, x1] * (x - x0)
            out[row, column] = top * (1 - (y - y0)) + bottom * (y - y0)
    return out


@pytest.mark.parametrize("size", [(17, 23), (5, 4), (9, 11), (1, 1)])
def test_resize(size):
    image = picture(9, 11)
    resized = resize(image, *size)
    assert resized.dtype == tf.float32
    np.testing.assert_allclose(resized, slow_resize(image.astype(np.float64), *size), atol=1e-3)


@pytest.mark.parametrize("size", [(9, 11), (20, 33), (4, 5), (1, 3)])
def test_resize_fused(size):
    """To the last digit what exact arithmetic on coordinates rounded once gives; tf.image.resize to a few."""
    image = picture(9, 11)
    found = resize_fused(image, *size)
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found, slow_resize(image.astype(np.float64), *size), atol=2e-4)
    np.testing.assert_allclose(found, resize(image, *size), atol=1e-3)


@pytest.mark.parametrize("mode, module", [("caffe", "vgg16"), ("tf", "mobilenet_v2"), ("torch", "densenet")])
def test_normalise_is_what_keras_does(mode, module):
    import keras

    image = picture().astype(np.float32)
    expected = getattr(keras.applications, module).preprocess_input(image.copy())
    np.testing.assert_allclose(normalise(image, mode), expected, atol=2e-5)
    np.testing.assert_allclose(normalise(picture()[None], mode)[0], expected, atol=2e-5)


def test_normalise_by_hand():
    pixel = np.array([[[255, 0, 127.5]]], np.float32)
    np.testing.assert_array_equal(normalise(pixel, "none"), pixel)
    np.testing.assert_allclose(normalise(pixel, "tf"), [[[1, -1, 0]]])
    np.testing.assert_allclose(normalise(pixel, "caffe"), [[[127.5 - 103.939, -116.779, 255 - 123.68]]], rtol=1e-6)
    with pytest.raises(ValueError, match="Received: mode='Caffe'"):
        normalise(pixel, "Caffe")


def test_padded_size():
    assert padded_size(600, 1000, 32) == (608, 1024)
    assert padded_size(64, 1, 32) == (64, 32)
    assert [int(side) for side in padded_size(tf.constant(600), tf.constant(1000), 32)] == [608, 1024]


def test_pad():
    image = picture(5, 7).astype(np.float32) + 1
    for padded in (pad(image, 4), pad(image[None], 4)[0]):
        assert padded.shape == (8, 8, 3)
        np.testing.assert_array_equal(padded[:5, :7], image)
        assert tf.reduce_sum(padded[5:]) == 0 and tf.reduce_sum(padded[:, 7:]) == 0
    np.testing.assert_array_equal(pad(image[:4, :4], 4), image[:4, :4])


def test_all_of_it_in_a_graph_of_unknown_sizes():
    @tf.function(input_signature=[tf.TensorSpec((), tf.string)])
    def prepare(encoded):
        image = decode_image(encoded)
        shape = tf.shape(image)
        height, width = resized_size(shape[0], shape[1], 20, 30)
        return pad(normalise(resize(image, height, width), "tf"), 16)

    # 37 x 53 by min(20 / 37, 30 / 53) -> 20 x 28
    for size, expected in (((37, 53), (32, 32, 3)), ((10, 40), (16, 32, 3))):
        encoded = encode(".png", picture(*size))
        assert prepare(encoded).shape == expected
        eager = pad(normalise(resize(decode_image(encoded), *resized_size(*size, 20, 30)), "tf"), 16)
        np.testing.assert_allclose(prepare(encoded), eager, atol=1e-6)
