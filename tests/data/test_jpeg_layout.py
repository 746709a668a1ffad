import io
import struct

import pytest

from frcnn_keras.data.exif import orientation
from frcnn_keras.data.image_bytes import CHUNKS
from frcnn_keras.data.jpeg_layout import SCANS, STRAY, check_jpeg, jpeg_layout
from frcnn_keras.errors import InputError
from tests.encoded_pictures import WHOLE, encode, exif_segment, jpeg_with, picture, segment

XMP = segment(b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta tiff:Orientation='3'/>")


def layout(data):
    return jpeg_layout(io.BytesIO(data))


def check(data):
    check_jpeg(io.BytesIO(data))


@pytest.mark.parametrize("parts", [
    (exif_segment(6),), (segment(b"JFIF\0" + bytes(9), 0xE0), exif_segment(6)), (XMP, exif_segment(6)),
    (exif_segment(6), XMP), (exif_segment(6), exif_segment(3)), (b"\xff\xff\xff", exif_segment(6), b"\xff\xff"),
    (b"stray", exif_segment(6), b"\0\0"), (segment(b"comment \xff\xe1 Exif\0\0", 0xFE), exif_segment(6)),
    (segment(b"Exif"), exif_segment(6)), (segment(b"Exif\0\xff" + b"II*\0"), exif_segment(6)),
    (exif_segment(6, ">", start=400),)])
def test_the_first_exif_segment_wherever_it_stands(parts):
    found = layout(jpeg_with(*parts))
    assert found.stored == (37, 53) and orientation(found.exif) == 6


def test_a_thumbnails_exif_size_and_end_do_not_count():
    thumbnail = jpeg_with(exif_segment(3), jpeg=encode(".jpg", picture(8, 8)))
    data = jpeg_with(segment(b"Exif\0\0" + thumbnail))
    assert layout(data).stored == (37, 53) and orientation(layout(data).exif) == 1
    check(data)
    with pytest.raises(InputError, match="truncated"):
        check(data[:-400])


def test_exif_behind_the_frame_header_counts_and_behind_the_scan_does_not():
    jpeg = WHOLE["jpg"]
    scan = jpeg.index(b"\xff\xda")
    assert orientation(layout(jpeg[:scan] + exif_segment(6) + jpeg[scan:]).exif) == 6
    assert orientation(layout(jpeg + exif_segment(6)).exif) == 1


def test_stray_bytes_up_to_a_limit():
    assert layout(jpeg_with(bytes(STRAY))).stored == (37, 53)
    for byte in (b"\0", b"\xff"):
        with pytest.raises(InputError, match="stray"):
            layout(jpeg_with(byte * (STRAY + 2)))


def test_segments_up_to_a_limit():
    used = 1000
    while used:  # how many the JPEG has by itself
        try:
            layout(jpeg_with(segment(b"") * (CHUNKS - used + 1)))
        except InputError:
            break
        used -= 1
    assert 3 < used < 20 and layout(jpeg_with(segment(b"") * (CHUNKS - used))).stored == (37, 53)


def test_scans_up_to_a_limit():
    jpeg = WHOLE["progressive"]
    assert 5 < jpeg.count(b"\xff\xda") < 20
    check(jpeg)
    last = jpeg[jpeg.rindex(b"\xff\xda"):-2]
    check(jpeg[:-2] + last * 50 + b"\xff\xd9")
    with pytest.raises(InputError, match="scans"):
        check(jpeg[:-2] + last * SCANS + b"\xff\xd9")
    check(jpeg + last * SCANS)  # what is appended is not decoded


@pytest.mark.parametrize("data", [
    b"\xff\xd8\xff\xd9", WHOLE["jpg"][:2] + WHOLE["jpg"][WHOLE["jpg"].index(b"\xff\xda"):],
    WHOLE["jpg"][: WHOLE["jpg"].index(b"\xff\xda")], b"\xff\xd8\xff\xc0" + struct.pack(">HBHH", 17, 8, 5, 5)])
def test_no_size_or_no_picture(data):
    with pytest.raises(InputError):
        layout(data)
