"""A folder into which others put pictures: each is taken when it is whole."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from frcnn_keras.data.image_header import inspect_image
from frcnn_keras.data.image_paths import IMAGE_SUFFIXES, is_hidden
from frcnn_keras.errors import InputError

POLL = 0.5  # seconds between two looks
_STILL = 1.0  # seconds for which a file may not change before it is taken for whole
_HUNG = 30.0  # seconds without change of one that is damaged, before that is said


class Stamp(NamedTuple):
    """What tells a file from another one of its name."""

    bytes: int
    modified: float  # seconds since 1970, as the disk has it, to the microsecond


class Arrived(NamedTuple):
    path: Path
    stamp: Stamp


class GrowingFolder:
    """`for path, stamp in GrowingFolder(folder, done, say)`: pictures as they come, those that are there first, by
    name; without `idle` it never ends by itself.

    A picture is taken when its size and time have stood still for a second and it can be read to its end: half of one
    that is still copied, or that a network holds up, waits. done: what earlier runs have taken; a file that has been
    put in another's place since is taken again. Hidden files and sub-folders are passed over.
    """

    def __init__(self, folder: str | os.PathLike, done: dict[str, Stamp], say: Callable[[str], None],
                 idle: float | None = None, poll: float = POLL, still: float = _STILL):
        """say: is told of pictures that stay damaged. idle: seconds without any new picture after which it ends."""
        self.folder, self.done, self.say = Path(folder), dict(done), say
        self.idle, self.poll, self.still = idle, poll, still
        self._seen: dict[str, tuple[Stamp, float]] = {}  # of files that are not taken, and since when they stand still
        self._damaged: dict[str, tuple[Stamp, str]] = {}
        self._told: dict[str, Stamp] = {}
        self._closed = False
        if not self.folder.is_dir():
            raise InputError(f"{self.folder}: there is no such folder to watch")

    def __iter__(self) -> Iterator[Arrived]:
        last = time.monotonic()
        while not self._closed and (self.idle is None or time.monotonic() - last < self.idle):
            whole = False
            for arrived in self._look():
                whole = True
                yield arrived
            last = time.monotonic() if whole else last
            if not whole:
                time.sleep(self.poll)

    def close(self) -> None:
        """Ends whoever goes through it, after the next look; from another thread."""
        self._closed = True

    def _look(self) -> Iterator[Arrived]:
        """The pictures that are whole now."""
        files = self._files()
        for known in (self.done, self._seen, self._damaged, self._told):
            for name in known.keys() - files.keys():  # taken away; memory does not grow with what was there once
                del known[name]
        for name, stamp in sorted(files.items()):
            if self.done.get(name) != stamp and self._is_whole(name, stamp):
                self.done[name] = stamp
                self._seen.pop(name, None)
                yield Arrived(self.folder / name, stamp)

    def _files(self) -> dict[str, Stamp]:
        found = {}
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    if entry.name.lower().endswith(IMAGE_SUFFIXES) and not is_hidden(entry.name):
                        stamp = _stamp(entry)
                        if stamp is not None:
                            found[entry.name] = stamp
        except OSError as error:
            raise InputError(f"{self.folder}: cannot be listed any more ({error.strerror})") from error
        return found

    def _is_whole(self, name: str, stamp: Stamp) -> bool:
        now = time.monotonic()
        before, since = self._seen.get(name, (None, now))
        if before != stamp:
            since = now
        self._seen[name] = stamp, since
        # a file that was written long ago need not be looked at twice; a clock that lies in the future says nothing
        if not stamp.bytes or (now - since < self.still and not self.still < time.time() - stamp.modified):
            return False
        if self._damaged.get(name, (None,))[0] != stamp:
            try:
                inspect_image(self.folder / name)
                return True
            except InputError as error:
                self._damaged[name] = stamp, str(error)
        if now - since >= _HUNG and self._told.get(name) != stamp:
            self._told[name] = stamp
            self.say(f"waits: {self.folder / name}: {self._damaged[name][1]}; it is looked at again when it changes")
        return False


def _stamp(entry: os.DirEntry) -> Stamp | None:
    """None for what is no file, or is gone."""
    try:
        if not entry.is_file():
            return None
        status = entry.stat()
    except OSError:
        return None
    return Stamp(status.st_size, round(status.st_mtime, 6))
