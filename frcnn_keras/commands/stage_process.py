"""A stage as a process of its own, started by a command that runs several."""

import os
import subprocess
import sys
from pathlib import Path

from frcnn_keras import cli


def run_stage(command: list[str]) -> int:
    """Prints one stage's command, runs it as a process of its own and returns its exit code.

    command: the module, then its flags; a command of the package is the first of these.
    """
    module, *flags = command
    shown = f"python {module}.py" if module.startswith("train_") else f"python -m {module}"
    cli.say(f"\n$ {shown} {' '.join(flags)}")
    root = str(Path(__file__).resolve().parents[2])  # the stages' scripts lie beside the package
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}
    return subprocess.run([sys.executable, "-m", module, *flags], env=environment, check=False).returncode
