import dataclasses
import io
import random

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from frcnn_keras.data import image_header as headers
from frcnn_keras.data.decoding import decode, undecodable
from frcnn_keras.data.image_header import check_complete, image_header, inspect_image
from frcnn_keras.errors import InputError
from tests.encoded_pictures import REFUSED, RGB, TIFFS, TURNED, WHOLE, gif_of, hostile, turned

IMAGE = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".bmp"])
def test_pixels_are_rgb(suffix):
    encoded = cv2.imencode(suffix, IMAGE[..., ::-1])[1].tobytes()  # OpenCV writes blue first
    assert np.array_equal(decode(encoded, "a"), IMAGE)


@pytest.mark.parametrize("name", WHOLE)
def test_every_kind_is_as_pillow_has_it(name):
    found = decode(WHOLE[name], name).numpy()
    assert found.dtype == np.uint8
    expected = np.asarray(Image.open(io.BytesIO(WHOLE[name])).convert("RGB"))
    if name in ("16 bit grey", "alpha", "webp with alpha", "lossless webp with alpha"):  # Pillow clips, or blends
        expected = found if "webp" in name else np.repeat(RGB[..., :1], 3, -1) if "grey" in name else RGB
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind, orientation", TURNED)
def test_pictures_are_upright(kind, orientation):
    encoded = turned(kind, orientation)
    header = image_header(encoded)
    assert (header.orientation, header.stored) == (orientation, (37, 53))
    found = decode(encoded, "a").numpy()
    assert found.shape[:2] == header.size
    np.testing.assert_array_equal(found, ImageOps.exif_transpose(Image.open(io.BytesIO(encoded))).convert("RGB"))


@pytest.mark.parametrize("screen, corner", [((5, 7), (0, 0)), ((9, 20), (2, 3)), ((9, 20), (0, 0)), ((3, 4), (0, 0)),
                                            ((5, 7), (4, 6))])
@pytest.mark.parametrize("ending", [b";", b"", b";behind", b"\0"])
def test_a_gifs_first_frame_stands_on_its_screen(screen, corner, ending):
    encoded, frame = gif_of(screen, corner, ending=ending)
    found = decode(encoded, "a").numpy()
    assert found.shape[:2] == image_header(encoded).size
    expected = np.zeros_like(found)
    expected[corner[0] : corner[0] + 5, corner[1] : corner[1] + 7] = frame
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_named(name):
    data, words = REFUSED[name]
    with pytest.raises(InputError, match=f"^a.jpg: .*{words}") as caught:
        decode(data, "a.jpg")
    assert "\n" not in str(caught.value)


def test_the_limit_of_pixels_is_checked_before_decoding(monkeypatch):
    monkeypatch.setattr(headers, "MAX_PIXELS", 37 * 53 - 1)
    for encoded in (*WHOLE.values(), *TIFFS.values()):
        with pytest.raises(InputError, match="^a: the image's header says 53 x 37 pixels, more than the 1,960 .*down"):
            decode(encoded, "a")
    monkeypatch.setattr(headers, "MAX_PIXELS", 37 * 53)
    for encoded in (*WHOLE.values(), *TIFFS.values()):
        assert decode(encoded, "a").shape == (37, 53, 3)


@pytest.mark.parametrize("name", hostile())
def test_hostile_headers_are_read_once_and_refused(name, monkeypatch):
    """Work is bounded by what is read: a few times the file. (The decoder is not reached, but for empty chunks.)"""
    encoded, taken = hostile()[name]
    counts = []

    class Counting(io.BytesIO):
        def read(self, size=-1):
            data = super().read(size)
            counts.append(len(data))
            return data

    monkeypatch.setattr(headers, "io", dataclasses.make_dataclass("io", [])())
    headers.io.BytesIO = Counting
    if taken is False:
        with pytest.raises(InputError) as caught:
            decode(encoded, "a")
        assert "\n" not in str(caught.value)
    else:
        image_header(encoded), check_complete(encoded)
    assert sum(counts) <= 8 * len(encoded) + 10**6 and len(counts) < 150_000


def mutated(rng, data):
    """With a few bytes changed, put in, or taken out, or cut off; most often near the front."""
    data, way = bytearray(data), rng.random()
    near = min(len(data), rng.choice([32, 64, 200, 10**6]))
    place = rng.randrange(near)
    if way < 0.25:
        del data[rng.randrange(len(data) + 1) :]
    elif way < 0.85:
        for _ in range(rng.choice([1, 1, 2, 4, 16])):
            data[rng.randrange(near)] = rng.choice([0, 1, 255, 0xD9, 0xDA, rng.randrange(256)])
    elif way < 0.92:
        data[place:place] = rng.randbytes(rng.choice([1, 2, 5, 300]))
    else:
        del data[place : place + rng.choice([1, 2, 5, 300])]
    return bytes(data)


@pytest.mark.parametrize("seed", range(4))
def test_no_other_exception_for_any_bytes(seed, tmp_path, capfd):
    rng = random.Random(seed)
    pictures = [*WHOLE.values(), *TIFFS.values(), *(turned(*one) for one in TURNED[::3])]
    taken = 0
    for number in range(700):
        data = mutated(rng, rng.choice(pictures))
        for function in (image_header, check_complete):
            try:
                function(data)
            except InputError as error:
                assert "\n" not in str(error)
        try:
            assert decode(data, "a").shape[:2] == image_header(data).size
            taken += 1
        except InputError as error:
            assert "\n" not in str(error)
        if number % 50 == 0:
            (tmp_path / "a").write_bytes(data)
            try:
                inspect_image(tmp_path / "a")
            except InputError:
                pass
    assert 70 < taken < 600


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
