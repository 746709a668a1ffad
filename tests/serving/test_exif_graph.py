import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.data import exif
from frcnn_keras.serving.exif_graph import orientation
from tests.encoded_pictures import block

in_graph = tf.function(orientation, input_signature=[tf.TensorSpec([None], tf.uint8)], autograph=False)


def agree(data):
    found = int(in_graph(np.frombuffer(data, np.uint8)))
    assert found == exif.orientation(data)
    return found


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_the_eight_in_both_byte_orders(order, prefix):
    assert [agree(block(value, order, prefix=prefix)) for value in range(10)] == [1, *range(1, 9), 1]


def test_cut_anywhere():
    whole = block(8)
    assert [agree(whole[:length]) for length in range(len(whole))] == [1] * 22 + [8] * (len(whole) - 22)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.integers(0, 9), st.sampled_from("<>"), st.sampled_from([1, 3, 4]), st.integers(0, 2),
       st.sampled_from([0x0111, 0x0112]), st.sampled_from([0, 7, 8, 9, 300, 2**31, 2**32 - 1]),
       st.sampled_from([0, 1, 2, 65535]), st.sampled_from([b"", b"Exif\0\0", b"Exif\0"]), st.integers(0, 400))
def test_any_lie_is_told_as_python_tells_it(value, order, kind, count, tag, start, entries, prefix, length):
    agree(block(value, order, kind, count, tag, start, entries, prefix)[:length])


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.binary(max_size=60), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08",
                                                b"II*\0\x08\0\0\0\x02\0\x12\x01"]))
def test_any_bytes(data, start):
    agree(start + data)
