"""One command at a time on a folder: locks that end with the process, however it ends.

The folder itself is locked (flock), so there is no lock file that would lie about, be copied or be compared. Where
folders cannot be locked, on Windows and some network disks, two commands on one folder are not told apart.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from frcnn_keras.errors import InputError

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

_BUSY = (errno.EWOULDBLOCK, errno.EACCES)


@contextlib.contextmanager
def alone(folder: Path, flag: str = "--out", called: Path | None = None) -> Iterator[None]:
    """Nobody else writes into the folder, or reads it by `shared`, meanwhile. It is made where it is absent, and goes
    again where nothing was written.

    flag, called: what messages call it, where that is not its path.

    Raises:
        InputError: another command holds it.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{called or folder}: cannot be written ({error.strerror}); give another {flag}") from error
    try:
        with _held(folder, False, f"{called or folder}: another command is at work there; wait until it has ended, or "
                                  f"give another {flag}"):
            yield
    finally:
        with contextlib.suppress(OSError):  # one is not empty
            for path in made:
                path.rmdir()


@contextlib.contextmanager
def shared(folder: Path) -> Iterator[None]:
    """Nobody writes into a finished folder meanwhile; others may read it.

    Raises:
        InputError: it is being made anew.
    """
    with _held(folder, True, f"{folder}: is being made anew by another command; wait until it has ended"):
        yield


@contextlib.contextmanager
def _held(folder: Path, together: bool, busy: str) -> Iterator[None]:
    if fcntl is None:
        yield
        return
    handle = _locked(folder, together, busy)
    try:
        yield
    finally:
        os.close(handle)


def _locked(folder: Path, together: bool, busy: str) -> int:
    """A handle of the folder that has this name now, locked where the disk can do that."""
    while True:
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if together else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _BUSY:
                os.close(handle)
                raise InputError(busy) from error
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(folder)):
                return handle
        os.close(handle)  # it was renamed between the two
        folder.mkdir(parents=True, exist_ok=True)
