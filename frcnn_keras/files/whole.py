"""Files written whole or not at all, under temporary names that a later command knows to be nobody's."""

import contextlib
import hashlib
import itertools
import os
import platform
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.\d+\.\d+\.tmp")  # what the names of temporary files and folders begin with
_numbers = itertools.count()
_in_use: set[str] = set()  # names that this process writes to: its number may have been a dead one's


@contextlib.contextmanager
def whole_file(path: str | os.PathLike, ending: str = "", tidy: bool = True, quick: bool = False) -> Iterator[Path]:
    """A temporary path in the same folder; what was written there gets the name `path` when the block ends well.

    It is on the disk by then, not only in memory. When the block fails it is removed, and `path` is untouched.
    ending: of the temporary name, for writers that look at it. tidy: whether to remove what killed processes left of
    the same path, for which the folder is listed: not for one of many thousand files. quick: whether the disk is not
    waited for: a power cut may cost the file then, a kill does not.
    """
    path = Path(path)
    temporary = temporary_name(path, ending, tidy)
    try:
        yield temporary
        if not quick:
            flush(temporary)
        os.replace(temporary, path)
        if not quick:
            flush(path.parent)
    finally:
        done_with(temporary)
        temporary.unlink(missing_ok=True)


def write_whole(path: str | os.PathLike, data: bytes, tidy: bool = True, quick: bool = False) -> None:
    """Writes a file, so that no half of it is ever found; tidy, quick: see `whole_file`.

    Raises:
        OSError: the folder is missing, the disk is full, ...; what stood at `path` is untouched then.
    """
    with whole_file(path, tidy=tidy, quick=quick) as temporary:
        temporary.write_bytes(data)


def temporary_name(path: Path, ending: str = "", tidy: bool = True) -> Path:
    """A hidden name beside `path` that no other process, and nothing else in this one, uses. tidy: what killed
    processes left for the same path goes.

    It is short: a name that the disk just takes has no room for a suffix.
    """
    if tidy:
        _tidy(path.parent, f".{_host()}{_short(path.name)}.*.tmp*")
    name = f".{_host()}{_short(path.name)}.{os.getpid()}.{next(_numbers)}.tmp{ending}"
    _in_use.add(name)
    return path.with_name(name)


def done_with(temporary: Path) -> None:
    """Whoever asked for this `temporary_name` writes there no more."""
    _in_use.discard(temporary.name)


def tidy_folder(folder: Path) -> None:
    """Removes what killed processes of this machine left half-written in a folder, whatever it was to become."""
    _tidy(folder, f".{_host()}*.tmp*")


def is_temporary(name: str) -> bool:
    """Whether a file's or folder's name is that of something half-written."""
    return bool(_TEMPORARY.match(name))


def hidden_name(path: Path, ending: str) -> Path:
    """A hidden name beside `path` that is the same in every process; ending: begins with a point."""
    return path.with_name(f".{_host()}{_short(path.name)}{ending}")


def flush(path: Path) -> None:
    """Waits until a file's bytes, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name != "posix":
        return  # only there can a folder be opened
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _host() -> str:
    """Process numbers are one machine's, and folders may be shared."""
    return _short(platform.node())


def _short(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:8]


def _tidy(folder: Path, pattern: str) -> None:
    for other in folder.glob(pattern):
        if is_temporary(other.name) and other.name not in _in_use and not _runs(int(other.name.split(".")[2])):
            remove(other)


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
    except (PermissionError, OverflowError):
        pass
    return True


def remove(path: Path) -> None:
    """Removes a temporary file or folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
