"""What stands for a fold's training in a process of its own."""

import dataclasses
import os
import signal
import sys
import time
from pathlib import Path

from frcnn_keras.crossval.beside import train_beside
from frcnn_keras.errors import InputError


@dataclasses.dataclass(frozen=True)
class Noted:
    """Writes its process and that process's threads into a file, after the others have begun."""

    file: Path
    together: int  # how many must have begun

    def train_alone(self):
        """Waits for the others: one after another would never end."""
        import tensorflow as tf

        self.file.write_text(f"{os.getpid()} {tf.config.threading.get_intra_op_parallelism_threads()}")
        print("nobody reads this")
        print("nor this", file=sys.stderr)
        end = time.monotonic() + 60
        while len(list(self.file.parent.glob("*.txt"))) < self.together:
            if time.monotonic() > end:
                raise TimeoutError("the others have not begun")
            time.sleep(0.05)


@dataclasses.dataclass(frozen=True)
class Refused:
    def train_alone(self):
        raise InputError("fold.tfrecord: damaged; make it anew")


@dataclasses.dataclass(frozen=True)
class Killed:
    def train_alone(self):
        os.kill(os.getpid(), signal.SIGKILL)


@dataclasses.dataclass(frozen=True)
class Endless:
    file: Path

    def train_alone(self):
        """Until the process ends."""
        self.file.write_text(str(os.getpid()))
        time.sleep(600)


if __name__ == "__main__":
    train_beside([Endless(Path(sys.argv[1]))], 2)
