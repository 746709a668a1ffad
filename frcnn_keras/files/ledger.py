"""Files that a command puts into a folder which may be anybody's: a list beside them says which are the package's."""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from frcnn_keras.errors import InputError
from frcnn_keras.files.stored import fingerprint
from frcnn_keras.files.whole import tidy_folder, whole_file, write_whole

NAME = ".frcnn_keras.json"  # lines, each JSON by itself: a file's name and the fingerprint of its content


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
        return fingerprint(path.read_bytes()) in self._written[name]

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

    def write(self, name: str, data: bytes) -> None:
        """Writes a file; that it is the package's is on record before it is there.

        Raises:
            InputError: the file cannot be written.
        """
        try:
            self._record(name, fingerprint(data))
            write_whole(self.folder / name, data, tidy=False)
        except OSError as error:
            raise InputError(f"{self.folder / name}: cannot be written ({error.strerror}); check the folder and the "
                             "disk") from error

    @contextlib.contextmanager
    def file(self, name: str) -> Iterator[Path]:
        """A temporary path for a writer of its own; what was written there becomes the file of that name."""
        with whole_file(self.folder / name, Path(name).suffix) as temporary:
            yield temporary
            self._record(name, fingerprint(temporary.read_bytes()))

    def remove(self, name: str) -> None:
        """Removes a file that is the package's."""
        if self.owns(name):
            (self.folder / name).unlink()

    def tidy(self) -> None:
        """Removes what killed processes left half-written, and lines of files that are no more. To be called before
        the first file is written: a line that a kill cut off must not run into the next."""
        tidy_folder(self.folder)
        if self.path.exists():
            self._written = {name: written for name, written in self._written.items()
                             if os.path.lexists(self.folder / name)}
            lines = (_line(name, digest) for name in sorted(self._written) for digest in sorted(self._written[name]))
            write_whole(self.path, b"".join(lines))

    def _record(self, name: str, digest: str) -> None:
        if digest in self._written.get(name, ()):
            return
        self._written.setdefault(name, set()).add(digest)
        with open(self.path, "ab") as file:
            file.write(_line(name, digest))
            file.flush()
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
