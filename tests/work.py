"""How much a function does, counted and not timed: the same on a busy machine."""

import sys


def calls_of(function):
    """How many calls of functions, Python's and C's, a call makes in this thread."""
    count, before = 0, sys.getprofile()

    def profile(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count
