"""Pictures that follow one another in a stream of bytes: `ffmpeg -f mjpeg -` and `cat *.jpg` into a pipe, cameras that
send MJPEG."""

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

from frcnn_keras.errors import InputError

_READ = 65536
_MOST = 512 << 20  # bytes of one picture
_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # ends a JPEG's scan: stuffed zeros and restarts do not
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))  # JPEG's markers without a segment
_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_WHOLE = (b"GIF8", b"II*\0", b"MM\0*")  # kinds without a length in front: the rest of the stream is one picture
_FILLED = b"\0\r\n "  # what may stand between pictures
_SHORT = 16  # bytes by which a kind is told


class Bytes:
    """A stream, as much of it in memory as was asked for."""

    def __init__(self, file: BinaryIO, name: str):
        """name: what messages call it."""
        self.file, self.name, self.data, self.passed = file, name, bytearray(), 0

    def fill(self, end: int) -> bool:
        """Whether there are `end` bytes from here on; reads as many as are needed, and as are there."""
        if end > _MOST:
            raise InputError(f"{self.name}: a picture at byte {self.passed} is over {_MOST >> 20} MB; this is no "
                             "stream of pictures")
        read = getattr(self.file, "read1", self.file.read)  # what is there, without waiting for more
        while len(self.data) < end:
            try:
                more = read(_READ)
            except OSError as error:
                raise InputError(f"{self.name}: broke off ({error.strerror or error})") from error
            if not more:
                return False
            self.data += more
        return True

    def take(self, count: int) -> bytes:
        """The next bytes, which go."""
        taken = bytes(self.data[:count])
        del self.data[:count]
        self.passed += len(taken)
        return taken

    def need(self, end: int) -> None:
        """InputError where the stream ends before."""
        if not self.fill(end):
            raise InputError(f"{self.name}: broke off inside a picture (which began at byte {self.passed})")


def pictures_in(stream: Bytes, between: bool = False) -> Iterator[bytes]:
    """The encoded pictures of a stream, each as it was sent: JPEG, PNG, BMP, WebP one after another; a GIF or TIFF as
    the last.

    between: what stands between JPEGs is passed over, as the headers of a camera's stream are.

    Raises:
        InputError: the stream ends inside a picture, or holds something else.
    """
    while stream.fill(1):
        if between and not _to_next(stream):
            return
        if stream.data[0] in _FILLED and not between:
            stream.take(len(stream.data) - len(stream.data.lstrip(_FILLED)))
            continue
        stream.fill(_SHORT)
        yield stream.take(_length(stream))


def _to_next(stream: Bytes) -> bool:
    """Passes over what is no JPEG; whether there is one."""
    while True:
        place = stream.data.find(_JPEG)
        if place >= 0:
            stream.take(place)
            return True
        stream.take(max(0, len(stream.data) - len(_JPEG) + 1))
        if not stream.fill(len(stream.data) + 1):
            return False


def _length(stream: Bytes) -> int:
    """Bytes of the picture that begins here."""
    start = bytes(stream.data[:_SHORT])
    if start.startswith(_JPEG):
        return _jpeg_length(stream)
    if start.startswith(_PNG):
        return _png_length(stream)
    if start.startswith(b"BM") and len(start) >= 6:
        length = struct.unpack_from("<I", start, 2)[0]
    elif start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        length = 8 + struct.unpack_from("<I", start, 4)[0]
    elif start.startswith(_WHOLE):
        while stream.fill(len(stream.data) + 1):
            pass
        return len(stream.data)
    else:
        raise InputError(f"{stream.name}: no picture begins at byte {stream.passed} ({start[:8].hex(' ')}); send whole "
                         "JPEG or PNG files one after another, as ffmpeg -i CLIP -f mjpeg - does")
    stream.need(max(length, 1))
    return max(length, 1)


def _jpeg_length(stream: Bytes) -> int:
    """Segment by segment, as a thumbnail among them has an end marker of its own."""
    data, offset = stream.data, 2
    while True:
        stream.need(offset + 2)
        marker = data[offset + 1]
        if data[offset] != 0xFF or marker == 0xFF:
            offset += 1
        elif marker == 0xD9:
            return offset + 2
        elif marker in _ALONE or marker == 0:
            offset += 2
        else:
            stream.need(offset + 4)
            offset += 2 + struct.unpack_from(">H", data, offset + 2)[0]
            if marker == 0xDA:
                offset = _behind_scan(stream, offset)


def _behind_scan(stream: Bytes, offset: int) -> int:
    """Where the marker stands that ends a scan."""
    while True:
        found = _IN_SCAN.search(stream.data, offset)
        if found:
            return found.start()
        offset = max(offset, len(stream.data) - 1)
        stream.need(len(stream.data) + 1)


def _png_length(stream: Bytes) -> int:
    offset = len(_PNG)
    while True:
        stream.need(offset + 8)
        length, kind = struct.unpack_from(">I4s", stream.data, offset)
        offset += 12 + length
        stream.need(offset)
        if kind == b"IEND":
            return offset
