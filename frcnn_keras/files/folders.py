"""Folders that the package makes, told from what others put there: only what a layout names is ever removed."""

import contextlib
import dataclasses
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from frcnn_keras.errors import InputError
from frcnn_keras.files.whole import done_with, flush, hidden_name, is_temporary, remove, temporary_name


@dataclasses.dataclass(frozen=True)
class Layout:
    """What the package writes into a folder of one kind.

    names: pattern of the paths of its files, from the folder on, with "/". marks: those that say whose folder it is,
    with their top-level keys; the first is written first and removed last. folders: those inside that the package
    makes, the innermost first.
    """

    names: str
    marks: tuple[tuple[str, frozenset[str]], ...]
    folders: tuple[str, ...] = ()

    def owns(self, name: str) -> bool:
        """Whether a file of that path is the package's; so is what it left half-written."""
        return bool(re.fullmatch(self.names, name)) or is_temporary(name.rpartition("/")[2])

    def marked(self, folder: Path) -> bool:
        """Whether a folder is of this kind: one of its marks is there."""
        return any(is_mark(folder / name, keys) for name, keys in self.marks)


def is_mark(path: Path, keys: Iterable[str]) -> bool:
    """Whether a file is the JSON object with these top-level keys that the package wrote; damaged, it may lack one.

    The text is looked at, as `to_json` lays it out: where one byte is wrong, starting over has to be possible.
    """
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > 1 << 24:
            return False
        found = set(re.findall(rb'^  "([^"\\]+)":', path.read_bytes(), re.M))
    except OSError:
        return False
    wanted = {key.encode() for key in keys}
    return len(wanted & found) >= max(1, len(wanted) - 1)


def settled(path: str | os.PathLike) -> Path:
    """A folder to write: where it is a link, what that leads to, so that the link stays."""
    path = Path(path)
    return path.resolve() if path.is_symlink() else path


def require_place(folder: Path, flag: str, reads: Iterable[str | os.PathLike] = ()) -> None:
    """InputError where a folder cannot be written into: a file, the disk's root, a home, or one of the folders that a
    data set is read from."""
    if os.path.lexists(folder) and not folder.is_dir():
        raise InputError(f"{folder}: is no folder, and cannot be written into; give another {flag}")
    try:
        place = folder.resolve()
        home = Path.home().resolve()
    except (OSError, RuntimeError) as error:
        raise InputError(f"{folder}: cannot be written into ({error}); give another {flag}") from error
    if place in (Path(place.anchor), home):
        raise InputError(f"{folder}: is {'a home' if place == home else 'the root of a disk'}; give a folder of its "
                         f"own with {flag}")
    for read in reads:
        if place == Path(read).resolve():
            raise InputError(f"{folder}: is the folder that the data set is read from; give another {flag}")


def is_empty(folder: Path) -> bool:
    """Whether a folder is absent or holds nothing but what was left half-written."""
    return not folder.exists() or all(is_temporary(path.name) for path in folder.iterdir())


def discard(folder: Path, layout: Layout) -> None:
    """Removes what the package wrote into a folder, its mark last, and the folder where nothing else is in it."""
    last = [name for name, _ in reversed(layout.marks)]
    ours = sorted(name for name in _files(folder) if layout.owns(name))
    for name in [*(name for name in ours if name not in last), *(name for name in last if name in ours)]:
        (folder / name).unlink(missing_ok=True)
    for name in (*layout.folders, "."):
        with contextlib.suppress(OSError):  # a user's file is in it
            (folder / name).rmdir()


def _files(folder: Path) -> Iterator[str]:
    """Paths of the files below a folder, from it on, with "/"; what links lead to is not looked at."""
    for parent, folders, names in os.walk(folder):
        linked = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        for name in (*names, *linked):
            yield Path(parent, name).relative_to(folder).as_posix()


def keep_folder(folder: Path, path: Path, layout: Layout) -> None:
    """Gives a finished folder the name `path`, when all that it holds is on the disk. What stands there stays until
    then; of it what the package wrote goes, and what others put there is carried over."""
    for parent, _, names in os.walk(folder):
        for name in names:
            if is_temporary(name):  # of a killed process: nobody writes into a finished folder
                remove(Path(parent, name))
            else:
                flush(Path(parent, name))
        flush(Path(parent))
    old = _recover(path, layout)
    if path.exists():
        os.rename(path, old)
    try:
        os.rename(folder, path)
    except BaseException:
        if old.exists():
            os.rename(old, path)
        raise
    flush(path.parent)
    _recover(path, layout)


def recover(path: Path, layout: Layout) -> None:
    """Sets right what a process left that was killed while it gave a folder its name."""
    _recover(path, layout)


def _recover(path: Path, layout: Layout) -> Path:
    """The name that an older folder has while a new one takes its place; nothing is there any more."""
    old = hidden_name(path, ".old")
    if old.exists() and not path.exists():
        os.rename(old, path)
    elif old.exists():
        _carry(old, path, layout)
        discard(old, layout)
    return old


def _carry(old: Path, new: Path, layout: Layout, below: str = "") -> None:
    """Moves what the package did not write from an older folder into the one that takes its place."""
    for item in sorted(old.iterdir()):
        name, target = f"{below}{item.name}", new / item.name
        if item.is_dir() and not item.is_symlink() and target.is_dir():
            _carry(item, target, layout, f"{name}/")
        elif item.is_dir() and not item.is_symlink():
            owned = [path for path in _files(item) if layout.owns(f"{name}/{path}")]
            if owned:  # a folder that the new one has no more
                target.mkdir()
                _carry(item, target, layout, f"{name}/")
                with contextlib.suppress(OSError):
                    target.rmdir()
            else:
                os.rename(item, target)
        elif not layout.owns(name) and not os.path.lexists(target):
            os.rename(item, target)


@contextlib.contextmanager
def whole_folder(path: str | os.PathLike, layout: Layout) -> Iterator[Path]:
    """A new, empty folder that gets the name `path` when the block ends well; see `keep_folder`.

    Raises:
        OSError: the folder that is to hold it is missing, the disk is full, ...
    """
    path = Path(path)
    temporary = temporary_name(path)
    temporary.mkdir()
    try:
        yield temporary
        keep_folder(temporary, path, layout)
    finally:
        done_with(temporary)
        shutil.rmtree(temporary, ignore_errors=True)


