"""A kill before the n-th change of the disk: every function that makes, writes, renames or removes is counted.

The kill is an exception that no handler catches by name, and while it travels every other change of the disk fails too:
`finally` blocks, which a real kill does not run, change nothing either.
"""

import builtins
import contextlib
import io
import os
import shutil

NAMES = ("replace", "rename", "mkdir", "unlink", "remove", "rmdir", "fsync", "symlink", "link", "truncate")


class Killed(BaseException):
    """Stands for the end of the process."""


@contextlib.contextmanager
def counted(point=None):
    """Counts changes of the disk in this process; the one of number `point`, and all after it, do not happen."""
    state = {"count": 0, "dead": False}
    real = {name: getattr(os, name) for name in NAMES}
    real_open, real_io_open, real_rmtree, real_os_open = builtins.open, io.open, shutil.rmtree, os.open

    def step():
        if state["dead"] or state["count"] == point:
            state["dead"] = True
            raise Killed
        state["count"] += 1

    def before(function):
        def call(*values, **settings):
            step()
            return function(*values, **settings)
        return call

    def opened(function):
        def call(file, mode="r", *values, **settings):
            if set(mode) & set("wax+"):
                step()
            return function(file, mode, *values, **settings)
        return call

    def os_open(path, flags, *values, **settings):
        if flags & (os.O_WRONLY | os.O_CREAT):
            step()
        return real_os_open(path, flags, *values, **settings)

    def rmtree(path, ignore_errors=False, **settings):
        """One file after the other, each of which may be the last."""
        if not os.path.isdir(path):
            return
        for parent, folders, names in os.walk(path, topdown=False):
            for name in names:
                os.unlink(os.path.join(parent, name))
            for name in folders:
                os.rmdir(os.path.join(parent, name))
        os.rmdir(path)

    for name, function in real.items():
        setattr(os, name, before(function))
    builtins.open, io.open, shutil.rmtree, os.open = opened(real_open), opened(real_io_open), rmtree, os_open
    try:
        yield state
    finally:
        for name, function in real.items():
            setattr(os, name, function)
        builtins.open, io.open, shutil.rmtree, os.open = real_open, real_io_open, real_rmtree, real_os_open


@contextlib.contextmanager
def killed_at(point):
    """The block is killed before its change of the disk of that number, counted from 0."""
    with counted(point):
        yield


def operations_of(function) -> int:
    """How many changes of the disk a call makes."""
    with counted() as state:
        function()
    return state["count"]
