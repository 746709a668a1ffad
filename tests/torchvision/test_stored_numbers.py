import numpy as np
import pytest

from frcnn_keras.torchvision.stored_numbers import item_size, numbers, widened


@pytest.mark.parametrize("dtype, size", [("bfloat16", 2), ("<f2", 2), ("<f4", 4), ("<f8", 8), ("|b1", 1), ("<i8", 8)])
def test_item_size(dtype, size):
    assert item_size(dtype) == size


def test_bfloat16_by_hand():
    # 1.0 is 0x3F800000 in float32, -2.5 is 0xC0200000: bfloat16 holds the upper halves, little-endian
    found = numbers(b"\x80\x3f\x20\xc0", "bfloat16")
    assert found.dtype == np.float32 and found.tolist() == [1.0, -2.5]


@pytest.mark.parametrize("dtype", ["<f4", "<f8", "<i4", "|b1", "|u1"])
def test_other_numbers_keep_their_dtype(dtype):
    wanted = np.array([0, 1, 1, 0], dtype)
    found = numbers(wanted.tobytes(), dtype)
    assert found.dtype == wanted.dtype and np.array_equal(found, wanted)


def test_only_float16_is_widened():
    half = np.array([0.5, 65504, -6e-8], np.float16)
    assert widened(half).dtype == np.float32 and np.array_equal(widened(half), half.astype(np.float32))
    assert widened(np.float64([1])).dtype == np.float64
