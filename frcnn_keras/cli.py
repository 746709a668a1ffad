"""What every command shares: --config, --debug, exit codes, one-line errors, and a quiet TensorFlow."""

import argparse
import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Callable

from frcnn_keras import flags
from frcnn_keras.errors import InputError

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130


def parser(command: str, description: str, epilog: str = "") -> argparse.ArgumentParser:
    """An argument parser with the flags that every command has."""
    made = argparse.ArgumentParser(prog=command, description=description, epilog=epilog, allow_abbrev=False,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--config", metavar="FILE", help="TOML file of these settings; flags win over it")
    made.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return made


def run(made: argparse.ArgumentParser, main: Callable, argv=None, table: str = "",
        derive: Callable | None = None) -> int:
    """Parses `argv`, calls `main(args)` and returns the exit code.

    0 done, 1 failed, 2 usage, config or data at fault, 130 interrupted. `table`: the name of the command's table in
    a TOML file (the last word of its name by default). `derive(made, argv)` may change defaults after the TOML file
    has.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    name = made.prog.split()[-1]
    debug = "--debug" in argv
    try:
        first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        first.add_argument("--config")
        toml = first.parse_known_args(argv)[0].config
        if toml:
            flags.apply_toml(made, toml, table or name)
        if derive:
            derive(made, argv)
        args = made.parse_args(argv)
        return main(args) or 0
    except KeyboardInterrupt:
        print(f"\n{name}: interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # every other failure ends as one line
        if debug:
            traceback.print_exc()
        return _report(name, error)


def _report(name: str, error: Exception) -> int:
    """Prints an error as one line; returns the exit code that fits it."""
    line = " ".join(str(error).split())
    full = [os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT)]
    if any(text in line for text in full) and not isinstance(error, InputError):  # TensorFlow's errors have no errno
        print(f"{name}: error: the disk is full ({getattr(error, 'filename', None) or line[:200]}); free space, then "
              "run the same command again: it goes on from here", file=sys.stderr)
        return BAD_INPUT
    if isinstance(error, InputError):
        print(f"{name}: error: {line}", file=sys.stderr)
        return BAD_INPUT
    print(f"{name}: failed: {type(error).__name__}: {line[:500]} (--debug shows where)", file=sys.stderr)
    return FAILED


def say(text: str) -> None:
    """A line of progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


def print_numbers(found: dict[str, float]) -> None:
    """A training's last numbers, on stdout: one line."""
    print("  ".join(f"{name} {value:.4f}" for name, value in found.items()))


@contextlib.contextmanager
def _silent_stderr():
    """Points file descriptor 2 at nothing: TensorFlow's C++ logs start-up lines there whatever its log level is."""
    sys.stderr.flush()
    saved = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nothing)


def add_strategy_argument(made: argparse.ArgumentParser) -> None:
    """Adds --strategy, for distribution.start."""
    made.add_argument("--strategy", default="none", choices=("none", "mirrored", "multiworker"),
                      help="devices that share every step's images: none "
                      "(one), mirrored (all GPUs of this machine), multiworker (machines by TF_CONFIG; "
                      "docs/distributed.md); the result is the same (default none)")


def start_tensorflow(one_thread_an_op: bool = False, devices: bool = True) -> None:
    """Imports TensorFlow without its start-up lines. Call it before the first module that imports it.

    one_thread_an_op: for stages that work on several images at a time; without it two images' operations compete
    for the same threads. devices: start them too; a cluster must be joined before.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors reach Python as exceptions anyway
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with _silent_stderr():
        import tensorflow as tf

        accelerated = bool(tf.config.list_physical_devices("GPU"))
        if one_thread_an_op and not accelerated:
            with contextlib.suppress(RuntimeError):  # a program that has used TensorFlow already keeps its threads
                tf.config.threading.set_intra_op_parallelism_threads(1)
        if devices:
            tf.zeros(())  # starts the devices, which log as well
