import gzip
import io
import os
import struct
import zlib

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.data.framing import FrameError, frames, masked_checksum, read_payload

PAYLOADS = [b"first", b"", b"x" * 300]


def slow_checksum(data):
    """CRC-32C bit by bit (RFC 3720, polynomial 1EDC6F41 reflected), masked as TensorFlow's documents say."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def record(payload):
    length = struct.pack("<Q", len(payload))
    return (length + struct.pack("<I", slow_checksum(length)) + payload + struct.pack("<I", slow_checksum(payload)))


def read(data):
    file = io.BytesIO(data)
    return [read_payload(file, frame) for frame in frames(file)]


@settings(derandomize=True, max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_the_checksum_is_the_standards(data):
    assert masked_checksum(data) == slow_checksum(data)


def test_records_are_those_that_tensorflow_writes(tmp_path):
    with tf.io.TFRecordWriter(str(tmp_path / "a")) as writer:
        for payload in PAYLOADS:
            writer.write(payload)
    data = (tmp_path / "a").read_bytes()
    assert data == b"".join(map(record, PAYLOADS)) and read(data) == PAYLOADS
    assert [frame.number for frame in frames(io.BytesIO(data))] == [1, 2, 3]
    assert read(b"") == []


def test_every_byte_that_changes_is_noticed():
    """By its record's number, whichever part of the record it lies in; a length that changes hides all behind it."""
    data = b"".join(map(record, PAYLOADS))
    ends = [16 + len(PAYLOADS[0])]
    ends += [ends[0] + 16, ends[0] + 32 + len(PAYLOADS[2])]
    assert ends[-1] == len(data)
    for place in range(len(data)):
        for flip in (1, 0x80, 0xFF):
            spoilt = bytearray(data)
            spoilt[place] ^= flip
            number = next(index for index, end in enumerate(ends, 1) if place < end)
            with pytest.raises(FrameError, match=f"^record {number}: its (length|bytes)"):
                read(bytes(spoilt))


def test_cut_off_and_grown_files():
    data = b"".join(map(record, PAYLOADS))
    whole = {0, 21, 37, len(data)}
    for length in range(len(data)):
        if length in whole:
            read(data[:length])
            continue
        with pytest.raises(FrameError, match="cut off"):
            read(data[:length])
    for behind in (b"\0", b"\0" * 12, b"behind the last record", data[:11]):
        with pytest.raises(FrameError, match="^record 4: "):
            read(data + behind)


def test_a_record_longer_than_the_file():
    length = struct.pack("<Q", 2**60)
    with pytest.raises(FrameError, match="^record 1: cut off: it has 1152921504606846976 bytes"):
        read(length + struct.pack("<I", slow_checksum(length)) + b"few")


@pytest.mark.parametrize("length", [0x8B1F, 0x9C78, 0x0178, 0x1F8B + 0x10000])
def test_a_length_may_begin_as_compressed_files_do(length):
    payload = os.urandom(length)
    assert read(record(payload)) == [payload]


@pytest.mark.parametrize("kind", ["GZIP", "ZLIB"])
def test_compressed_files_are_told(tmp_path, kind):
    with tf.io.TFRecordWriter(str(tmp_path / "a"), kind) as writer:
        writer.write(b"payload" * 9)
    with pytest.raises(FrameError, match=f"^it is compressed with {kind}"):
        read((tmp_path / "a").read_bytes())
    pack = {"GZIP": gzip.compress, "ZLIB": zlib.compress}[kind]
    for level in range(10):
        with pytest.raises(FrameError, match=f"^it is compressed with {kind}"):
            read(pack(b"".join(map(record, PAYLOADS)), level))


def test_other_files_are_told():
    for other in (b"path,x1,y1,x2,y2,class\n", b"\x89PNG\r\n\x1a\n" + bytes(99), bytes(999)):
        with pytest.raises(FrameError, match="this is no TFRecord"):
            read(other)
