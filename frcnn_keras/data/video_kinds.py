"""What the bytes of a video file say: that it is one, and whether it is all there.

OpenCV reads one that was cut off to where it ends, and says nothing.
"""

import os
import struct
from pathlib import Path
from typing import BinaryIO

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv",
                  ".flv", ".3gp", ".ogv", ".mjpeg", ".mjpg", ".vob", ".asf", ".h264", ".264", ".h265", ".hevc", ".mxf")
_TS = 188  # bytes of a packet of MPEG-TS
_CONTAINERS = (  # offset, signature, suffix
    (4, b"ftyp", ".mp4"), (4, b"wide", ".mov"), (4, b"moov", ".mov"), (4, b"mdat", ".mov"),
    (0, b"\x1aE\xdf\xa3", ".mkv"), (8, b"AVI ", ".avi"), (0, b"FLV", ".flv"), (0, b"\0\0\1\xba", ".mpg"),
    (0, b"OggS", ".ogv"), (0, b"0&\xb2u", ".wmv"), (0, b"G@", ".ts"),
)
_BOXES = 10_000  # of an MP4's top level that are looked at; fragmented ones have two a second


def video_suffix(start: bytes) -> str:
    """The suffix of video files that begin so (16 bytes are enough); "" where it is none of the known kinds."""
    if start[4:8] == b"ftyp" and start[8:11] in (b"avi", b"hei", b"hev", b"mif"):  # AVIF and HEIC are pictures
        return ""
    return next((suffix for offset, signature, suffix in _CONTAINERS if start[offset:].startswith(signature)), "")


def is_cut_off(path: str | os.PathLike) -> bool:
    """Whether the lengths that a file's container states reach beyond its end: MP4 and MOV, AVI, MPEG-TS, MJPEG. False
    for other kinds, and where it cannot be told."""
    size = Path(path).stat().st_size
    with open(path, "rb") as file:
        start = file.read(_TS + 1)
        if start[4:8] in (b"ftyp", b"wide", b"moov", b"mdat", b"free", b"skip"):
            return _boxes_end(file, size) > size
        if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
            # one of 2 GB and more has several RIFF lists, of which the first states its own length
            return 8 + struct.unpack_from("<I", start, 4)[0] > size
        if start[:1] == b"\x47" and start[_TS:] == b"\x47":
            return size % _TS > 0
        if start[:3] == b"\xff\xd8\xff":
            file.seek(max(0, size - 4096))
            return not file.read().rstrip(b"\0\r\n\xff").endswith(b"\xd9")
    return False


def _boxes_end(file: BinaryIO, size: int) -> int:
    """Where the last box of the top level ends, by the lengths of all."""
    offset = 0
    for _ in range(_BOXES):
        if offset + 8 > size:
            break
        file.seek(offset)
        head = file.read(16)
        length = struct.unpack_from(">I", head)[0]
        if length == 1 and len(head) == 16:
            length = struct.unpack_from(">Q", head, 8)[0]
        if length < 8:  # 0: to the end of the file
            return size
        offset += length
    return offset
