"""Writes checkpoints as torch does, without torch: pickles that name its functions, and storages beside them."""

import io
import math
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.torchvision.checkpoints import read_tensors

_KINDS = {"<f4": "FloatStorage", "<f2": "HalfStorage", "<f8": "DoubleStorage", "<i8": "LongStorage"}
ARRAYS = {"a.weight": np.random.default_rng(0).normal(size=(4, 3, 2, 2)).astype(np.float32),
          "a.bias": np.arange(4, dtype=np.float32), "n.num_batches_tracked": np.array(7, np.int64),
          "wide": np.random.default_rng(1).normal(size=(2, 5))}


class Storage:
    """Numbers under a key."""

    def __init__(self, key, array):
        self.key, self.array = key, np.ascontiguousarray(array).ravel()


class Hostile:
    """Runs a command where a careless reader unpickles it."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


class View:
    """A tensor on a storage; pickled as a call of torch._utils._rebuild_tensor_v2."""

    def __init__(self, storage, offset, shape, strides):
        self.arguments = (storage, offset, shape, strides, False, OrderedDict())

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.arguments


def fake_torch(monkeypatch):
    """Modules of torch's names, for pickle to find what it is to name; readers must not need them."""
    torch, inner = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def _rebuild_tensor_v2(*arguments):
        raise AssertionError("the reader called what a file names")

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    inner._rebuild_tensor_v2 = _rebuild_tensor_v2
    for name in (*_KINDS.values(), "BFloat16Storage"):
        setattr(torch, name, type(name, (), {"__module__": "torch", "__qualname__": name}))
    torch._utils = inner
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", inner)


class _Pickler(pickle.Pickler):
    def __init__(self, file, legacy):
        super().__init__(file, protocol=2)
        self.legacy, self.storages = legacy, {}

    def persistent_id(self, thing):
        if not isinstance(thing, Storage):
            return None
        self.storages[thing.key] = thing
        kind = getattr(sys.modules["torch"], _KINDS.get(thing.array.dtype.str, "BFloat16Storage"))
        claimed = getattr(thing, "claimed", len(thing.array))
        return ("storage", kind, thing.key, "cpu", claimed, *([None] if self.legacy else []))


def views_of(arrays):
    """Tensors by name, each on a storage of its own, laid out row by row."""
    views = OrderedDict()
    for number, (name, array) in enumerate(arrays.items()):
        strides = tuple(math.prod(array.shape[axis + 1:]) for axis in range(array.ndim))
        views[name] = View(Storage(str(number), array), 0, array.shape, strides)
    return views


def write_zip(path, content, folder="archive"):
    """torch.save since 1.6."""
    stream = io.BytesIO()
    pickler = _Pickler(stream, False)
    pickler.dump(content)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{folder}/data.pkl", stream.getvalue())
        archive.writestr(f"{folder}/byteorder", "little")
        for key, storage in pickler.storages.items():
            archive.writestr(f"{folder}/data/{key}", storage.array.tobytes())
        archive.writestr(f"{folder}/version", "3\n")


def write_legacy(path, content):
    """torch.save before 1.6."""
    with open(path, "wb") as file:
        for value in (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True,
                                                     "type_sizes": {"short": 2, "int": 4, "long": 4}}):
            pickle.dump(value, file, protocol=2)
        pickler = _Pickler(file, True)
        pickler.dump(content)
        keys = sorted(pickler.storages)
        pickle.dump(keys, file, protocol=2)
        for key in keys:
            array = pickler.storages[key].array
            file.write(struct.pack("<q", len(array)) + array.tobytes())


def equal(found, wanted=ARRAYS):
    """Asserts that tensors by name are those wanted, dtypes too."""
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array), name


def refused(path, *words):
    """Asserts that a file is refused in one line that names it and has these words; returns the line."""
    with pytest.raises(InputError) as caught:
        read_tensors(path)
    message = str(caught.value)
    assert "\n" not in message and path.name in message and len(message) < 500
    for word in words:
        assert word in message
    return message
