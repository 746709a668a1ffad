"""What an image's header says, without decoding it: its size, how it is to be turned, whether it is whole.

Nothing here imports TensorFlow. Messages do not name the file: the caller, who knows it, puts it in front.
"""

import dataclasses
import io
import os
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from frcnn_keras.data import image_layouts as layouts
from frcnn_keras.data import tiff
from frcnn_keras.data.exif import orientation
from frcnn_keras.data.image_bytes import Layout
from frcnn_keras.data.jpeg_layout import check_jpeg, jpeg_layout
from frcnn_keras.errors import InputError

MAX_PIXELS = 178_956_970  # of an image that is read; Pillow's limit: 512 MB of RGB
SERVED_PIXELS = 50_000_000  # what an exported model takes by default: photographs of today's telephones and cameras,
# of which a request decodes four at once; each takes 3 bytes a pixel, twice that while it is turned upright
_UNREAD = (  # name, offset, signatures of kinds that people have and nothing here decodes
    ("JPEG XL", 0, (b"\0\0\0\x0cJXL ", b"\xff\x0a")), ("JPEG 2000", 0, (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")),
    ("AVIF", 4, (b"ftypavif", b"ftypavis")), ("HEIC", 4, (b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1")),
    ("a video", 4, (b"ftyp",)), ("BigTIFF", 0, (b"II+\0", b"MM\0+")), ("Photoshop", 0, (b"8BPS",)),
    ("PDF", 0, (b"%PDF",)), ("ICO", 0, (b"\0\0\1\0",)), ("HTML, SVG or XML", 0, (b"<",)),
)


class _Kind(NamedTuple):
    """A format: how its files begin, what reads their header, what looks whether they are whole."""

    signatures: tuple[bytes, ...]
    layout: Callable[[BinaryIO], Layout]
    check: Callable[[BinaryIO], None]


_KINDS = {
    "JPEG": _Kind((b"\xff\xd8\xff",), jpeg_layout, check_jpeg),
    "PNG": _Kind((b"\x89PNG\r\n\x1a\n",), layouts.png_layout, layouts.check_png),
    "BMP": _Kind((b"BM",), layouts.bmp_layout, layouts.check_bmp),
    "GIF": _Kind((b"GIF87a", b"GIF89a"), layouts.gif_layout, layouts.check_gif),
    "WebP": _Kind((b"RIFF",), layouts.webp_layout, layouts.check_webp),
    "TIFF": _Kind((b"II*\0", b"MM\0*"), tiff.tiff_layout, tiff.check_tiff),
}
KINDS = ", ".join(_KINDS)


@dataclasses.dataclass(frozen=True)
class ImageHeader:
    """What an image's header says. Pictures are upright everywhere: `size` is what boxes and models know."""

    kind: str  # JPEG, PNG, BMP, GIF, WebP, TIFF
    stored: tuple[int, int]  # (height, width) of the rows and columns as the file has them
    orientation: int = 1  # EXIF: 1..8; 1 is upright as stored, 5..8 exchange height and width

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the upright picture."""
        return self.stored[::-1] if self.orientation >= 5 else self.stored


def image_header(encoded: bytes) -> ImageHeader:
    """The header of an image of one of KINDS; its content decides which, never a suffix.

    Raises InputError for any other format, for a header that is cut off or holds no size, and for more pixels than
    MAX_PIXELS.
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
    for name, kind in _KINDS.items():
        if start.startswith(kind.signatures) and (name != "WebP" or start[8:] == b"WEBP"):
            return name
    looks = next((f" (it looks like {name})" for name, offset, signatures in _UNREAD
                  if start[offset:].startswith(signatures)), "")
    raise InputError(f"not a JPEG, PNG, BMP, GIF, WebP or TIFF image{looks}; convert it to one of these")


def _header(file: BinaryIO) -> ImageHeader:
    kind = _kind(file)
    stored, exif = _KINDS[kind].layout(file)
    height, width = stored
    if height < 1 or width < 1:
        raise InputError(f"the image's header says {width} x {height} pixels; write the image anew")
    if height * width > MAX_PIXELS:
        raise InputError(f"the image's header says {width} x {height} pixels, more than the {MAX_PIXELS:,} that are "
                         "read; scale it down")
    return ImageHeader(kind, stored, orientation(exif))


def _check(file: BinaryIO) -> None:
    _KINDS[_kind(file)].check(file)
