import io
import struct

import numpy as np
import pytest
from PIL import Image

from frcnn_keras.data import tiff
from frcnn_keras.data.decoding import decode
from frcnn_keras.data.exif import orientation
from frcnn_keras.data.image_header import check_complete, image_header
from frcnn_keras.errors import InputError
from frcnn_keras.ops.images import upright
from tests.encoded_pictures import ALPHA, DEEP, RGB, TIFFS, encode, pillow


@pytest.mark.parametrize("name", TIFFS)
def test_every_kind_is_as_pillow_has_it(name):
    data = TIFFS[name]
    assert image_header(data).kind == "TIFF" and image_header(data).size == (37, 53)
    check_complete(data)
    expected = RGB if name in ("16 bit", "alpha") else np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(decode(data, name), expected)


def test_deep_grey_is_cut_to_8_bits_and_not_clipped():
    np.testing.assert_array_equal(decode(encode(".tiff", DEEP[..., 0]), "a"), np.repeat(RGB[..., :1], 3, -1))


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "jpeg"])
@pytest.mark.parametrize("value", range(1, 9))
def test_the_eight_orientations(value, compression):
    exif = Image.Exif()
    exif[0x0112] = value
    data = pillow("TIFF", exif=exif, compression=compression)
    plain = pillow("TIFF", compression=compression)
    header = image_header(data)
    assert header.stored == (37, 53) and header.orientation == value
    pixels = decode(data, "a")
    assert pixels.shape[:2] == header.size
    np.testing.assert_array_equal(pixels, upright(np.asarray(Image.open(io.BytesIO(plain))), value))


@pytest.mark.parametrize("mode, words", [("F", "mode F"), ("I", "mode I"), ("LAB", "mode LAB")])
def test_what_is_no_picture_of_colours_is_refused(mode, words):
    with pytest.raises(InputError, match=f"^a.tif: a TIFF of this kind .*{words}"):
        decode(pillow("TIFF", mode), "a.tif")


@pytest.mark.parametrize("name", TIFFS)
def test_a_truncated_file_is_refused_in_one_line(name):
    data = TIFFS[name]
    for share in (0.0, 0.01, 0.2, 0.6, *(0.98,) * (name != "pages")):  # whose second page may be cut off
        with pytest.raises(InputError) as caught:
            decode(data[: int(share * len(data))], "a.tif")
        assert "\n" not in str(caught.value)


def test_pixels_behind_the_end_are_noticed_without_decoding():
    data = pillow("TIFF")
    place = data.index(struct.pack("<HHI", 273, 4, 1)) if struct.pack("<HHI", 273, 4, 1) in data else None
    assert place
    moved = data[: place + 8] + struct.pack("<I", len(data) - 10) + data[place + 12 :]
    with pytest.raises(InputError, match="truncated"):
        check_complete(moved)


def test_counts_that_cannot_be_true():
    entry = struct.pack("<HHII", 33000, 7, 700_000, 8)
    for count, words in ((1001, "1001 fields"), (65535, "65535 fields"), (32, "more values")):
        data = b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entry * 1001
        with pytest.raises(InputError, match=words):
            image_header(data)
    sides = b"".join(struct.pack("<HHII", tag, 4, 1, 13_000) for tag in (256, 257))
    with pytest.raises(InputError, match="13000 x 13000 pixels, more than its 34 bytes"):
        image_header(b"II*\0\x08\0\0\0\x02\0" + sides)
    tiles = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in
                     ((256, 10), (257, 10), (322, 2**31), (323, 2**31)))
    with pytest.raises(InputError, match="tiles"):
        image_header(b"II*\0\x08\0\0\0\x04\0" + tiles)


def test_orientation_of_another_type_is_none():
    entries = b"".join(struct.pack("<HHII", *entry) for entry in
                       ((256, 4, 1, 53), (257, 4, 1, 37), (0x0112, 4, 1, 6)))
    found = tiff.tiff_layout(io.BytesIO(b"II*\0\x08\0\0\0\x03\0" + entries))
    assert found.stored == (37, 53) and orientation(found.exif) == 1


def test_alpha_is_dropped_not_blended():
    np.testing.assert_array_equal(decode(pillow("TIFF", "RGBA", ALPHA), "a"), RGB)
