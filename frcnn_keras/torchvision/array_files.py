"""Arrays by name, as safetensors and NumPy's npz store them; what a file claims is checked before it is read."""

import json
import math
import re
import struct
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from frcnn_keras.models.weight_bounds import Archive
from frcnn_keras.torchvision.stored_numbers import item_size, numbers, widened
from frcnn_keras.torchvision.torch_pickle import MAX_AXES, MAX_NUMBER, shown

_MAX_HEADER = 2**23  # bytes; that of a detector has 60 kB
_MAX_NPY_HEADER = 2**13
# as NumPy writes it, of whole, floating-point and logical numbers
_NPY_HEADER = re.compile(rb"\{'descr': '([<>|]?[fiub][1248])', 'fortran_order': (True|False), "
                         rb"'shape': \(([0-9, ]*)\),? *\}\s*")

# dtype in the file -> NumPy's; bfloat16 is read as its bits and widened
_SAFETENSORS = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "bfloat16", "I64": "<i8", "I32": "<i4", "I16": "<i2",
    "I8": "<i1", "U8": "<u1", "BOOL": "|b1",
}  # fmt: skip


def read_npz(archive: Archive) -> dict[str, np.ndarray]:
    """An npz of NumPy; arrays of objects, which would be unpickled, and of anything but numbers are refused."""
    names = [name for name in archive.members if name.endswith(".npy")]
    if not names:
        raise zipfile.BadZipFile("neither a torch checkpoint nor an npz")
    return {name.removesuffix(".npy"): widened(_npy(archive.read(name), name)) for name in names}


def _npy(content: bytes, name: str) -> np.ndarray:
    """One array of an npz."""
    if content[:6] != b"\x93NUMPY" or len(content) < 12:
        raise ValueError(f"{shown(name)}: no array of NumPy")
    form = "<H" if content[6] == 1 else "<I"
    start = 8 + struct.calcsize(form)
    (length,) = struct.unpack(form, content[8:start])
    if content[6] not in (1, 2, 3) or length > _MAX_NPY_HEADER:
        raise ValueError(f"{shown(name)}: no array of NumPy")
    header = _NPY_HEADER.fullmatch(content[start:start + length])
    if not header:
        raise ValueError(f"{shown(name)}: holds other things than numbers")
    dtype, shape = np.dtype(header[1].decode()), tuple(int(side) for side in header[3].split(b",") if side.strip())
    _check_shape(shape, name)
    data = memoryview(content)[start + length:]
    if math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError(f"{shown(name)}: {len(data)} bytes do not fit its shape")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if header[2] == b"True" else "C")


def _check_shape(shape: Any, name: str) -> None:
    """ValueError unless it is a shape."""
    if not isinstance(shape, (tuple, list)) or len(shape) > MAX_AXES or not all(
            type(number) is int and 0 <= number < MAX_NUMBER for number in shape):
        raise ValueError(f"{shown(name)}: sizes and places must be whole numbers")


def read_safetensors(file: BinaryIO, path: Path) -> dict[str, np.ndarray]:
    """8 bytes: length of the header; the header, JSON; the numbers."""
    size = path.stat().st_size
    (length,) = struct.unpack("<Q", file.read(8))
    if length > min(_MAX_HEADER, size - 8):
        raise ValueError(f"its header claims {length} bytes")
    header = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_once)
    if not isinstance(header, dict):
        raise ValueError("its header is no object")
    header.pop("__metadata__", None)
    tensors, spans = {}, []
    for name, entry in header.items():
        dtype, shape, places = _SAFETENSORS[entry["dtype"]], entry["shape"], entry["data_offsets"]
        _check_shape(shape, name)
        _check_shape(places, name)
        begin, end = places
        if end - begin != math.prod(shape) * item_size(dtype) or end > size - 8 - length:
            raise ValueError(f"{shown(name)}: its place does not fit its shape or the file")
        spans.append((begin, end))
        tensors[name] = dtype, shape, begin
    spans.sort()
    if any(before[1] > after[0] for before, after in zip(spans, spans[1:])):
        raise ValueError("tensors overlap")
    return {name: _numbers_at(file, 8 + length + begin, dtype, shape) for name, (dtype, shape, begin) in
            tensors.items()}


def _numbers_at(file: BinaryIO, place: int, dtype: str, shape: list[int]) -> np.ndarray:
    file.seek(place)
    return numbers(file.read(math.prod(shape) * item_size(dtype)), dtype).reshape(shape)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; ValueError where a key stands there twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands in its header twice")
    return found
