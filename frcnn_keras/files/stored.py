"""JSON that every parser takes, with a seal where a later stage reads it; short hashes of values."""

import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from frcnn_keras.errors import InputError
from frcnn_keras.files.whole import write_whole

SEAL = "seal"  # the last key of what was sealed: the fingerprint of the rest


def to_json(value: Any) -> str:
    """`value` as indented JSON; NumPy's numbers and arrays are taken, NaN and infinities become null."""
    return json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False)


def json_list(items: Iterable[Any]) -> Iterator[str]:
    """`to_json` of a list, and a line's end, in parts: no more than one item is in memory."""
    empty = True
    for item in items:
        text = json.dumps(_plain(item), indent=2, ensure_ascii=False, allow_nan=False)
        yield ("[\n  " if empty else ",\n  ") + text.replace("\n", "\n  ")
        empty = False
    yield "[]\n" if empty else "\n]\n"


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Writes `to_json(value)`, whole or not at all."""
    write_whole(path, (to_json(value) + "\n").encode())


def seal(value: dict) -> dict:
    """`value` with its own fingerprint, which `read_json` checks: a digit that the disk changed is not taken for one
    that a user chose."""
    plain = _plain(value)
    return {**plain, SEAL: fingerprint(plain)}


def read_json(path: str | os.PathLike) -> Any:
    """Reads what a stage wrote, without its seal; InputError names the file when it is absent or broken."""
    value, intact = read_sealed(path)
    if not intact:
        raise InputError(f"{path}: damaged (its content is not what its {SEAL} says); make it anew with --fresh")
    return value


def read_sealed(path: str | os.PathLike) -> tuple[Any, bool]:
    """The same, and whether the seal fits: for records that are asked for their format first. What has no seal fits."""
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: not found; is the stage that writes it finished?") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); make it anew with --fresh") from error
    if not isinstance(value, dict) or SEAL not in value:
        return value, True
    found = value.pop(SEAL)
    return value, found == fingerprint(value)


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


def file_fingerprint(path: str | os.PathLike) -> str:
    """The `fingerprint` of a file's bytes, a part of them in memory at a time."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
