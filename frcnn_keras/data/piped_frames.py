"""Frames from standard input: pictures one after another, or the bytes of a video file."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from frcnn_keras.data.picture_stream import Bytes, pictures_in
from frcnn_keras.data.video import Frame, Video
from frcnn_keras.data.video_kinds import video_suffix
from frcnn_keras.errors import InputError

STDIN = "-"


class Piped:
    """As `video.Video`, of what a program sends: JPEG, PNG, BMP or WebP files one after another, in which each is a
    frame; or one video file, which is written to a temporary one first, as its index may stand at its end."""

    fps: float | None = None
    count: int | None = None

    def __init__(self, every: int = 1, file: BinaryIO | None = None):
        """file: standard input by default. InputError: nothing comes."""
        if every < 1:
            raise InputError(f"every must be at least 1; received: {every}")
        self.every, self.name, self.source = every, "stdin", STDIN
        # the raw one: Python ends by a crash where a thread that is left waits inside a buffered one
        self._file = file or getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
        self._stream = Bytes(self._file, self.name)
        if not self._stream.fill(1):
            raise InputError("stdin: nothing came; pipe pictures into it, as ffmpeg -i CLIP -f mjpeg - does")
        self._stream.fill(16)
        self._suffix = video_suffix(bytes(self._stream.data[:16]))

    def __iter__(self) -> Iterator[Frame]:
        if not self._suffix:
            for number, encoded in enumerate(pictures_in(self._stream)):
                if number % self.every == 0:
                    yield Frame(number, None, encoded)
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"stdin{self._suffix}")
            with open(path, "wb") as copy:
                copy.write(self._stream.take(len(self._stream.data)))
                shutil.copyfileobj(self._file, copy)
            video = Video(path, self.every, self.name)
            self.fps, self.count = video.fps, video.count
            yield from video


def open_frames(source: str | os.PathLike, every: int = 1) -> Video | Piped:
    """What gives the frames of a video file, a stream, a camera or (`-`) standard input. See `Video` for errors."""
    return Piped(every) if os.fspath(source) == STDIN else Video(source, every)
