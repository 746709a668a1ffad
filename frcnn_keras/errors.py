"""The one exception that means: the input is at fault, not the program; and what its line is made of."""

import functools
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
_LONGEST = 1500  # letters of a message; the ninety names of COCO's classes have 700
_BREAKS = re.compile(r"[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")


class InputError(ValueError):
    """Bad data, configuration or usage.

    The message is one line: what is wrong, in which file (and line or object), and what to do. Commands print it
    without a traceback and end with exit code 2. Whatever a file put into it, a terminal has nothing to act on: breaks
    are blanks, and what else is not printed stands there as its escape. A line without end loses its middle.
    """

    def __init__(self, message: str):
        line = printable(_BREAKS.sub(" ", str(message)))
        super().__init__(line if len(line) <= _LONGEST else f"{line[:_LONGEST - 505]} ... {line[-500:]}")


def in_words(words: Callable[[str], str]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorates a function whose InputErrors are to say words(message)."""
    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except InputError as error:
                raise InputError(words(str(error))) from error

        return called

    return decorate


def one_line(error: Exception, limit: int = 200) -> str:
    """An error's message without line breaks, cut to `limit` characters; its type's name where it has none."""
    return " ".join(str(error).split())[:limit].rstrip(" .") or type(error).__name__


def printable(text: str) -> str:
    """`text` with every character that a terminal would not print (control characters, halves of surrogate pairs, of
    which names that are no UTF-8 are made) as its escape: one line, whatever stands in it."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def command(name: str) -> str:
    """How a command of this package is spelled to who reads a message: as this process was started, `frcnn NAME`, else
    `python -m frcnn_keras NAME`, which works in a checkout and where the package is installed."""
    return f"frcnn {name}" if Path(sys.argv[0]).stem == "frcnn" else f"python -m frcnn_keras {name}"
