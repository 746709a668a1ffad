"""TIFF: read by Pillow, after its directory has been looked at, as no library bounds what a directory can ask for."""

import io
import struct
import threading
import warnings
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin

from frcnn_keras.data import exif
from frcnn_keras.data.image_bytes import Layout, length, piece, read
from frcnn_keras.errors import InputError, one_line

_ENTRIES = 1000  # of a directory; a photograph has some thirty
_BYTES_OF = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}  # by a value's type
_WIDTH, _HEIGHT, _PHOTOMETRIC, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 262, 322, 323
_DENSEST = 10_000  # pixels a byte: Deflate reaches 344 of RGB, and 8,256 of one bit
_PLACES = ((273, 279), (324, 325))  # where strips or tiles begin, and their bytes
_DEEP = ("I;16", "I;16L", "I;16B")
_MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")
_warnings = threading.Lock()  # Python's filters are the whole process's


def tiff_layout(file: BinaryIO) -> Layout:
    """Size of the first page, and how it is turned, as a block of EXIF. InputError for absurd counts."""
    order, entries = _directory(file)
    fields = {tag: value for tag, _, count, value in entries if count == 1}
    if _WIDTH not in fields or _HEIGHT not in fields:
        raise InputError("the TIFF's header holds no size; write the image anew")
    height, width = fields[_HEIGHT], fields[_WIDTH]
    held = length(file)
    if height * width > _DENSEST * held + 10**6:
        raise InputError(f"the TIFF's header says {width} x {height} pixels, more than its {held} bytes can hold; "
                         "write the image anew")
    turned = exif.directory_orientation(b"".join(struct.pack("<HHIHxx", *entry) for entry in entries
                                                 if entry[0] == exif.ORIENTATION and entry[3] < 65536), "<")
    block = struct.pack("<4sIHHHIHxx", b"II*\0", 8, 1, exif.ORIENTATION, 3, 1, turned)
    if fields.get(_TILE_WIDTH, 1) * fields.get(_TILE_HEIGHT, 1) > 4 * 65536 * 1024:
        raise InputError("the TIFF's tiles are larger than any picture; write the image anew")
    return Layout((height, width), block)


def check_tiff(file: BinaryIO) -> None:
    """InputError where a strip or tile of the first page lies behind the file's end."""
    order, entries = _directory(file)
    numbers = {tag: (kind, count, value) for tag, kind, count, value in entries}
    end = length(file)
    for starts, counts in _PLACES:
        if starts not in numbers or counts not in numbers:
            continue
        begins, sizes = (_values(file, order, *numbers[tag]) for tag in (starts, counts))
        if len(begins) != len(sizes) or (begins + sizes > end).any():
            raise InputError("the TIFF is truncated (pixels are missing); copy or download it again")


def decode_tiff(encoded: bytes, size: tuple[int, int]) -> np.ndarray:
    """The first page, upright, (H, W, 3) uint8 RGB: alpha dropped, 16 bits cut to 8, as other kinds are decoded.

    size: (H, W) that the header says. Raises InputError for what Pillow does not decode, and for pixels that are no
    colours: 32 bits, signed, floating point.
    """
    try:
        with _warnings, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tags that have nothing to do with the picture
            page = TiffImagePlugin.TiffImageFile(io.BytesIO(encoded))
            mode, white_is_zero = page.mode, page.tag_v2.get(_PHOTOMETRIC) == 0
            if mode not in (*_MODES, *_DEEP) or (mode in _DEEP and white_is_zero):
                raise InputError(f"a TIFF of this kind (Pillow's mode {mode}) is not read; convert it to 8 bits")
            page.load()
            ImageOps.exif_transpose(page, in_place=True)  # Pillow turns a TIFF as it loads it; older versions do not
    except InputError:
        raise
    except Exception as error:  # Pillow raises whatever a damaged file leads it to
        raise InputError(f"the TIFF cannot be decoded ({one_line(error, 160)})") from error
    pixels = as_rgb(page)
    if pixels is None or pixels.shape != (*size, 3):
        raise InputError(f"the TIFF's page is not of the size that its header says, {size[1]} x {size[0]} pixels")
    return pixels


def as_rgb(image: Image.Image) -> np.ndarray | None:
    """A Pillow image as (H, W, 3) uint8 RGB: alpha dropped, 16 bits cut to 8; None where its mode has no such colours
    (32 bits, floating point)."""
    if image.mode in _DEEP:
        return np.repeat((np.asarray(image) >> 8).astype(np.uint8)[..., None], 3, axis=-1)
    if image.mode not in _MODES:
        return None
    opaque = image.convert("RGBA") if image.mode in ("RGBa", "La") else image
    return np.asarray(opaque if opaque.mode == "RGB" else opaque.convert("RGB"))  # of RGB itself a copy


def _directory(file: BinaryIO) -> tuple[str, list[tuple[int, int, int, int]]]:
    """Byte order and the first page's entries: (tag, type, count, value or offset). InputError where they cannot be
    true: more entries than any file has, or more values than it could hold."""
    order = "<" if piece(file, 0, 2) == b"II" else ">"
    (start,) = read(file, 4, f"{order}I")
    (count,) = read(file, start, f"{order}H")
    if count > _ENTRIES:
        raise InputError(f"the TIFF's header says {count} fields; write the image anew")
    entries, held = [], 0
    for number in range(count):
        place = start + 2 + 12 * number
        tag, kind, values = read(file, place, f"{order}HHI")
        short = kind == 3 and values == 1
        (value,) = read(file, place + 8, f"{order}H" if short else f"{order}I")
        entries.append((tag, kind, values, value))
        held += values * _BYTES_OF.get(kind, 1)
    if held > length(file) + 4 * count:
        raise InputError("the TIFF's header says more values than the file holds; write the image anew")
    return order, entries


def _values(file: BinaryIO, order: str, kind: int, count: int, value: int) -> np.ndarray:
    """The (count,) whole numbers of an entry; none where they are of another type or behind the file's end."""
    if kind not in (3, 4):
        return np.zeros(0, np.int64)
    if count == 1:
        return np.array([value], np.int64)
    width = _BYTES_OF[kind]
    data = struct.pack(f"{order}I", value) if count * width <= 4 else piece(file, value, count * width)
    return np.frombuffer(data[: len(data) // width * width], f"{order}u{width}").astype(np.int64)
