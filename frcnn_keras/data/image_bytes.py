"""Reading parts of an image file that may be cut off anywhere, or lie about itself."""

import os
import struct
from typing import BinaryIO, NamedTuple

from frcnn_keras.errors import InputError

CHUNKS = 1000  # segments or chunks looked at in front of the picture: a photograph has some twenty
EXIF_BYTES = 65536  # what a JPEG segment can hold; of other kinds' chunks no more is looked at
_TAIL = 65536  # bytes looked at for an end marker before the whole file is


class Layout(NamedTuple):
    """What a format's own file says of an image."""

    stored: tuple[int, int]  # (height, width)
    exif: bytes = b""


def read(file: BinaryIO, offset: int, form: str) -> tuple:
    """The values of struct format `form` at an offset. InputError where the file ends before."""
    data = piece(file, offset, struct.calcsize(form))
    if len(data) < struct.calcsize(form):
        raise InputError("the image is truncated: it ends inside its header")
    return struct.unpack(form, data)


def piece(file: BinaryIO, offset: int, count: int) -> bytes:
    """`count` bytes from an offset, fewer where the file ends."""
    file.seek(offset)
    return file.read(count)


def length(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def contains(file: BinaryIO, start: int, pattern: bytes) -> bool:
    """Whether a pattern stands behind `start`: in the tail as a rule, further in front where much was appended."""
    for offset in (max(start, length(file) - _TAIL), start):
        file.seek(offset)
        if pattern in file.read():
            return True
    return False
