"""What the pickle of a torch checkpoint stands for: tensors by name, as views of storages.

A torch checkpoint is a pickle, which may name any function of any module to be called; of names only the handful that a
state_dict consists of is known here, and none is called. pickle_machine reads it.
"""

import math
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from frcnn_keras.errors import InputError
from frcnn_keras.torchvision.pickle_machine import MAX_KEY, Left, Machine, Named
from frcnn_keras.torchvision.stored_numbers import item_size

MAX_AXES = 8
MAX_NUMBER = 2**62

# dtype in the file -> NumPy's; bfloat16 is read as its bits and widened
STORAGES = {
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "BFloat16Storage": "bfloat16",
    "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "<i1", "ByteStorage": "<u1",
    "BoolStorage": "|b1",
}  # fmt: skip


class Storage:
    """A run of numbers that tensors are views of; filled when the file's pickle has been read."""

    __slots__ = ("count", "dtype", "numbers")

    def __init__(self, dtype: str, count: int):
        self.dtype, self.count = dtype, count
        self.numbers: np.ndarray | None = None

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

    @property
    def size(self) -> int:
        """Bytes that it has by itself."""
        return math.prod(self.shape) * item_size(self.storage.dtype)

    def array(self) -> np.ndarray:
        """The tensor's numbers, read-only, of its shape.

        Raises:
            UnpicklingError: it reaches beyond the numbers that the storage has by now.
        """
        numbers = self.storage.numbers
        if numbers is None:
            raise pickle.UnpicklingError("a tensor whose numbers are absent")
        check_within(self.offset, self.shape, self.strides, len(numbers))
        if math.prod(self.shape) == 0:
            return np.zeros(self.shape, numbers.dtype)
        strides = [stride * numbers.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(numbers[self.offset:], self.shape, strides, writeable=False)


def check_within(offset: Any, shape: Any, strides: Any, count: int) -> None:
    """UnpicklingError unless a view stays within `count` numbers and has no more of them."""
    if type(shape) is not tuple or type(strides) is not tuple or len(shape) != len(strides) or len(shape) > MAX_AXES \
            or not all(type(number) is int and 0 <= number < MAX_NUMBER for number in (offset, *shape, *strides)):
        raise pickle.UnpicklingError("a tensor of no sense")
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides))
    if math.prod(shape) > count or (math.prod(shape) > 0 and last >= count):
        raise pickle.UnpicklingError(f"a tensor of shape {shape} reaches beyond its {count} numbers")


def _rebuild_tensor(storage: Any = None, offset: Any = None, shape: Any = None, strides: Any = None, *_: Any) -> View:
    """Stands for torch._utils._rebuild_tensor_v2."""
    if type(storage) is not Storage:
        raise pickle.UnpicklingError("a tensor of no sense")
    check_within(offset, shape, strides, storage.count)
    return View(storage, offset, shape, strides)


_CALLS = {
    ("collections", "OrderedDict"): OrderedDict,
    ("argparse", "Namespace"): lambda *_: Left(),  # the settings that training scripts store beside the weights
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): lambda data=None, *_: data,
}


def state_dict_machine(file: BinaryIO, path: Path, storage_of: Callable[[str, str, int], Storage]) -> Machine:
    """A reader of the pickles in `file` that knows the names a state_dict consists of; any other is an InputError.

    storage_of: (dtype, key, count of numbers) -> the storage of a key.
    """
    def named(module: str, name: str) -> Any:
        if (module, name) in _CALLS:
            return Named(_CALLS[module, name])
        if module == "torch" and name in STORAGES:
            return name
        raise InputError(f"{path}: asks for {shown(f'{module}.{name}')} to be called, which no file of weights needs; "
                         "refused, nothing of it was run")

    def persistent(pid: Any) -> Storage:
        """The storage that a tensor refers to."""
        if type(pid) is not tuple or len(pid) not in (5, 6) or not all(
                type(text) is str and len(text) <= MAX_KEY for text in pid[:3] if type(text) is not int):
            raise pickle.UnpicklingError("a storage of no sense")
        kind, storage_type, key, _, count = pid[:5]
        if kind != "storage" or storage_type not in STORAGES or type(count) is not int or not 0 <= count < MAX_NUMBER:
            raise pickle.UnpicklingError(f"storage {shown(str(key))} is of no sense")
        if pid[5:] not in ((), (None,)):
            raise pickle.UnpicklingError("a storage that is a view of another")
        return storage_of(STORAGES[storage_type], str(key), count)

    return Machine(file, named, persistent)


def storages(found: dict[str, Storage], limit: int) -> Callable[[str, str, int], Storage]:
    """Makes each key's storage once; their sizes together cannot pass `limit` bytes."""

    def storage_of(dtype: str, key: str, count: int) -> Storage:
        """The storage of a key, the same at every call."""
        new = key not in found
        storage = found.setdefault(key, Storage(dtype, count))
        if (storage.dtype, storage.count) != (dtype, count):
            raise pickle.UnpicklingError(f"storage {shown(key)} is of two kinds")
        if new:
            spent[0] += storage.size
        if spent[0] > limit:
            raise pickle.UnpicklingError(f"its storages claim {spent[0]} bytes or more; a file of its size has {limit} "
                                         "at most")
        return storage

    spent = [0]
    return storage_of


def shown(text: str) -> str:
    """A name out of a file as messages have it: short, without what a terminal acts on."""
    return text if text.isprintable() and len(text) <= 80 else ascii(text[:80])[1:-1]
