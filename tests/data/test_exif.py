import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from frcnn_keras.data.exif import directory_orientation, orientation
from tests.encoded_pictures import block


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_the_eight_in_both_byte_orders(order, value, prefix):
    assert orientation(block(value, order, prefix=prefix)) == value


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("lie", [
    {"orientation": 0}, {"orientation": 9}, {"orientation": 65535}, {"kind": 4}, {"kind": 2}, {"count": 0},
    {"count": 2}, {"count": 2**32 - 1}, {"tag": 0x0111}, {"start": 0}, {"start": 7}, {"start": 2**32 - 1},
    {"entries": 0}])
def test_what_is_damaged_is_upright(order, lie):
    assert orientation(block(**{"orientation": 6, "order": order, **lie})) == 1


def test_a_directory_further_behind_and_more_entries_than_there_are():
    assert orientation(block(6, start=300)) == 6
    assert orientation(block(6, entries=65535)) == 6  # the entries that are there count


@pytest.mark.parametrize("length", range(40))
def test_cut_anywhere(length):
    whole = block(8)
    assert orientation(whole[:length]) == (8 if length >= 22 else 1)  # 8 of header, 2 of count, 12 of entry


def test_other_beginnings():
    for start in (b"", b"II", b"II*\0", b"MM*\0", b"II\0*", b"JPEG", b"Exif\0\0"):
        assert orientation(start + block(6)[4:] * (start != b"II*\0")) == 1


def test_the_first_entry_counts():
    entry = block(6)[10:22]
    assert directory_orientation(entry + block(3)[10:22], "<") == 6
    assert directory_orientation(block(99)[10:22] + entry, "<") == 1


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.binary(max_size=80))
def test_any_bytes(data):
    assert orientation(data) in range(1, 9)
    assert orientation(b"II*\0\x08\0\0\0" + data) in range(1, 9)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from([0x0100, 0x0101, 0x0112, 0x0115]), st.integers(0, 9)), max_size=6),
       st.sampled_from("<>"), st.integers(8, 40))
def test_as_pillow_reads_it(fields, order, start):
    entries = b"".join(struct.pack(f"{order}HHIHH", tag, 3, 1, value, 0) for tag, value in fields)
    data = block(1, order, start=start)[:start] + struct.pack(f"{order}H", len(fields)) + entries + bytes(4)
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + data)
    wanted = dict(exif).get(0x0112, 1)
    assert orientation(data) == (wanted if wanted in range(1, 9) else 1)
