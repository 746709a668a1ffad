"""Writing files and folders whole or not at all, and JSON that every parser takes."""

import contextlib
import hashlib
import json
import math
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from frcnn_keras.errors import InputError


@contextlib.contextmanager
def whole_file(path: str | os.PathLike, ending: str = "", tidy: bool = True) -> Iterator[Path]:
    """A temporary path in the same folder; what was written there gets the name `path` when the block ends well.

    It is on the disk by then, not only in memory. When the block fails it is removed, and `path` is untouched.
    ending: of the temporary name, for writers that look at it. tidy: whether to remove what killed processes left of the
    same path, for which the folder is listed: not for one of many thousand files.
    """
    path = Path(path)
    temporary = _temporary(path, ending, tidy)
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: str | os.PathLike) -> Iterator[Path]:
    """The same for a folder: a new, empty one. What stands at `path` stays until the new one is to get its name.

    Raises:
        OSError: the folder that is to hold it is missing, the disk is full, ...
    """
    path = Path(path)
    temporary = _temporary(path)
    temporary.mkdir()
    try:
        yield temporary
        keep_folder(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_whole(path: str | os.PathLike, data: bytes, tidy: bool = True) -> None:
    """Writes a file, so that no half of it is ever found; tidy: see `whole_file`.

    Raises:
        OSError: the folder is missing, the disk is full, ...; what stood at `path` is untouched then.
    """
    with whole_file(path, tidy=tidy) as temporary:
        temporary.write_bytes(data)


def keep_folder(folder: Path, path: Path) -> None:
    """Gives a finished folder the name `path`, when all that it holds is on the disk. What stands there stays until
    then."""
    for parent, _, names in os.walk(folder):
        for name in (*names, ""):
            _flush(Path(parent, name))
    _replace_folder(folder, path)
    _flush(path.parent)


def to_json(value: Any) -> str:
    """`value` as indented JSON; NumPy's numbers and arrays are taken, NaN and infinities become null."""
    return json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False)


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Writes `to_json(value)`, whole or not at all."""
    write_whole(path, (to_json(value) + "\n").encode())


def read_json(path: str | os.PathLike) -> Any:
    """Reads what a stage wrote; InputError names the file when it is absent or broken."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: not found; is the stage that writes it finished?") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); make it anew with --fresh") from error


def _plain(value: Any) -> Any:
    """A value as JSON has it: arrays as lists, NaN and infinity as null."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def fingerprint(*parts) -> str:
    """A short sha256 of JSON values, bytes and arrays, in order."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            part = f"{part.dtype}{part.shape}".encode() + np.ascontiguousarray(part).tobytes()
        digest.update(part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode())
    return digest.hexdigest()[:16]


def _temporary(path: Path, ending: str = "", tidy: bool = True) -> Path:
    """A hidden name beside `path` that this process alone uses. tidy: what killed ones left for the same path goes.

    It is short: a name that the disk just takes has no room for a suffix.
    """
    stem = _stem(path)
    for other in path.parent.glob(f".{stem}.*.tmp*") if tidy else ():
        if not _runs(int(other.name.split(".")[2])):
            _remove(other)
    return path.with_name(f".{stem}.{os.getpid()}.tmp{ending}")


def _stem(path: Path) -> str:
    """What the temporary names of a path on this machine begin with."""
    return hashlib.sha256(f"{platform.node()}/{path.name}".encode()).hexdigest()[:16]


def _runs(process: int) -> bool:
    """Whether another process of this machine has that number; where that cannot be told, it may."""
    if process == os.getpid():
        return False
    if os.name != "posix":  # elsewhere os.kill ends the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Waits until a file's bytes, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name != "posix":
        return  # only there can a folder be opened
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _replace_folder(folder: Path, path: Path) -> None:
    """Gives a folder its name. An older one of that name is removed when the new one has it, and else comes back."""
    old = path.with_name(f".{_stem(path)}.old")  # of one name, so that a killed process's goes, too
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        os.rename(path, old)
    try:
        os.rename(folder, path)
    except BaseException:
        if old.exists():
            os.rename(old, path)
        raise
    shutil.rmtree(old, ignore_errors=True)
