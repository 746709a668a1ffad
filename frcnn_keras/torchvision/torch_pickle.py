"""Pickles of torch checkpoints, read without running anything in them.

A torch checkpoint is a pickle, which may name any function of any module to be called; the reader here knows the
handful of names that a state_dict consists of and refuses every other.
"""

import math
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from frcnn_keras.errors import InputError
from frcnn_keras.torchvision.stored_numbers import item_size

MAX_AXES = 8

# dtype in the file -> NumPy's; bfloat16 is read as its bits and widened
STORAGES = {
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "BFloat16Storage": "bfloat16",
    "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "<i1", "ByteStorage": "<u1",
    "BoolStorage": "|b1",
}  # fmt: skip


class Storage:
    """A run of numbers that tensors are views of; filled when the file's pickle has been read."""

    def __init__(self, dtype: str, count: int):
        self.dtype, self.count, self.numbers = dtype, count, None

    @property
    def size(self) -> int:
        """Bytes."""
        return self.count * item_size(self.dtype)


class View(NamedTuple):
    """A tensor: which numbers of a storage it consists of."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> np.ndarray:
        """The tensor's numbers, read-only, of its shape."""
        numbers = self.storage.numbers[self.offset:]
        if math.prod(self.shape) == 0:
            return np.zeros(self.shape, numbers.dtype)
        strides = [stride * numbers.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(numbers, self.shape, strides, writeable=False)


def _rebuild_tensor(storage, offset, shape, strides, *_) -> View:
    """Stands for torch._utils._rebuild_tensor_v2; checks that the view stays within its storage."""
    shape, strides = tuple(shape), tuple(strides)
    whole = all(type(number) is int and number >= 0 for number in (offset, *shape, *strides))
    if not isinstance(storage, Storage) or not whole or len(shape) != len(strides) or len(shape) > MAX_AXES:
        raise pickle.UnpicklingError("a tensor of no sense")
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides))
    if math.prod(shape) > storage.count or (math.prod(shape) > 0 and last >= storage.count):
        raise pickle.UnpicklingError(f"a tensor of shape {shape} reaches beyond its {storage.count} numbers")
    return View(storage, offset, shape, strides)


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


class StateDictUnpickler(pickle._Unpickler):
    """Knows the names that a state_dict consists of. `storage_of(type, key, count)` gives the storage of a key.

    Python's own unpickler, not the one in C: the latter reserves as much memory as a file asks for.
    """

    def __init__(self, file, path: Path, storage_of: Callable):
        super().__init__(file, encoding="utf-8")
        self.path, self.storage_of = path, storage_of

    def find_class(self, module, name):
        """What a name in the pickle stands for; any name but those of a state_dict is refused."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("argparse", "Namespace"):  # the settings that training scripts store beside the weights
            return type("Namespace", (), {})
        if module == "torch._utils" and name in _FUNCTIONS:
            return _Call(_FUNCTIONS[name])
        if module == "torch" and name in STORAGES:
            return name
        raise InputError(f"{self.path}: asks for {module}.{name} to be called, which no file of weights needs; "
                         "refused, nothing of it was run")

    def persistent_load(self, pid):
        """The storage that a tensor refers to."""
        kind, storage_type, key, _, count, *view = pid
        if kind != "storage" or storage_type not in STORAGES or type(count) is not int or count < 0:
            raise pickle.UnpicklingError(f"a storage of no sense: {str(pid)[:80]}")
        if view and view[0] is not None:
            raise pickle.UnpicklingError("a storage that is a view of another")
        return self.storage_of(STORAGES[storage_type], str(key), count)


def storages(found: dict[str, Storage], limit: int) -> Callable:
    """Makes each key's storage once; their sizes together cannot pass `limit`, the file's."""

    def storage_of(dtype: str, key: str, count: int) -> Storage:
        """The storage of a key, the same at every call."""
        storage = found.setdefault(key, Storage(dtype, count))
        if (storage.dtype, storage.count) != (dtype, count):
            raise pickle.UnpicklingError(f"storage {key} is of two kinds")
        if storage.size > limit:
            raise pickle.UnpicklingError(f"storage {key} claims {storage.size} bytes, the file has {limit}")
        return storage

    return storage_of
