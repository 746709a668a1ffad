"""What an image's header says, without decoding it: its size, how it is to be turned, whether it is whole.

Nothing here imports TensorFlow. Messages do not name the file: the caller, who knows it, puts it in front.
"""

import dataclasses
import io
import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from frcnn_keras.errors import InputError

_SIGNATURES = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"BM": "BMP", b"GIF87a": "GIF", b"GIF89a": "GIF"}
_OTHERS = {b"II*\0": "TIFF", b"MM\0*": "TIFF", b"RIFF": "WebP", b"\0\0\0\x0cJXL ": "JPEG XL"}
_TAIL = 65536  # bytes looked at for an end marker before the whole file is
_SOS = 0xDA  # start of scan: what follows is coded picture, until the end-of-image marker FF D9
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame: the segments that hold the size


@dataclasses.dataclass(frozen=True)
class ImageHeader:
    """What an image's header says. Pictures are upright everywhere: `size` is what boxes and models know."""

    kind: str  # JPEG, PNG, BMP, GIF
    stored: tuple[int, int]  # (height, width) of the rows and columns as the file has them
    orientation: int = 1  # EXIF: 1..8; 1 is upright as stored, 5..8 exchange height and width

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the upright picture."""
        return self.stored[::-1] if self.orientation >= 5 else self.stored


def image_header(encoded: bytes) -> ImageHeader:
    """The header of a JPEG, PNG, BMP or GIF.

    Raises InputError for any other format and for a header that is cut off or holds no size.
    """
    return _header(io.BytesIO(encoded))


def check_complete(encoded: bytes) -> None:
    """Raises InputError for an image that is empty, truncated, or of a kind that would be decoded wrongly."""
    _check(io.BytesIO(encoded))


def inspect_image(path: str | os.PathLike) -> ImageHeader:
    """The header of an image file after `check_complete`, reading little more than its header and its tail."""
    try:
        with open(path, "rb") as file:
            header = _header(file)
            _check(file)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})") from error
    return header


def _kind(file: BinaryIO) -> str:
    """The format of an image by its first bytes."""
    file.seek(0)
    start = file.read(12)
    if not start:
        raise InputError("the image file is empty")
    for signature, kind in _SIGNATURES.items():
        if start.startswith(signature):
            return kind
    looks = next((f" (it looks like {name})" for signature, name in _OTHERS.items() if start.startswith(signature)), "")
    raise InputError(f"not a JPEG, PNG, BMP or GIF image{looks}; convert it to one of these")


def _header(file: BinaryIO) -> ImageHeader:
    kind = _kind(file)
    height, width = _SIZES[kind](file)
    if height < 1 or width < 1:
        raise InputError(f"the image's header says {width} x {height} pixels; write the image anew")
    return ImageHeader(kind, (height, width))


def _check(file: BinaryIO) -> None:
    _CHECKS[_kind(file)](file)


def _read(file: BinaryIO, offset: int, form: str) -> tuple:
    """The values of struct format `form` at an offset."""
    file.seek(offset)
    data = file.read(struct.calcsize(form))
    if len(data) < struct.calcsize(form):
        raise InputError("the image is truncated: it ends inside its header")
    return struct.unpack(form, data)


def _jpeg_segments(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """(marker, offset of the segment's length field) of each segment, up to and with the first start of scan."""
    offset = 2
    while True:
        (byte,) = _read(file, offset, "B")
        (marker,) = _read(file, offset + 1, "B")
        if byte != 0xFF or marker == 0xFF:  # stray bytes and fill bytes between segments: decoders skip them
            offset += 1
        elif marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:  # markers that stand alone
            offset += 2
        else:
            yield marker, offset + 2
            if marker in (_SOS, 0xD9):
                return
            offset += 2 + max(2, *_read(file, offset + 2, ">H"))


def _jpeg_size(file: BinaryIO) -> tuple[int, int]:
    """(height, width) by the first frame header; 8 bits alone can be decoded."""
    for marker, offset in _jpeg_segments(file):
        if marker in _SOF:
            bits, height, width = _read(file, offset + 2, ">BHH")
            if bits != 8:
                raise InputError(f"a JPEG of {bits} bits a sample cannot be decoded; convert it to 8 bits")
            return height, width
    raise InputError("the JPEG's header holds no size; write the image anew")


def _check_jpeg(file: BinaryIO) -> None:
    marker, offset = list(_jpeg_segments(file))[-1]
    # Searched behind the start of scan only: an EXIF thumbnail in front of it has an end marker of its own.
    # Inside a scan FF is followed by a stuffed 00, so that the marker cannot occur by chance.
    if marker != _SOS or not _ends_with_marker(file, offset, b"\xff\xd9"):
        raise InputError("the JPEG is truncated (it has no end-of-image marker); copy or download it again")


def _check_png(file: BinaryIO) -> None:
    if not _ends_with_marker(file, 8, b"IEND\xaeB\x60\x82"):
        raise InputError("the PNG is truncated (it has no IEND chunk); copy or download it again")


def _ends_with_marker(file: BinaryIO, start: int, marker: bytes) -> bool:
    """Whether the marker stands behind `start`: in the tail as a rule, further in front where much was appended."""
    length = file.seek(0, os.SEEK_END)
    for offset in (max(start, length - _TAIL), start):
        file.seek(offset)
        if marker in file.read():
            return True
    return False


def _png_size(file: BinaryIO) -> tuple[int, int]:
    name, width, height = _read(file, 12, ">4sII")
    if name != b"IHDR":
        raise InputError("the PNG does not begin with its header chunk; write the image anew")
    return height, width


def _gif_size(file: BinaryIO) -> tuple[int, int]:
    width, height = _read(file, 6, "<HH")
    return height, width


def _check_gif(file: BinaryIO) -> None:
    file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
    if not file.read().rstrip(b"\0").endswith(b";"):
        raise InputError("the GIF is truncated (it has no trailer); copy or download it again")


def _bmp_size(file: BinaryIO) -> tuple[int, int]:
    width, height = _read(file, 18, "<ii")
    return abs(height), width  # a negative height means rows from top to bottom


def _check_bmp(file: BinaryIO) -> None:
    """Refuses a BMP that TensorFlow would decode wrongly or not at all."""
    pixels, header = _read(file, 10, "<II")
    height, width = _header(file).stored
    bits, compression = _read(file, 28, "<HI")
    if header < 40 or bits not in (8, 24, 32) or compression not in (0, 3):
        raise InputError(f"a BMP of this kind ({bits} bits, compression {compression}) is not read; convert it to PNG")
    if bits == 8:  # the decoder takes the indices for grey values, which holds for a grey ramp alone
        (used,) = _read(file, 46, "<I")
        palette = _read(file, 14 + header, f"{4 * (used or 256)}B")
        if any(palette[4 * i : 4 * i + 3] != (i, i, i) for i in range(used or 256)):
            raise InputError("a BMP with a colour palette is not read; convert it to PNG")
    row = (width * bits + 31) // 32 * 4
    surplus = file.seek(0, os.SEEK_END) - (pixels + row * height)
    if surplus < 0:
        raise InputError("the BMP is truncated (pixels are missing); copy or download it again")
    if surplus:  # TensorFlow decodes none of these
        raise InputError(f"the BMP has {surplus} bytes behind its pixels; convert it to PNG")


_SIZES = {"JPEG": _jpeg_size, "PNG": _png_size, "BMP": _bmp_size, "GIF": _gif_size}
_CHECKS = {"JPEG": _check_jpeg, "PNG": _check_png, "BMP": _check_bmp, "GIF": _check_gif}
