"""Tensors of weight files by name: torch checkpoints (zip and older form), safetensors, npz.

Nothing in a file is run (torch_pickle).
"""

import io
import json
import math
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from frcnn_keras.errors import InputError, one_line
from frcnn_keras.torchvision.stored_numbers import item_size, numbers, widened
from frcnn_keras.torchvision.torch_pickle import StateDictUnpickler, Storage, View, storages

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_MAX_PICKLE = 2**26  # bytes; that of a detector's names and shapes has 60 kB
_MAX_ARRAYS = 2**33  # bytes that an npz may unpack to

# dtype in the file -> NumPy's; bfloat16 is read as its bits and widened
_SAFETENSORS = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "bfloat16", "I64": "<i8", "I32": "<i4", "I16": "<i2",
    "I8": "<i1", "U8": "<u1", "BOOL": "|b1",
}  # fmt: skip
_NESTED = ("model", "state_dict", "model_state_dict")  # where training scripts keep the state_dict


def read_tensors(path: str | Path) -> dict[str, np.ndarray]:
    """The tensors of a file, by name; which form it has is read from its first bytes.

    Half precision numbers come as float32. A checkpoint that holds the state_dict under `model` or `state_dict`, beside
    an optimizer's state, gives the former.

    Raises:
        InputError: the file is missing, broken, of another form, or asks for code to be run.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(16)
            file.seek(0)
            tensors = _reader(start, path)(file, path)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    # a broken file makes the parsers fail in every way: cut short, wrong types, absurd sizes, nesting without end
    except Exception as error:
        raise InputError(f"{path}: broken, or no file of weights ({one_line(error)})") from error
    if not tensors:
        raise InputError(f"{path}: holds no tensors")
    return tensors


def _reader(start: bytes, path: Path) -> Callable:
    """The reader of the form that a file begins like."""
    if start.startswith(b"PK"):
        return _read_zip
    if start.startswith(b"\x80"):
        return _read_legacy
    if len(start) >= 9 and start[8:9] == b"{":
        return _read_safetensors
    raise InputError(f"{path}: no file of weights in a known form (.pth, .safetensors, .npz)")


def _read_zip(file, path: Path) -> dict[str, np.ndarray]:
    """A torch checkpoint since torch 1.6, or an npz."""
    size = path.stat().st_size
    with zipfile.ZipFile(file) as archive:
        members = {info.filename: info for info in archive.infolist()}
        pickles = [name for name in members if name.endswith("/data.pkl") and name.count("/") == 1]
        if not pickles:
            return _read_npz(file, members)
        folder = pickles[0].removesuffix("data.pkl")
        if members[pickles[0]].file_size > min(_MAX_PICKLE, size):
            raise pickle.UnpicklingError("its table of contents is too large")
        if f"{folder}byteorder" in members and archive.read(f"{folder}byteorder") != b"little":
            raise InputError(f"{path}: was written on a machine of the other byte order")
        by_key: dict[str, Storage] = {}
        content = StateDictUnpickler(io.BytesIO(archive.read(pickles[0])), path, storages(by_key, size)).load()
        for key, storage in by_key.items():
            info = members[f"{folder}data/{key}"]
            if info.file_size != storage.size:
                raise pickle.UnpicklingError(f"storage {key} has {info.file_size} bytes instead of {storage.size}")
            storage.numbers = numbers(archive.read(info), storage.dtype)
    return _tensors_of(content, path)


def _read_legacy(file, path: Path) -> dict[str, np.ndarray]:
    """A torch checkpoint before torch 1.6: pickles one after another, then each storage's count and numbers."""
    size = path.stat().st_size
    by_key: dict[str, Storage] = {}

    def load():
        return StateDictUnpickler(file, path, storages(by_key, size)).load()

    if load() != _LEGACY_MAGIC or load() != _LEGACY_PROTOCOL:
        raise InputError(f"{path}: a pickle, but no torch checkpoint")
    if not load().get("little_endian", True):
        raise InputError(f"{path}: was written on a machine of the other byte order")
    content, keys = load(), load()
    if sorted(map(str, keys)) != sorted(by_key):
        raise pickle.UnpicklingError("its list of storages does not fit its tensors")
    for key in map(str, keys):
        storage = by_key[key]
        (count,) = struct.unpack("<q", file.read(8))
        if count != storage.count:
            raise pickle.UnpicklingError(f"storage {key} has {count} numbers instead of {storage.count}")
        storage.numbers = numbers(file.read(storage.size), storage.dtype)
        if len(storage.numbers) != count:
            raise EOFError("it is cut short")
    return _tensors_of(content, path)


def _tensors_of(content, path: Path) -> dict[str, np.ndarray]:
    """The state_dict of what a pickle held."""
    for key in _NESTED:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise InputError(f"{path}: holds no state_dict (tensors by name) but a {type(content).__name__}; save the "
                         "model's state_dict()")
    return {name: view.array() for name, view in content.items() if isinstance(view, View)}


def _read_npz(file, members: dict) -> dict[str, np.ndarray]:
    """An npz of NumPy; arrays of objects, which would be unpickled, are refused."""
    if not any(name.endswith(".npy") for name in members):
        raise zipfile.BadZipFile("neither a torch checkpoint nor an npz")
    if sum(info.file_size for info in members.values()) > _MAX_ARRAYS:
        raise ValueError("it unpacks to more than 8 GiB")
    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        return {name: widened(stored[name]) for name in stored.files}


def _read_safetensors(file, path: Path) -> dict[str, np.ndarray]:
    """8 bytes: length of the header; the header, JSON; the numbers."""
    size = path.stat().st_size
    (length,) = struct.unpack("<Q", file.read(8))
    if length > min(_MAX_PICKLE, size - 8):
        raise ValueError(f"its header claims {length} bytes")
    header = json.loads(file.read(length).decode("utf-8"))
    header.pop("__metadata__", None)
    tensors, spans = {}, []
    for name, entry in header.items():
        dtype, shape, (begin, end) = _SAFETENSORS[entry["dtype"]], entry["shape"], entry["data_offsets"]
        if not all(type(number) is int and number >= 0 for number in (begin, end, *shape)):
            raise ValueError(f"{name}: sizes and places must be whole numbers")
        if end - begin != math.prod(shape) * item_size(dtype) or end > size - 8 - length:
            raise ValueError(f"{name}: its place does not fit its shape or the file")
        spans.append((begin, end))
        file.seek(8 + length + begin)
        tensors[name] = numbers(file.read(end - begin), dtype).reshape(shape)
    spans.sort()
    if any(before[1] > after[0] for before, after in zip(spans, spans[1:])):
        raise ValueError("tensors overlap")
    return tensors
