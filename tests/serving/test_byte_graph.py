import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.data import image_bytes
from frcnn_keras.serving.byte_graph import contains, ends_behind, hits, is_one_of, number, piece, whole_number, window


def data_of(content):
    return np.frombuffer(content, np.uint8)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.binary(max_size=20), st.integers(-3, 30), st.integers(1, 6), st.booleans())
def test_numbers_are_pythons_and_zeros_behind_the_end(content, offset, count, big):
    offset = max(0, offset)
    part = content[offset : offset + count]
    padded = part + bytes(count - len(part))
    data = data_of(content)
    assert int(number(data, whole_number(offset), count, big)) == int.from_bytes(padded, "big" if big else "little")
    assert window(data, offset, count).numpy().tolist() == list(padded)
    assert bytes(np.asarray(piece(data, offset, offset + count))) == part
    assert bool(ends_behind(data, offset + count)) == (len(part) == count)


def test_offsets_far_away():
    data = data_of(b"abc")
    assert int(number(data, whole_number(2**62), 4)) == 0 and piece(data, 2**40, 2**41).shape == (0,)
    assert piece(data, 2, 1).shape == (0,) and piece(data, -5, 2).shape == (2,)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.text("ab", max_size=12), st.text("ab", min_size=1, max_size=4), st.integers(0, 14))
def test_patterns_as_python_finds_them(content, pattern, start):
    content, pattern = content.encode(), pattern.encode()
    found = np.flatnonzero(hits(data_of(content), pattern)).tolist()
    assert found == [place for place in range(len(content)) if content.startswith(pattern, place)]
    assert bool(contains(data_of(content), start, pattern)) == (pattern in content[start:])
    assert image_bytes.contains(io.BytesIO(content), start, pattern) == (pattern in content[start:])


@pytest.mark.parametrize("behind", [0, 65536, 200_000])
def test_a_pattern_in_front_of_the_tail(behind):
    data = data_of(bytes(100) + b"END" + bytes(behind))
    assert contains(data, 0, b"END") and contains(data, 100, b"END") and not contains(data, 101, b"END")


def test_is_one_of():
    assert is_one_of(whole_number(5), (7, 5)) and not is_one_of(whole_number(6), (7, 5))
