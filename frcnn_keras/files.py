"""Reading and writing small files: whole or not at all, and JSON that every parser takes."""

import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from frcnn_keras.errors import InputError


def write_whole(path: str | os.PathLike, data: bytes) -> None:
    """Writes a file under another name in the same folder and renames it, so that no half of it is ever found.

    The other name follows from the file's own: what a killed program leaves is overwritten when the file is written
    again, and no litter stays in the folder. It is short: a name that the disk just takes has no room for a suffix.

    Raises:
        OSError: the folder is missing, the disk is full, ...; what stood at `path` is untouched then.
    """
    path = Path(path)
    temporary = path.with_name(f".{hashlib.sha256(path.name.encode()).hexdigest()[:16]}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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
