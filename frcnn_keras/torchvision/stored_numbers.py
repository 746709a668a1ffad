"""Numbers of weight files: bytes of a named dtype to arrays, half precisions widened to float32."""

import numpy as np


def item_size(dtype: str) -> int:
    """Bytes of a number; dtype: NumPy's name, or `bfloat16`."""
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize


def numbers(data: bytes, dtype: str) -> np.ndarray:
    """Bytes -> (n,), half precisions widened to float32."""
    if dtype == "bfloat16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    return widened(np.frombuffer(data, dtype))


def widened(array: np.ndarray) -> np.ndarray:
    """float16 as float32; anything else as it is."""
    return array.astype(np.float32) if array.dtype == np.float16 else array
