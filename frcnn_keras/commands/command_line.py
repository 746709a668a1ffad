"""What every command shares: --config, --debug, exit codes and one-line errors."""

import argparse
import errno
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from frcnn_keras.commands import flags
from frcnn_keras.commands.flag_types import device
from frcnn_keras.commands.help_text import seldom
from frcnn_keras.errors import InputError, command
from frcnn_keras.progress import say
from frcnn_keras.runtime import start_tensorflow

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130


def parser(name: str, description: str, epilog: str = "", program: str = "") -> argparse.ArgumentParser:
    """An argument parser with the flags that every command has.

    name: of the command. epilog: in it {frcnn} stands for how the package's commands are called. program: how a program
    that is no command of the package is called.
    """
    command_parser = flags.Parser(prog=program or command(name), description=description, allow_abbrev=False,
                                  epilog=epilog.replace("{frcnn}", command("").rstrip()),
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    command_parser.add_argument("--config", metavar="FILE", help="TOML file of these settings; flags win over it")
    seldom(command_parser.add_argument("--device", type=device, metavar="cpu|gpu:N", help="what computes (default: a "
                                       "GPU where TensorFlow sees one)"))
    command_parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return command_parser


def run(parser: argparse.ArgumentParser, main: Callable, argv=None, derive: Callable | None = None) -> int:
    """Parses `argv`, calls `main(args)` and returns the exit code.

    0 done, 1 failed, 2 usage, config or data at fault, 130 interrupted. `derive(parser, argv)` may change defaults
    after the TOML file has.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    name = parser.prog.split()[-1]
    debug = "--debug" in argv
    try:
        first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        first.add_argument("--config")
        toml = first.parse_known_args(argv)[0].config
        if toml:
            flags.apply_toml(parser, toml, name)
        if derive:
            derive(parser, argv)
        args = parser.parse_args(argv)
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


def print_last(history: dict[str, list[float]]) -> None:
    """The numbers of a training's last epoch, on stdout: one line."""
    print("  ".join(f"{name} {values[-1]:.4f}" for name, values in history.items()))


def say_next(*commands: Sequence[str]) -> None:
    """The commands that go on from here, each its name and its flags, on stderr."""
    for number, (name, *arguments) in enumerate(commands):
        say(f"{'' if number else 'next:':5} {command(name)} {shlex.join(arguments)}")


def with_detector(run: str | Path) -> list[list[str]]:
    """What is done with a run's detector, for `say_next`."""
    return [["evaluate", "--run", str(run), "--voc", "DIR", "--split", "test"],
            ["predict", "--run", str(run), "--images", "FOLDER", "--out", str(Path(run) / "drawn")],
            ["export", "--run", str(run), "--out", str(Path("work", "serving", Path(run).name))]]


def start_devices(args: argparse.Namespace):
    """Starts TensorFlow with the devices of --device and --strategy; the training.distribution.Distribution of a
    training."""
    start_tensorflow(args.device, devices=False)  # a cluster must be joined before devices start
    from frcnn_keras.training.distribution import start

    distribution = start(args.strategy)
    start_tensorflow(args.device)
    return distribution


def add_strategy_argument(parser: argparse.ArgumentParser) -> None:
    """Adds --strategy, for distribution.start."""
    seldom(parser.add_argument("--strategy", default="none", choices=("none", "mirrored", "multiworker"),
                               help="devices that share every step's images: none (one), mirrored (all GPUs of this "
                               "machine), multiworker (machines by TF_CONFIG; docs/distributed.md); the result is the "
                               "same (default none)"))
