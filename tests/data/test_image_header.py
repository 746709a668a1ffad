import io
import os
import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from frcnn_keras.data.decoding import decode
from frcnn_keras.data.image_header import check_complete, image_header, inspect_image
from frcnn_keras.errors import InputError


def picture(height=37, width=53):
    return cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8), (5, 5), 0)


def encode(suffix, image=None, options=()):
    return cv2.imencode(suffix, picture() if image is None else image, list(options))[1].tobytes()


def with_pillow(mode, form, image=None, **options):
    file = io.BytesIO()
    Image.fromarray(picture() if image is None else image).convert(mode).save(file, form, **options)
    return file.getvalue()


WHOLE = {
    "jpg": encode(".jpg"),
    "progressive": encode(".jpg", options=[cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
    "restart markers": encode(".jpg", options=[cv2.IMWRITE_JPEG_RST_INTERVAL, 1]),
    "grey jpg": encode(".jpg", picture()[..., 0]),
    "cmyk": with_pillow("CMYK", "JPEG"),
    "png": encode(".png"),
    "16 bit": encode(".png", picture().astype(np.uint16) * 257),
    "palette": with_pillow("P", "PNG"),
    "bmp": encode(".bmp"),
    "grey bmp": encode(".bmp", picture()[..., 0]),
    "bmp with alpha": encode(".bmp", np.dstack([picture(), picture()[..., 0]])),
    "gif": with_pillow("P", "GIF"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_size_and_completeness_of_whole_images(name):
    assert image_header(WHOLE[name]).size == (37, 53)
    check_complete(WHOLE[name])


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_truncated_images_are_refused(name, share):
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


def jpeg_with_segments(*payloads):
    """The JPEG with application segments inserted behind its start."""
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload for payload in payloads)
    return WHOLE["jpg"][:2] + segments + WHOLE["jpg"][2:]


def test_size_behind_large_segments_and_fill_bytes():
    assert image_header(jpeg_with_segments(b"\xff" * 65000, b"x" * 65000)).size == (37, 53)
    filled = WHOLE["jpg"][:2] + b"\xff\xff\xff" + WHOLE["jpg"][2:]
    assert image_header(filled).size == (37, 53)


def test_the_end_marker_of_a_thumbnail_does_not_count():
    exif = jpeg_with_segments(b"Exif\0\0" + encode(".jpg", picture(8, 8)))
    assert image_header(exif).size == (37, 53)  # nor the thumbnail's size
    check_complete(exif)
    with pytest.raises(InputError, match="truncated"):
        check_complete(exif[:-400])


@pytest.mark.parametrize(
    "data, words",
    [(b"", "empty"), (b"<html>", "not a JPEG"), (encode(".tiff"), "TIFF"), (encode(".webp"), "WebP")],
)
def test_other_files_are_named(data, words):
    for function in (image_header, check_complete):
        with pytest.raises(InputError, match=words):
            function(data)


def test_kinds_that_would_be_decoded_wrongly_are_refused():
    for data in (with_pillow("P", "BMP"), with_pillow("1", "BMP")):
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
