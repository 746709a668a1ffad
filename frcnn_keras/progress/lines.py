"""Lines of progress, on stderr."""

import sys


def say(text: str) -> None:
    """A line, above the bar where there is one."""
    print(text, file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """`75.2` -> `1:15`; an hour and more as `1:02:03`."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
