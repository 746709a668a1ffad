"""Seconds by part of a program's work."""

import contextlib
import contextvars
import time
from collections.abc import Iterator


class Timings:
    """Where the seconds of a block went: every one counts for one part, the innermost that it fell in.

    >>> with Timings("other") as timings:
    ...     with timed("backbone"):
    ...         run_backbone()
    >>> timings.seconds
    {"other": 0.1, "backbone": 12.3}

    Work on other threads counts for the part that waits for it.
    """

    def __init__(self, rest: str, begun: float | None = None):
        """rest: the part of the seconds that fall in no other. begun: of time.monotonic, when they began to count; on
        entering by default."""
        self.seconds: dict[str, float] = {rest: 0.0}
        self._open, self._since = [rest], begun
        self._token: contextvars.Token | None = None

    def __enter__(self):
        self._since = time.monotonic() if self._since is None else self._since
        self._token = _CURRENT.set(self)
        return self

    def __exit__(self, kind, error, trace):
        self._count()
        _CURRENT.reset(self._token)

    @property
    def total(self) -> float:
        """All seconds."""
        return sum(self.seconds.values())

    def enter(self, part: str) -> None:
        """From now on seconds count for `part`, until it is left."""
        self._count()
        self._open.append(part)

    def leave(self) -> None:
        """From now on they count again for the part around it."""
        self._count()
        self._open.pop()

    def _count(self) -> None:
        now = time.monotonic()
        part = self._open[-1]
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self._since
        self._since = now


_CURRENT: contextvars.ContextVar[Timings | None] = contextvars.ContextVar("timings", default=None)


@contextlib.contextmanager
def timed(part: str) -> Iterator[None]:
    """Counts a block's seconds for `part`, where someone counts; also as a decorator."""
    timings = _CURRENT.get()
    if timings is None:
        yield
        return
    timings.enter(part)
    try:
        yield
    finally:
        timings.leave()
