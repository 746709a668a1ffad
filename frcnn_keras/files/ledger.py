"""Files that a command puts into a folder which may be anybody's: a list beside them says which are the package's."""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from frcnn_keras.errors import InputError
from frcnn_keras.files.stored import file_fingerprint, fingerprint
from frcnn_keras.files.whole import tidy_folder, whole_file, write_whole

NAME = ".frcnn_keras.json"  # lines, each JSON by itself: a file's name and the fingerprint of its content
_BEGUN = ""  # in place of a fingerprint: of a file that grows, until it has its last line


class Ledger:
    """What the package wrote into a folder. A file is the package's as long as its content is what was written:
    what a user edited, or put in its place, is not."""

    def __init__(self, folder: Path):
        self.folder, self.path = folder, folder / NAME
        self._written: dict[str, set[str]] = {}
        with contextlib.suppress(OSError):  # there is none
            for line in self.path.read_bytes().splitlines():
                with contextlib.suppress(ValueError, TypeError, KeyError):  # cut off by a kill: its file is not there
                    entry = json.loads(line)
                    self._written.setdefault(str(entry["file"]), set()).add(str(entry["sha256"]))

    def owns(self, name: str) -> bool:
        """Whether the file of that name is as the package wrote it."""
        path = self.folder / name
        if name not in self._written or path.is_symlink() or not path.is_file():
            return False
        return file_fingerprint(path) in self._written[name]

    def require_free(self, names: Iterable[str], flag: str, reads: Iterable[str | os.PathLike] = ()) -> None:
        """InputError unless every name is free or the package's own, and none of the files that are read.

        reads: compared as files, so links and other spellings of a path are seen through.
        """
        numbers = {_number(path) for path in reads} - {None}
        for name in names:
            path = self.folder / name
            if not os.path.lexists(path):
                continue
            if _number(path) in numbers:
                raise InputError(f"{path}: is one of the files that are read, and would be written over; give another "
                                 f"{flag}")
            if not self.owns(name):
                raise InputError(f"{path}: is there already, and not as this package wrote it; move it, or give "
                                 f"another {flag}")

    def write(self, name: str, data: bytes, quick: bool = False) -> None:
        """Writes a file; that it is the package's is on record before it is there. quick: see `whole_file`; for what is
        made in thousands and can be made anew.

        Raises:
            InputError: the file cannot be written.
        """
        try:
            self._record(name, fingerprint(data), quick)
            write_whole(self.folder / name, data, tidy=False, quick=quick)
        except OSError as error:
            raise InputError(f"{self.folder / name}: cannot be written ({error.strerror}); check the folder and the "
                             "disk") from error

    @contextlib.contextmanager
    def file(self, name: str) -> Iterator[Path]:
        """A temporary path for a writer of its own; what was written there becomes the file of that name."""
        with whole_file(self.folder / name, Path(name).suffix) as temporary:
            yield temporary
            self._record(name, file_fingerprint(temporary))

    def begin(self, name: str) -> None:
        """Puts on record that a file is begun, which will grow under its own name; it is nobody's to write over until
        `finish`."""
        self._record(name, _BEGUN)

    def finish(self, name: str) -> None:
        """Puts on record that a file that grew is whole."""
        self._record(name, file_fingerprint(self.folder / name))

    def begun(self, name: str) -> bool:
        """Whether a file of that name was ever begun here; what stands there may be cut off, or edited since."""
        return _BEGUN in self._written.get(name, ())

    def remove(self, name: str) -> None:
        """Removes a file that is the package's."""
        if self.owns(name):
            (self.folder / name).unlink()

    def names(self) -> list[str]:
        """Of all files that were written and are there."""
        return [name for name in self._written if os.path.lexists(self.folder / name)]

    def tidy(self) -> None:
        """Removes what killed processes left half-written, and lines of files that are no more. To be called before
        the first file is written: a line that a kill cut off must not run into the next."""
        tidy_folder(self.folder)
        if self.path.exists():
            self._written = {name: written for name, written in self._written.items()
                             if os.path.lexists(self.folder / name)}
            lines = (_line(name, digest) for name in sorted(self._written) for digest in sorted(self._written[name]))
            write_whole(self.path, b"".join(lines))

    def free_name(self, name: str) -> str:
        """The name, numbered where a file of that name is there that is not as this package wrote it."""
        path, number = Path(name), 2
        while os.path.lexists(self.folder / name) and not self.owns(name):
            name, number = str(path.with_name(f"{path.stem}-{number}{path.suffix}")), number + 1
        return name

    def new_name(self, name: str) -> str:
        """The name, numbered where there is a file of that name, whoever wrote it."""
        path, number = Path(name), 2
        while os.path.lexists(self.folder / name):
            name, number = str(path.with_name(f"{path.stem}-{number}{path.suffix}")), number + 1
        return name

    def _record(self, name: str, digest: str, quick: bool = False) -> None:
        if digest in self._written.get(name, ()):
            return
        self._written.setdefault(name, set()).add(digest)
        with open(self.path, "ab") as file:
            file.write(_line(name, digest))
            file.flush()
            if not quick:
                os.fsync(file.fileno())


def _line(name: str, digest: str) -> bytes:
    return b"%s\n" % json.dumps({"file": name, "sha256": digest}).encode()


def _number(path: str | os.PathLike) -> tuple[int, int] | None:
    """What a file is to the disk, whatever it is called; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
