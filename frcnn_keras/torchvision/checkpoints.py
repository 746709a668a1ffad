"""Tensors of weight files by name: torch checkpoints (zip and older form), safetensors, npz.

Nothing in a file is run (torch_pickle), and none takes much more memory than it has bytes (models.weight_bounds).
"""

import io
import pickle
import stat
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from frcnn_keras.errors import InputError, one_line
from frcnn_keras.models.weight_bounds import Archive, unpacked_limit
from frcnn_keras.torchvision.array_files import read_npz, read_safetensors
from frcnn_keras.torchvision.pickle_machine import MAX_BYTES
from frcnn_keras.torchvision.stored_numbers import numbers
from frcnn_keras.torchvision.torch_pickle import Storage, View, state_dict_machine, storages

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
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
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: cannot be read (it is no file)")
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
        return read_safetensors
    raise InputError(f"{path}: no file of weights in a known form (.pth, .safetensors, .npz)")


def _read_zip(file, path: Path) -> dict[str, np.ndarray]:
    """A torch checkpoint since torch 1.6, or an npz."""
    size = path.stat().st_size
    archive = Archive(file, size)
    pickles = [name for name in archive.members if name.endswith("/data.pkl") and name.count("/") == 1]
    if not pickles:
        return read_npz(archive)
    folder = pickles[0].removesuffix("data.pkl")
    if archive.size(pickles[0]) > MAX_BYTES:
        raise pickle.UnpicklingError("its table of contents is too large")
    order = f"{folder}byteorder"
    if order in archive.members and (archive.size(order) > 16 or archive.read(order) != b"little"):
        raise InputError(f"{path}: was written on a machine of the other byte order")
    by_key: dict[str, Storage] = {}
    storage_of = storages(by_key, unpacked_limit(size))
    content = state_dict_machine(io.BytesIO(archive.read(pickles[0])), path, storage_of).load()
    views = _views_of(content, path, unpacked_limit(size))
    for key, storage in by_key.items():
        member = f"{folder}data/{key}"
        if archive.size(member) != storage.size:
            raise pickle.UnpicklingError(f"storage {key} has {archive.size(member)} bytes instead of {storage.size}")
        storage.numbers = numbers(archive.read(member), storage.dtype)
    return {name: view.array() for name, view in views.items()}


def _read_legacy(file, path: Path) -> dict[str, np.ndarray]:
    """A torch checkpoint before torch 1.6: pickles one after another, then each storage's count and numbers."""
    size = path.stat().st_size
    by_key: dict[str, Storage] = {}
    machine = state_dict_machine(file, path, storages(by_key, size))
    for wanted in (_LEGACY_MAGIC, _LEGACY_PROTOCOL):
        found = machine.load()
        if type(found) is not int or found != wanted:
            raise InputError(f"{path}: a pickle, but no torch checkpoint")
    system = machine.load()
    if type(system) is not dict or system.get("little_endian", True) is not True:
        raise InputError(f"{path}: was written on a machine of the other byte order")
    content, keys = machine.load(), machine.load()
    views = _views_of(content, path, unpacked_limit(size))
    if type(keys) is not list or not all(type(key) in (str, int) for key in keys) \
            or sorted(map(str, keys)) != sorted(by_key):
        raise pickle.UnpicklingError("its list of storages does not fit its tensors")
    for key in map(str, keys):
        storage = by_key[key]
        (count,) = struct.unpack("<q", file.read(8))
        if count != storage.count:
            raise pickle.UnpicklingError(f"storage {key} has {count} numbers instead of {storage.count}")
        storage.numbers = numbers(file.read(storage.size), storage.dtype)
        if len(storage.numbers) != count:
            raise EOFError("it is cut short")
    return {name: view.array() for name, view in views.items()}


def _views_of(content, path: Path, limit: int) -> dict[str, View]:
    """The tensors of what a pickle held, which each copied have no more bytes than `limit` together."""
    for key in _NESTED:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise InputError(f"{path}: holds no state_dict (tensors by name) but a {type(content).__name__}; save the "
                         "model's state_dict()")
    views = {name: view for name, view in content.items() if isinstance(view, View)}
    if sum(view.size for view in views.values()) > limit:
        raise pickle.UnpicklingError("its tensors have many times the numbers that it holds")
    return views
