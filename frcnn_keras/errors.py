"""The one exception that means: the input is at fault, not the program; and what its line is made of."""

import sys
from pathlib import Path


class InputError(ValueError):
    """Bad data, configuration or usage.

    The message is one line: what is wrong, in which file (and line or object), and what to do. Commands print it
    without a traceback and end with exit code 2.
    """


def one_line(error: Exception, limit: int = 200) -> str:
    """An error's message without line breaks, cut to `limit` characters; its type's name where it has none."""
    return " ".join(str(error).split())[:limit].rstrip(" .") or type(error).__name__


def command(name: str) -> str:
    """How a command of this package is spelled to who reads a message: as this process was started, `frcnn NAME`, else
    `python -m frcnn_keras NAME`, which works in a checkout and where the package is installed."""
    return f"frcnn {name}" if Path(sys.argv[0]).stem == "frcnn" else f"python -m frcnn_keras {name}"
