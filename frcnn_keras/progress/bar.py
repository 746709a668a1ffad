"""A bar of how far, how fast, how long still, on stderr: redrawn on a terminal and in a notebook, else in lines."""

import importlib.util
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from frcnn_keras.progress.lines import clock
from frcnn_keras.progress.pace import Pace

T = TypeVar("T")
EVERY = 10.0  # seconds between two lines in a log file
BAR = 20  # letters of the bar there


class Progress:
    """`with Progress("features", 584, "images") as bar: bar.advance()`.

    On a terminal and in a notebook one line is redrawn, as wide as there is room; elsewhere (a log file) a line is
    printed every ten seconds. `start` counts what an earlier run had done: it shows in the share, not in the rate.
    """

    def __init__(self, title: str, total: int | None, unit: str, start: int = 0, stream=None,
                 transient: bool = False):
        """total: None where nobody knows it. transient: leaves nothing behind: who counts says in a line of its own
        what came of it."""
        self.title, self.unit, self.transient, self.note = title, unit, transient, ""
        self.pace = Pace(total, start)
        self.stream = stream or sys.stderr
        self.shown = time.monotonic()
        self.live = _live(self)

    def __enter__(self):
        if self.live:
            self.live.start()
        return self

    def __exit__(self, kind, error, trace):
        if self.live:
            self.live.update(0, completed=self.done, state=self.state(), refresh=True)
            self.live.stop()
        elif not self.transient or error:
            self._print()

    @property
    def done(self) -> int:
        """How many are done."""
        return self.pace.done

    @property
    def total(self) -> int | None:
        """How many there are; None where nobody knows."""
        return self.pace.total

    def advance(self, count: int = 1, note: str | None = None) -> None:
        """Counts `count` more as done; `note` stands behind the numbers (a loss)."""
        self.pace.advance(count)
        self.note = self.note if note is None else note
        if self.live:
            self.live.update(0, completed=self.done, state=self.state())
        elif time.monotonic() - self.shown >= EVERY:
            self._print()

    def state(self) -> str:
        """What stands behind the bar: count, rate, time left, note."""
        pace = self.pace
        rate = "" if pace.rate is None else f", {pace.rate:.1f}/s"
        if self.total is None:
            return f"{self.done} {self.unit}{rate}  {self.note}".rstrip()
        if self.done >= self.total:
            ending = f", took {clock(pace.spent)}"
        else:
            ending = "" if pace.left is None else f", left {clock(pace.left)}"
        return f"{self.done}/{self.total} {self.unit}{rate}{ending}  {self.note}".rstrip()

    def line(self) -> str:
        """The line as a log file has it now."""
        if self.total is None:
            return f"{self.title} {self.state()}"
        filled = BAR * self.done // max(self.total, 1)
        return f"{self.title} [{'#' * filled}{'.' * (BAR - filled)}] {self.state()}"

    def _print(self) -> None:
        self.shown = time.monotonic()
        print(self.line(), file=self.stream, flush=True)


def tracked(items: Iterable[T], title: str, total: int, unit: str) -> Iterator[T]:
    """The items, counted by a bar that goes when they end."""
    with Progress(title, total, unit, transient=True) as bar:
        for item in items:
            yield item
            bar.advance()


def _live(bar: Progress):
    """The rich.progress.Progress that draws a bar; None where lines are printed."""
    notebook = "IPython" in sys.modules and importlib.util.find_spec("ipywidgets") is not None
    if not (bar.stream.isatty() or notebook):
        return None
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as RichProgress
    from rich.table import Column

    console = Console(file=bar.stream, soft_wrap=True)
    if console.is_dumb_terminal or not (console.is_terminal or console.is_jupyter):
        return None
    narrow = dict(no_wrap=True, overflow="ellipsis")
    live = RichProgress(
        TextColumn("{task.description}", table_column=Column(**narrow), markup=False),
        BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=6)),
        TextColumn("{task.fields[state]}", table_column=Column(**narrow), markup=False),
        console=console, transient=bar.transient, expand=True, redirect_stdout=False)
    live.add_task(bar.title, total=bar.total, completed=bar.done, state=bar.state())
    return live
