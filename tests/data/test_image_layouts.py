import io
import struct

import numpy as np
import pytest
from PIL import Image

from frcnn_keras.data import image_layouts as layouts
from frcnn_keras.data.exif import orientation
from frcnn_keras.errors import InputError
from tests.encoded_pictures import WHOLE, block, encode, gif_of, pillow, png_with


def test_png_exif_in_front_of_the_picture():
    data = png_with(b"eXIf", block(6))
    assert orientation(layouts.png_layout(io.BytesIO(data)).exif) == 6
    text = png_with(b"tEXt", b"Comment\0eXIf" + block(6))
    assert layouts.png_layout(io.BytesIO(text)).exif == b""
    both = png_with(b"tEXt", b"Comment\0words", png_with(b"eXIf", block(5)))
    assert orientation(layouts.png_layout(io.BytesIO(both)).exif) == 5
    assert layouts.png_layout(io.BytesIO(WHOLE["png"])) == ((37, 53), b"")


@pytest.mark.parametrize("size", [(1, 1), (37, 53), (1, 300), (257, 2)])
@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": block(1)}])
def test_webp_sizes_of_each_form(size, options):
    data = pillow("WEBP", image=np.full((*size, 3), 99, np.uint8), **options)
    assert layouts.webp_layout(io.BytesIO(data)).stored == size
    layouts.check_webp(io.BytesIO(data))
    with pytest.raises(InputError, match="truncated"):
        layouts.check_webp(io.BytesIO(data[:-2]))


def test_webp_exif_counts_where_its_flag_says_that_it_is_there():
    data = bytearray(pillow("WEBP", exif=block(6)))
    assert orientation(layouts.webp_layout(io.BytesIO(data)).exif) == 6
    data[20] &= ~8
    assert layouts.webp_layout(io.BytesIO(data)).exif == b""


@pytest.mark.parametrize("screen, corner", [((5, 7), (0, 0)), ((9, 20), (2, 3)), ((9, 20), (0, 0)), ((3, 4), (0, 0)),
                                            ((5, 7), (4, 6)), ((0, 0), (0, 0))])
def test_gif_size_is_pillows(screen, corner):
    data, _ = gif_of(screen, corner)
    found = layouts.gif_layout(io.BytesIO(data)).stored
    assert found[::-1] == Image.open(io.BytesIO(data)).size


def test_gif_frame_and_what_stands_behind_it():
    whole, _ = gif_of((9, 20), (2, 3))
    frame = layouts.gif_frame(io.BytesIO(whole))
    assert frame[:4] == (2, 3, 5, 7) and whole[frame.offset : frame.offset + 1] == b"," and frame.stop == len(whole) - 1
    for ending in (b"", b";\0\0", b";more", b"\0"):
        assert layouts.gif_frame(io.BytesIO(whole[:-1] + ending)) == frame
    for length in range(frame.stop):
        with pytest.raises(InputError):
            layouts.gif_frame(io.BytesIO(whole[:length]))


def test_gif_extensions_in_front_of_the_frame():
    data = WHOLE["animated gif"]
    assert b"!\xf9" in data
    frame = layouts.gif_frame(io.BytesIO(data))
    assert frame[:4] == (0, 0, 37, 53) and data[frame.stop - 1] == 0
    assert b"," + struct.pack("<4H", 0, 0, 53, 37) == data[frame.offset : frame.offset + 9]


def test_bmp_palette_of_absurd_length():
    data = bytearray(encode(".bmp", np.zeros((4, 4), np.uint8)))
    for used in (257, 2**32 - 1):
        data[46:50] = struct.pack("<I", used)
        with pytest.raises(InputError, match=f"{used} colours"):
            layouts.check_bmp(io.BytesIO(data))
