import io

import pytest

from frcnn_keras.data.image_bytes import contains, length, piece, read
from frcnn_keras.errors import InputError

FILE = io.BytesIO(b"\x01\x02\x03\x04\x05")


def test_numbers_and_pieces():
    assert read(FILE, 1, "<H") == (0x0302,) and read(FILE, 1, ">HB") == (0x0203, 4)
    assert piece(FILE, 3, 9) == b"\x04\x05" and piece(FILE, 10**15, 1) == b"" and length(FILE) == 5


@pytest.mark.parametrize("offset", [4, 5, 10**12])
def test_behind_the_end(offset):
    with pytest.raises(InputError, match="truncated"):
        read(FILE, offset, "<H")


@pytest.mark.parametrize("behind", [0, 10, 65536, 200_000])
def test_a_pattern_is_found_in_the_tail_and_in_front_of_it(behind):
    file = io.BytesIO(b"ab" + bytes(100) + b"END" + bytes(behind))
    assert contains(file, 0, b"END") and contains(file, 102, b"END")
    assert not contains(file, 103, b"END") and not contains(file, 0, b"ENDE")
