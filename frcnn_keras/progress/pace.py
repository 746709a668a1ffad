"""How fast work goes, and how long it still takes."""

import time

SETTLED = 1.0  # seconds behind the first item, before which nothing is said of the rest


class Pace:
    """The rate of a count that goes on from `start` to `total`; None where nobody knows how many there will be.

    What is done first takes longer than the rest: TensorFlow traces a graph for it. It counts neither in the rate nor
    in the time left (with it, an epoch of half a minute began with two hours left).
    """

    def __init__(self, total: int | None, start: int = 0):
        self.total, self.done = total, start
        self.begun = time.monotonic()
        self._first: tuple[float, int] | None = None  # when the first items were done, and how many were then

    def advance(self, count: int) -> None:
        """Counts `count` more as done."""
        self.done += count
        if self._first is None:
            self._first = time.monotonic(), self.done

    @property
    def spent(self) -> float:
        """Seconds since the beginning, the first item's among them."""
        return time.monotonic() - self.begun

    @property
    def rate(self) -> float | None:
        """Items a second; None while too little is known."""
        if self._first is None:
            return None
        then, done = self._first
        seconds = time.monotonic() - then
        return (self.done - done) / seconds if seconds >= SETTLED and self.done > done else None

    @property
    def left(self) -> float | None:
        """Seconds to the end; None while too little is known."""
        rate = self.rate
        return (self.total - self.done) / rate if rate and self.total is not None else None
