import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageSequence

from frcnn_keras.data.given_images import loaded, many, pixels
from frcnn_keras.errors import InputError
from tests.encoded_pictures import ALPHA, RGB, WHOLE, encode, turned


def png_of(image):
    """What the decoder of files makes of a Pillow image written as PNG."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return np.asarray(pixels(file.getvalue()))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_pillow_image_is_what_its_png_is(mode):
    if mode == "I;16":
        image = Image.fromarray(RGB[..., 0].astype(np.uint16) * 256 + 77)
    else:
        image = Image.fromarray(ALPHA) if mode in ("LA", "RGBA") else Image.fromarray(RGB)
        image = image.convert(mode)
    assert image.mode == mode
    found = pixels(image)
    assert found.dtype == np.uint8 and found.shape == (*RGB.shape[:2], 3)
    np.testing.assert_array_equal(found, png_of(image))


@pytest.mark.parametrize("array", [RGB[..., 0], RGB[..., :1], ALPHA, RGB, RGB[::2, ::-1]])
def test_an_array_is_what_its_png_is(array):
    found = np.asarray(pixels(array))
    wanted = png_of(Image.fromarray(array[..., 0] if array.shape[2:] == (1,) else array))
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(np.asarray(pixels(tf.constant(array))), wanted)


def test_nothing_is_copied_of_what_is_rgb_already():
    tensor = tf.constant(RGB)
    assert pixels(RGB) is RGB and pixels(tensor) is tensor


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_pillow_opened_is_turned_as_the_file_is(orientation):
    data = turned("JPEG", orientation)
    np.testing.assert_array_equal(pixels(Image.open(io.BytesIO(data))), np.asarray(pixels(data)))


def test_bytes_in_other_wrappings():
    data = encode(".png")
    for wrapped in (bytearray(data), memoryview(data)):
        np.testing.assert_array_equal(np.asarray(pixels(wrapped)), np.asarray(pixels(data)))


@pytest.mark.parametrize("array, advice", [
    (np.zeros((4, 5, 3), np.float32), r"\(image \* 255\)"), (np.zeros((4, 5), np.float64), r"\(image \* 255\)"),
    (np.zeros((4, 5, 3), np.uint16), "image >> 8"), (np.zeros((4, 5, 3), bool), r"\* 255"),
    (np.zeros((4, 5, 3), np.int64), r"image.astype\('uint8'\)$"),
    (np.zeros((3, 40, 50), np.uint8), r"image.transpose\(1, 2, 0\)"),
    (np.zeros((3, 40, 50), np.float32), r"image.transpose\(1, 2, 0\)"),
    (np.zeros((4, 5, 2), np.uint8), r"shape \(4, 5, 2\)$"), (np.zeros((0, 5, 3), np.uint8), r"shape \(0, 5, 3\)$"),
    (np.zeros(7, np.uint8), r"shape \(7,\)$"), (tf.zeros((4, 5, 3)), r"\(image \* 255\)"),
    (np.array("text"), "Received: str")])
def test_other_arrays_are_one_line_that_says_what_to_do(array, advice):
    with pytest.raises(ValueError, match=advice) as caught:
        pixels(array)
    assert str(caught.value).startswith("an image must be uint8 RGB") and "\n" not in str(caught.value)
    assert not isinstance(caught.value, InputError)


def test_the_advice_is_right():
    """An image of floats from 0 to 1 comes back to the digit."""
    image = RGB / np.float32(255)
    np.testing.assert_array_equal((image * 255).round().astype("uint8"), RGB)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_a_pillow_image_without_colours_of_8_bits(mode):
    with pytest.raises(ValueError, match=f"mode {mode} .*convert"):
        pixels(Image.new(mode, (5, 4)))


def test_a_pillow_image_that_is_cut_off(tmp_path):
    (tmp_path / "cut.jpg").write_bytes(WHOLE["jpg"][:-700])
    with (Image.open(tmp_path / "cut.jpg") as image,
          pytest.raises(InputError, match="cut.jpg: the image cannot be decoded")):
        pixels(image)


@pytest.mark.parametrize("image", ["a.jpg", b"data", RGB, RGB[..., 0], tf.constant(RGB), Image.fromarray(RGB)])
def test_one_image_is_told_from_many(image):
    images, held = many(image)
    assert len(images) == 1 and images[0] is image and held


@pytest.mark.parametrize("images, count, held", [
    ([RGB, "a.jpg"], 2, True), ((RGB,), 1, True), (np.stack([RGB] * 4), 4, True), (tf.stack([RGB] * 4), 4, True),
    (np.array(["a.jpg", "b.jpg"]), 2, True), (iter([RGB]), 1, False), ((image for image in (RGB, RGB)), 2, False)])
def test_many(images, count, held):
    found, was_held = many(images)
    assert was_held is held and len(list(found)) == count


@pytest.mark.parametrize("images", [7, None, np.zeros((1, 2, 3, 4, 5)), np.zeros(())])
def test_neither_one_nor_many(images):
    with pytest.raises(ValueError, match="images must be"):
        many(images)


def test_frames_of_one_pillow_image_are_told_apart():
    """An iterator over frames hands out the same object each time."""
    frames = [Image.fromarray(np.full((6, 7, 3), level, np.uint8)) for level in (0, 120, 250)]
    file = io.BytesIO()
    frames[0].save(file, "TIFF", save_all=True, append_images=frames[1:])
    taken = [loaded(frame) for frame in ImageSequence.Iterator(Image.open(file))]
    assert [int(frame[0, 0, 0]) for frame in taken] == [0, 120, 250]
    assert loaded("a.jpg") == "a.jpg" and loaded(RGB) is RGB
