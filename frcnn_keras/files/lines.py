"""Files of JSON lines that grow: each line is with the system when it is written, so that a kill leaves whole ones."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from frcnn_keras.errors import InputError
from frcnn_keras.files.whole import flush


class Lines:
    """`with Lines(path) as lines: lines.write(value)`: a new file in place of what is there.

    go_on: behind the lines that are there, of which one that was cut off goes.
    """

    def __init__(self, path: str | os.PathLike, go_on: bool = False):
        self.path = Path(path)
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | (0 if go_on else os.O_TRUNC), 0o666)
            self._end = _whole_end(self.path) if go_on else 0
            os.ftruncate(self._file, self._end)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, kind, error, trace) -> None:
        self.close()

    def close(self) -> None:
        """What was written is on the disk, not only with the system."""
        os.close(self._file)
        flush(self.path)

    def write(self, value: Any) -> str:
        """Appends a line, and gives it back. InputError: the disk is full; the lines before it are whole."""
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        data = f"{text}\n".encode()
        left = data
        try:
            while left:  # in one piece, if the disk is not full
                left = left[os.write(self._file, left):]
        except OSError as error:
            os.ftruncate(self._file, self._end)
            raise _unwritable(self.path, error) from error
        self._end += len(data)
        return text


def read_lines(path: str | os.PathLike) -> Iterator[Any]:
    """The values of a file of JSON lines, one by one; what was cut off at its end is none.

    Raises:
        InputError: the file cannot be read, or a line is no JSON.
    """
    number = 0
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if line.endswith(b"\n") and line.strip():
                    yield json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: line {number} is no JSON; remove it, or move the file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def _whole_end(path: Path) -> int:
    """Where the last whole line ends."""
    with open(path, "rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - 65536)
            file.seek(start)
            place = file.read(end - start).rfind(b"\n")
            if place >= 0:
                return start + place + 1
            end = start
    return 0


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path}: cannot be written ({error.strerror}); check the folder and the disk")
