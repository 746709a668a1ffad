"""Work on many items: done a few ahead of who reads them; and what a user sees of it, on stderr: lines, and a bar of
how far, how fast, how long still."""

import concurrent.futures
import itertools
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

WORKERS = os.cpu_count() or 1


def say(text: str) -> None:
    """A line of progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """`75.2` -> `1:15`; an hour and more as `1:02:03`."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Progress:
    """`with Progress("features", 584, "images") as bar: bar.advance()`.

    On a terminal one line is redrawn ten times a second; elsewhere (a log file) a line is printed every ten seconds.
    `start` counts what an earlier run had done: it shows in the share, not in the rate.
    """

    def __init__(self, title: str, total: int, unit: str, start: int = 0, stream=None):
        self.title, self.total, self.unit, self.done, self.start = title, total, unit, start, start
        self.stream = stream or sys.stderr
        self.terminal = self.stream.isatty()
        self.begun = self.shown = time.monotonic()
        self.note = ""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self._show(end="\n")

    def advance(self, count: int = 1, note: str | None = None) -> None:
        """Counts `count` more as done; `note` stands behind the numbers (a loss)."""
        self.done += count
        self.note = self.note if note is None else note
        if time.monotonic() - self.shown >= (0.1 if self.terminal else 10.0):
            self._show(end="" if self.terminal else "\n")

    def line(self) -> str:
        """The line as it reads now."""
        spent = time.monotonic() - self.begun
        rate = (self.done - self.start) / spent if spent > 0 else 0.0
        left = (self.total - self.done) / rate if rate > 0 else 0.0
        filled = 20 * self.done // max(self.total, 1)
        ending = f"left {clock(left)}" if self.done < self.total else f"took {clock(spent)}"
        bar = "#" * filled + "." * (20 - filled)
        share = f"{self.title} [{bar}] {self.done}/{self.total} {self.unit}"
        return f"{share}, {rate:.1f}/s, {ending}  {self.note}".rstrip()

    def _show(self, end: str) -> None:
        self.shown = time.monotonic()
        start = "\r\x1b[K" if self.terminal else ""
        print(f"{start}{self.line()}", end=end, file=self.stream, flush=True)


def ahead(work: Callable, items: Iterable, workers: int = WORKERS) -> Iterator:
    """Yields work(item) for every item, in order; at most twice `workers` results wait, so memory stays flat.

    TensorFlow releases Python's lock while it computes, so threads do; two images at a time, each on one core, are
    quicker than one image on two (measured: 28 ms an image against 36).
    """
    items = iter(items)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        waiting = deque(pool.submit(work, item) for item in itertools.islice(items, 2 * workers))
        try:
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(work, item) for item in itertools.islice(items, 1))
                yield result
        finally:
            for future in waiting:
                future.cancel()
