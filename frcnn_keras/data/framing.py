"""TFRecord's framing: where each record of a file lies, and whether its bytes are those that were written.

A record is its length (uint64), the length's checksum, its payload, the payload's checksum. Numbers are little-endian,
checksums are CRC-32C, masked as TFRecord does.
"""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import google_crc32c

from frcnn_keras.errors import InputError

HEAD, FOOT = 12, 4  # bytes in front of a payload and behind it


class Frame(NamedTuple):
    """One record, as its frame says."""

    number: int  # in its file, from 1
    offset: int  # of the payload
    length: int  # of the payload, bytes
    checksum: int  # of the payload, masked


class FrameError(InputError):
    """A record is not as it was written. The caller, who knows the file, names it and says what to do."""

    def __init__(self, number: int, fault: str):
        """number: of the record, 0 where the whole file is meant."""
        self.item, self.fault = f"record {number}" if number else "", fault
        super().__init__(": ".join(filter(None, (self.item, fault))))


def masked_checksum(data: bytes) -> int:
    """What TFRecord stores of some bytes: their CRC-32C, rotated and shifted."""
    checksum = google_crc32c.value(data)
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frames(file: BinaryIO) -> Iterator[Frame]:
    """Every record of a file, by hopping over the payloads; who asks may read elsewhere in the file meanwhile.

    Raises:
        FrameError: a length that does not match its checksum, or a record that reaches past the file's end.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start, number, head = 0, 0, file.read(HEAD)
    while head:
        number += 1
        length, checksum = struct.unpack("<QI", head) if len(head) == HEAD else (0, -1)
        if checksum != masked_checksum(head[:8]):
            raise _no_frame(number, head)
        end = start + HEAD + length
        if end + FOOT > size:
            raise FrameError(number, f"cut off: it has {length} bytes by its length, the file only {size - start}")
        file.seek(end)
        behind = file.read(FOOT + HEAD)  # with the next one's head: one read a record
        if len(behind) < FOOT:
            raise FrameError(number, "cut off: the file was made shorter just now")
        yield Frame(number, start + HEAD, length, int.from_bytes(behind[:FOOT], "little"))
        start, head = end + FOOT, behind[FOOT:]


def read_payload(file: BinaryIO, frame: Frame) -> bytes:
    """The record's bytes.

    Raises:
        FrameError: they do not match their checksum.
    """
    file.seek(frame.offset)
    payload = file.read(frame.length)
    if len(payload) != frame.length or masked_checksum(payload) != frame.checksum:
        raise FrameError(frame.number, "its bytes do not match their checksum")
    return payload


def _no_frame(number: int, head: bytes) -> FrameError:
    """What is wrong where no record begins. A length may begin as compressed files do: its checksum decides before."""
    if number == 1 and head[:2] == b"\x1f\x8b":
        return FrameError(0, "it is compressed with GZIP, which is not read; unpack it: gunzip -c FILE > NEW")
    if number == 1 and len(head) > 1 and head[0] & 15 == 8 and int.from_bytes(head[:2], "big") % 31 == 0:
        return FrameError(0, "it is compressed with ZLIB, which is not read; write it without compression")
    if len(head) < HEAD:
        return FrameError(number, f"cut off: {len(head)} bytes are no record")
    return FrameError(number, "its length does not match its checksum" + (", or this is no TFRecord" * (number == 1)))
