"""Tensors of weight files by name: torch checkpoints (zip and older form), safetensors, npz.

Nothing in a file is run. A torch checkpoint is a pickle, which may name any function of any module to be called; the
reader here knows the handful of names that a state_dict consists of and refuses every other.
"""

import io
import json
import math
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from frcnn_keras.errors import InputError

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_MAX_PICKLE = 2**26  # bytes; that of a detector's names and shapes has 60 kB
_MAX_ARRAYS = 2**33  # bytes that an npz may unpack to
_MAX_AXES = 8

# dtype in the file -> NumPy's; bfloat16 is read as its bits and widened
_STORAGES = {
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "BFloat16Storage": "bfloat16",
    "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "<i1", "ByteStorage": "<u1",
    "BoolStorage": "|b1",
}  # fmt: skip
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
        raise InputError(f"{path}: broken, or no file of weights ({_one_line(error)})") from error
    if not tensors:
        raise InputError(f"{path}: holds no tensors")
    return tensors


def _reader(start: bytes, path: Path) -> Callable:
    if start.startswith(b"PK"):
        return _read_zip
    if start.startswith(b"\x80"):
        return _read_legacy
    if len(start) >= 9 and start[8:9] == b"{":
        return _read_safetensors
    raise InputError(f"{path}: no file of weights in a known form (.pth, .safetensors, .npz)")


class _Storage:
    """A run of numbers that tensors are views of; filled when the file's pickle has been read."""

    def __init__(self, dtype: str, count: int):
        self.dtype, self.count, self.numbers = dtype, count, None

    @property
    def size(self) -> int:
        """Bytes."""
        return self.count * _item_size(self.dtype)


class _View(NamedTuple):
    """A tensor: which numbers of a storage it consists of."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> np.ndarray:
        numbers = self.storage.numbers[self.offset:]
        if math.prod(self.shape) == 0:
            return np.zeros(self.shape, numbers.dtype)
        strides = [stride * numbers.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(numbers, self.shape, strides, writeable=False)


def _rebuild_tensor(storage, offset, shape, strides, *_) -> _View:
    """Stands for torch._utils._rebuild_tensor_v2; checks that the view stays within its storage."""
    shape, strides = tuple(shape), tuple(strides)
    whole = all(type(number) is int and number >= 0 for number in (offset, *shape, *strides))
    if not isinstance(storage, _Storage) or not whole or len(shape) != len(strides) or len(shape) > _MAX_AXES:
        raise pickle.UnpicklingError("a tensor of no sense")
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides))
    if math.prod(shape) > storage.count or (math.prod(shape) > 0 and last >= storage.count):
        raise pickle.UnpicklingError(f"a tensor of shape {shape} reaches beyond its {storage.count} numbers")
    return _View(storage, offset, shape, strides)


def _rebuild_parameter(data, *_):
    """Stands for torch._utils._rebuild_parameter."""
    return data


class _Call:
    """A function without attributes, which a pickle could otherwise set."""

    __slots__ = ("function",)

    def __init__(self, function: Callable):
        self.function = function

    def __call__(self, *arguments):
        return self.function(*arguments)


_FUNCTIONS = {"_rebuild_tensor_v2": _rebuild_tensor, "_rebuild_parameter": _rebuild_parameter}


class _Unpickler(pickle._Unpickler):
    """Knows the names that a state_dict consists of. `storage_of(type, key, count)` gives the storage of a key.

    Python's own unpickler, not the one in C: the latter reserves as much memory as a file asks for.
    """

    def __init__(self, file, path: Path, storage_of: Callable):
        super().__init__(file, encoding="utf-8")
        self.path, self.storage_of = path, storage_of

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("argparse", "Namespace"):  # the settings that training scripts store beside the weights
            return type("Namespace", (), {})
        if module == "torch._utils" and name in _FUNCTIONS:
            return _Call(_FUNCTIONS[name])
        if module == "torch" and name in _STORAGES:
            return name
        raise InputError(f"{self.path}: asks for {module}.{name} to be called, which no file of weights needs; "
                         "refused, nothing of it was run")

    def persistent_load(self, pid):
        kind, storage_type, key, _, count, *view = pid
        if kind != "storage" or storage_type not in _STORAGES or type(count) is not int or count < 0:
            raise pickle.UnpicklingError(f"a storage of no sense: {str(pid)[:80]}")
        if view and view[0] is not None:
            raise pickle.UnpicklingError("a storage that is a view of another")
        return self.storage_of(_STORAGES[storage_type], str(key), count)


def _storages(found: dict[str, _Storage], limit: int) -> Callable:
    """Makes each key's storage once; their sizes together cannot pass `limit`, the file's."""

    def storage_of(dtype: str, key: str, count: int) -> _Storage:
        storage = found.setdefault(key, _Storage(dtype, count))
        if (storage.dtype, storage.count) != (dtype, count):
            raise pickle.UnpicklingError(f"storage {key} is of two kinds")
        if storage.size > limit:
            raise pickle.UnpicklingError(f"storage {key} claims {storage.size} bytes, the file has {limit}")
        return storage

    return storage_of


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
        found: dict[str, _Storage] = {}
        content = _Unpickler(io.BytesIO(archive.read(pickles[0])), path, _storages(found, size)).load()
        for key, storage in found.items():
            info = members[f"{folder}data/{key}"]
            if info.file_size != storage.size:
                raise pickle.UnpicklingError(f"storage {key} has {info.file_size} bytes instead of {storage.size}")
            storage.numbers = _numbers(archive.read(info), storage.dtype)
    return _tensors_of(content, path)


def _read_legacy(file, path: Path) -> dict[str, np.ndarray]:
    """A torch checkpoint before torch 1.6: pickles one after another, then each storage's count and numbers."""
    size = path.stat().st_size
    found: dict[str, _Storage] = {}

    def load():
        return _Unpickler(file, path, _storages(found, size)).load()

    if load() != _LEGACY_MAGIC or load() != _LEGACY_PROTOCOL:
        raise InputError(f"{path}: a pickle, but no torch checkpoint")
    if not load().get("little_endian", True):
        raise InputError(f"{path}: was written on a machine of the other byte order")
    content, keys = load(), load()
    if sorted(map(str, keys)) != sorted(found):
        raise pickle.UnpicklingError("its list of storages does not fit its tensors")
    for key in map(str, keys):
        storage = found[key]
        (count,) = struct.unpack("<q", file.read(8))
        if count != storage.count:
            raise pickle.UnpicklingError(f"storage {key} has {count} numbers instead of {storage.count}")
        storage.numbers = _numbers(file.read(storage.size), storage.dtype)
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
    return {name: view.array() for name, view in content.items() if isinstance(view, _View)}


def _read_npz(file, members: dict) -> dict[str, np.ndarray]:
    if not any(name.endswith(".npy") for name in members):
        raise zipfile.BadZipFile("neither a torch checkpoint nor an npz")
    if sum(info.file_size for info in members.values()) > _MAX_ARRAYS:
        raise ValueError("it unpacks to more than 8 GiB")
    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        return {name: _widened(stored[name]) for name in stored.files}


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
        if end - begin != math.prod(shape) * _item_size(dtype) or end > size - 8 - length:
            raise ValueError(f"{name}: its place does not fit its shape or the file")
        spans.append((begin, end))
        file.seek(8 + length + begin)
        tensors[name] = _numbers(file.read(end - begin), dtype).reshape(shape)
    spans.sort()
    if any(before[1] > after[0] for before, after in zip(spans, spans[1:])):
        raise ValueError("tensors overlap")
    return tensors


def _item_size(dtype: str) -> int:
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize


def _numbers(data: bytes, dtype: str) -> np.ndarray:
    """Bytes -> (n,), half precisions widened to float32."""
    if dtype == "bfloat16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    return _widened(np.frombuffer(data, dtype))


def _widened(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
