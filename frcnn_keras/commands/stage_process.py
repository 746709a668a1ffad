"""A stage as a process of its own, started by a command that runs several."""

import subprocess
import sys

from frcnn_keras.errors import command
from frcnn_keras.progress import say


def run_stage(arguments: list[str]) -> int:
    """Prints one stage's command, runs it as a process of its own and returns its exit code.

    arguments: the command's name, then its flags.
    """
    name, *flags = arguments
    say(f"\n$ {command(name)} {' '.join(flags)}")
    return subprocess.run([sys.executable, "-m", "frcnn_keras", *arguments], check=False).returncode
