"""The segments of a JPEG in front of its picture, and whether the picture ends as it must."""

import re
from typing import BinaryIO

from frcnn_keras.data.image_bytes import CHUNKS, Layout, contains, piece, read
from frcnn_keras.errors import InputError

STRAY = 65536  # bytes between segments that belong to none, all together; decoders skip them
SCANS = 100  # of a progressive JPEG; encoders write some ten, and each costs a pass over the whole picture
PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
_MARKER = re.compile(rb"\xff[^\x00\xff]")
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without a segment
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame: the segments that hold the size
_SOS, _EOI, _APP1 = 0xDA, 0xD9, 0xE1  # start of scan, end of image, where EXIF stands


def jpeg_layout(file: BinaryIO) -> Layout:
    """Size by the frame header, the first EXIF block. InputError for what no decoder takes; 8 bits alone can be."""
    return _walk(file)[0]


def check_jpeg(file: BinaryIO) -> None:
    """InputError for a JPEG without an end, or with more scans than any encoder writes.

    Searched behind the start of scan only: an EXIF thumbnail in front of it has an end marker of its own. Inside a scan
    FF is followed by a stuffed 00, so that the marker cannot occur by chance.
    """
    _, frame, scan = _walk(file)
    if not contains(file, scan, b"\xff\xd9"):
        raise InputError("the JPEG is truncated (it has no end-of-image marker); copy or download it again")
    if frame in PROGRESSIVE:
        file.seek(scan)
        picture = file.read()
        if picture.count(b"\xff\xda", 0, picture.find(b"\xff\xd9")) >= SCANS:  # the first lies in front
            raise InputError(f"a JPEG of more than {SCANS} scans is not read; write the image anew")


def _walk(file: BinaryIO) -> tuple[Layout, int, int]:
    """Layout, the frame's marker, and the offset behind the first start-of-scan marker."""
    offset, left, frame, stored, exif = 2, STRAY, 0, None, b""
    for _ in range(CHUNKS):
        stray = _stray(file, offset, left)
        offset, left = offset + stray, left - stray
        (marker,) = read(file, offset + 1, "B")
        offset += 2
        if marker in _ALONE:
            continue
        if marker in (_SOS, _EOI):
            if marker == _EOI or stored is None:
                break
            return Layout(stored, exif), frame, offset
        (size,) = read(file, offset, ">H")
        if marker in _SOF and stored is None:
            bits, height, width = read(file, offset + 2, ">BHH")
            if bits != 8:
                raise InputError(f"a JPEG of {bits} bits a sample cannot be decoded; convert it to 8 bits")
            frame, stored = marker, (height, width)
        elif marker == _APP1 and not exif and piece(file, offset + 2, min(6, max(0, size - 2))) == b"Exif\0\0":
            exif = piece(file, offset + 2, size - 2)
        offset += max(2, size)
    raise InputError("the JPEG's header holds no size, or no picture follows it; write the image anew")


def _stray(file: BinaryIO, offset: int, left: int) -> int:
    """Bytes up to the next marker: fill bytes FF and stray bytes, of which `left` may be there."""
    if _MARKER.match(piece(file, offset, 2)):
        return 0
    window = piece(file, offset, left + 2)
    found = _MARKER.search(window)
    if found:
        return found.start()
    if len(window) < left + 2:
        raise InputError("the image is truncated: it ends inside its header")
    raise InputError(f"the JPEG's header has over {STRAY} stray bytes; write the image anew")
