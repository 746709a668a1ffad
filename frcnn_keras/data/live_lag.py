"""How far behind a live stream its reader is: frames wait in buffers, and what is found would be ever older."""

import time
from collections.abc import Callable

MOST = 1.0  # seconds behind, from which frames are passed over
_BREAK = 10.0  # seconds between two stamps, from which they count as begun anew
_PATIENCE = 5.0  # seconds of passing over, after which the stamps are not believed: the sender's clock is slow


class LiveLag:
    """`lag.behind(stamp)` of every frame, in order."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._last: float | None = None  # stamp
        self._least = 0.0  # of the clock less the stamp: of the frame that waited least
        self._since: float | None = None  # by the clock, when passing over began

    def behind(self, stamp: float) -> bool:
        """Whether a frame comes too late to be looked at. stamp: when it was shown, in seconds from any moment."""
        now = self._clock()
        if self._last is None or not 0 < stamp - self._last <= _BREAK:
            self._least = now - stamp
        self._last = stamp
        self._least = min(self._least, now - stamp)
        if now - stamp - self._least <= MOST:
            self._since = None
            return False
        self._since = now if self._since is None else self._since
        if now - self._since > _PATIENCE:
            self._least, self._since = now - stamp, None
        return self._since is not None
