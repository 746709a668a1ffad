import os

import numpy as np
import pytest

from frcnn_keras.data.decoding import decode
from frcnn_keras.data.image_header import MAX_PIXELS, ImageHeader, check_complete, image_header, inspect_image
from frcnn_keras.errors import InputError
from tests.encoded_pictures import REFUSED, TIFFS, TURNED, WHOLE, encode, jpeg_with, picture, pillow, segment, turned


@pytest.mark.parametrize("name", WHOLE)
def test_size_and_completeness_of_whole_images(name):
    assert image_header(WHOLE[name]).size == (37, 53)
    check_complete(WHOLE[name])


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_truncated_images_are_refused(name, share):
    if name == "animated gif":
        share /= 4  # the frames behind the first are not looked at
    cut = WHOLE[name][: min(int(len(WHOLE[name]) * share), len(WHOLE[name]) - 2)]
    with pytest.raises(InputError) as caught:
        check_complete(cut)
    assert "\n" not in str(caught.value)


def test_an_image_cut_at_any_byte_never_raises_anything_else():
    for name in ("jpg", "png", "bmp", "gif"):
        for length in range(0, 700, 7):
            for function in (image_header, check_complete):
                try:
                    function(WHOLE[name][:length])
                except InputError:
                    pass


@pytest.mark.parametrize("name", ["jpg", "png"])
@pytest.mark.parametrize("extra", [b"\0\0\0", b"appended by a camera", b"\0" * 200_000])
def test_bytes_behind_the_end_are_tolerated(name, extra):
    check_complete(WHOLE[name] + extra)
    assert np.array_equal(decode(WHOLE[name] + extra, name), decode(WHOLE[name], name))


def test_bytes_behind_a_bmp_which_tensorflow_refuses():
    with pytest.raises(InputError, match="the BMP has 3 bytes behind its pixels; convert it to PNG"):
        check_complete(WHOLE["bmp"] + b"\0\0\0")


def test_size_behind_large_segments_and_fill_bytes():
    assert image_header(jpeg_with(segment(b"\xff" * 65000), segment(b"x" * 65000))).size == (37, 53)
    assert image_header(jpeg_with(b"\xff\xff\xff")).size == (37, 53)


def test_the_end_marker_of_a_thumbnail_does_not_count():
    exif = jpeg_with(segment(b"Exif\0\0" + encode(".jpg", picture(8, 8))))
    assert image_header(exif).size == (37, 53)  # nor the thumbnail's size
    check_complete(exif)
    with pytest.raises(InputError, match="truncated"):
        check_complete(exif[:-400])


@pytest.mark.parametrize("name", [name for name in REFUSED if not name.endswith("bmp")])
def test_other_files_are_named(name):
    data, words = REFUSED[name]
    for function in (image_header, check_complete):
        with pytest.raises(InputError, match=words) as caught:
            function(data)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", TIFFS)
def test_tiff(name):
    assert image_header(TIFFS[name]) == ImageHeader("TIFF", (37, 53))
    check_complete(TIFFS[name])


@pytest.mark.parametrize("kind, orientation", TURNED)
def test_orientation_exchanges_the_sides(kind, orientation):
    header = image_header(turned(kind, orientation))
    assert (header.orientation, header.stored) == (orientation, (37, 53))
    assert header.size == ((53, 37) if orientation >= 5 else (37, 53))


@pytest.mark.parametrize("width, height, taken", [(13_377, 13_377, True), (13_378, 13_377, False),
                                                  (2**31 - 1, 1, False), (MAX_PIXELS, 1, True)])
def test_the_limit_of_pixels(width, height, taken):
    data = bytearray(WHOLE["png"])
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    if taken:
        assert image_header(bytes(data)).size == (height, width)
    else:
        with pytest.raises(InputError, match=f"{width} x {height} pixels, more than the 178,956,970.*scale it down"):
            image_header(bytes(data))


def test_kinds_that_would_be_decoded_wrongly_are_refused():
    for data in (pillow("BMP", "P"), pillow("BMP", "1")):
        with pytest.raises(InputError, match="convert it to PNG"):
            check_complete(data)


def test_no_size_in_the_header():
    data = bytearray(WHOLE["png"])
    data[16:20] = bytes(4)
    with pytest.raises(InputError, match="0 x"):
        image_header(bytes(data))


def test_inspect(tmp_path):
    file = tmp_path / "a.jpg"
    file.write_bytes(WHOLE["jpg"])
    assert inspect_image(file) == image_header(WHOLE["jpg"])
    with pytest.raises(InputError, match="cannot be read"):
        inspect_image(tmp_path / "b.jpg")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_no_permission(tmp_path):
    file = tmp_path / "a.jpg"
    file.write_bytes(WHOLE["jpg"])
    file.chmod(0)
    with pytest.raises(InputError, match="cannot be read"):
        inspect_image(file)
