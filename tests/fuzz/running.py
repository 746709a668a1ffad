"""Runs targets: each input seeded by its number, its time and its memory measured."""

import contextlib
import ctypes
import dataclasses
import faulthandler
import random
import resource
import shutil
import signal
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from frcnn_keras.errors import InputError
from tests.fuzz.mutation import spoilt
from tests.fuzz.target import Target

SECONDS = 5.0
BYTES = 10**9
LINE = 2000  # letters of a message


class TooLong(BaseException):
    """An input whose time is over: no reader catches it."""


@dataclasses.dataclass(frozen=True)
class Failure:
    """An input that did what it must not; `python -m tests.fuzz --only TARGET --first NUMBER --inputs 1` makes it."""

    target: str
    number: int
    file: str
    why: str
    where: str  # traceback
    data: bytes

    @property
    def kind(self) -> str:
        """The same for failures of one cause."""
        places = [line.strip() for line in self.where.splitlines() if line.strip().startswith("File")]
        return f"{self.why.split(':')[0][:60]} {places[-1] if places else ''}"

    def __str__(self) -> str:
        return f"{self.target} {self.number} ({self.file}, {len(self.data)} bytes): {self.why}\n{self.where}".rstrip()


def made(target: Target, seed: int, number: int) -> tuple[str, bytes]:
    """Which file an input spoils, and its content: by seed, target and number alone."""
    rng = random.Random(f"{seed}/{target.name}/{number}")
    name = rng.choice(target.spoilt)
    return name, spoilt(rng, target.files[name], tuple(target.files[other] for other in target.spoilt))


def run(target: Target, folder: Path, seed: int, numbers: range, position: Path | None = None
        ) -> Iterator[tuple[int, float, Failure | None]]:
    """Of each input its number, seconds, and what was wrong with what it did. position: a file that says which is read,
    for who finds this process gone."""
    shutil.rmtree(folder, ignore_errors=True)
    target.write(folder)
    with contextlib.suppress(InputError):  # that what is not spoilt is read is a test of its own
        target.read(folder)  # what is imported at the first call is not counted
    signal.signal(signal.SIGALRM, _over)
    _settle()
    for number in numbers:
        name, data = made(target, seed, number)
        (folder / name).write_bytes(data)
        if position:
            position.write_text(f"{target.name}\t{number}", encoding="utf-8")
            faulthandler.dump_traceback_later(12 * SECONDS, exit=True)
        begun = time.process_time()
        why, where = _wrong(target, folder)
        seconds = time.process_time() - begun
        faulthandler.cancel_dump_traceback_later()
        (folder / name).write_bytes(target.files[name])
        if not why and seconds > SECONDS:
            why = f"took {seconds:.1f} s"
        yield number, seconds, Failure(target.name, number, name, why, where, data) if why else None


def _over(number, frame):
    raise TooLong


def _wrong(target: Target, folder: Path) -> tuple[str, str]:
    """What was wrong with one reading, and where; empty where nothing was."""
    before, wrong, where = _resident(peak=False), "", ""
    signal.setitimer(signal.ITIMER_REAL, 4 * SECONDS)  # of the machine's time, which others share
    try:
        target.read(folder)
    except InputError as error:
        wrong = _message(str(error))
    except TooLong:
        wrong, where = f"not done in {4 * SECONDS:.0f} s", traceback.format_exc()
    except (Exception, SystemExit) as error:
        wrong, where = f"{type(error).__name__}: {str(error)[:200]}", traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    more = _resident(peak=True) - before
    if more > BYTES:
        _settle()
        wrong = wrong or f"took {more / 1e9:.1f} GB"
    return wrong, where


def _message(text: str) -> str:
    """What is wrong with what a user is told: it is one line, and nothing in it acts on a terminal."""
    if "\n" in text or "\r" in text:
        return f"says more than a line: {text[:300]!r}"
    if any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in text):
        return f"says control characters: {text[:300]!r}"
    if any(0xD800 <= ord(letter) < 0xE000 for letter in text):
        return f"says what cannot be written: {text[:300]!r}"
    return f"says {len(text)} letters" if len(text) > LINE else ""


def _resident(peak: bool) -> int:
    """Bytes of memory: the most since `_settle`, or now."""
    if peak:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def _settle() -> None:
    """Gives memory back, and lets the peak be counted anew."""
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
