import io

import cv2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.data.picture_stream import Bytes, pictures_in
from frcnn_keras.errors import InputError
from tests.encoded_pictures import RGB, encode, pillow


class Pipe(io.RawIOBase):
    """Hands out a few bytes at a time, as a pipe does."""

    def __init__(self, data, step):
        self.file, self.step = io.BytesIO(data), step

    def read1(self, count):
        return self.file.read(min(count, self.step))


def thumbnailed():
    """A JPEG with a whole JPEG in its EXIF segment, as cameras write."""
    inner, outer = encode(".jpg", RGB[:16, :16]), encode(".jpg")
    block = b"Exif\0\0" + inner
    return outer[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + outer[2:]


PICTURES = [encode(".jpg"), encode(".png"), thumbnailed(), pillow("JPEG", progressive=True), encode(".webp"),
            encode(".bmp"), encode(".jpg", options=(cv2.IMWRITE_JPEG_RST_INTERVAL, 1)), pillow("PNG", mode="L")]


def split(data, step=65536, **how):
    return list(pictures_in(Bytes(Pipe(data, step), "stdin"), **how))


@pytest.mark.parametrize("step", [1, 7, 1000, 65536])
@pytest.mark.parametrize("filled", [b"", b"\n", b"\0\0\0"])
def test_each_comes_as_it_was_sent(step, filled):
    assert split(filled.join(PICTURES) + filled, step) == PICTURES


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(PICTURES), max_size=5), st.integers(1, 5000))
def test_any_order(pictures, step):
    assert split(b"".join(pictures), step) == pictures


@pytest.mark.parametrize("last", [pillow("GIF"), pillow("TIFF")])
def test_the_rest_is_one_picture_of_a_kind_without_a_length(last):
    assert split(PICTURES[0] + last, 100) == [PICTURES[0], last]


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("missing", [1, 40, 0.5])
def test_one_that_is_cut_off_comes_behind_those_before(picture, missing):
    stream = pictures_in(Bytes(io.BytesIO(PICTURES[0] + picture[:-missing if missing >= 1 else len(picture) // 2]),
                               "stdin"))
    assert next(stream) == PICTURES[0]
    with pytest.raises(InputError, match=f"stdin: broke off inside a picture .*byte {len(PICTURES[0])}"):
        next(stream)


@pytest.mark.parametrize("data", [b"hello", b"\x89PN", b"\xff\xd9\xff\xd9", b"RIFF\0\0\0\0AVI ", b"\xff" * 99])
def test_what_is_no_picture(data):
    with pytest.raises(InputError, match="no picture begins at byte 0"):
        split(data)


def test_a_length_that_lies_is_one_line():
    with pytest.raises(InputError, match="over 512 MB"):
        split(b"BM\xff\xff\xff\xff" + bytes(99))
    with pytest.raises(InputError, match="over 512 MB|broke off"):
        split(PICTURES[1][:8] + b"\x7f\xff\xff\xffIDAT")


def test_nothing():
    assert split(b"") == split(b"\0\n") == split(b"", between=True) == split(b"--frame--", between=True) == []


@pytest.mark.parametrize("step", [1, 5, 70000])
def test_between_the_headers_of_a_cameras_stream(step):
    jpegs = [PICTURES[0], PICTURES[2], PICTURES[3]]
    data = b"".join(b"--x\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg + b"\r\n" for jpeg in jpegs) + b"--x--"
    assert split(data, step, between=True) == jpegs
