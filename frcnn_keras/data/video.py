"""Frames of videos, streams and cameras, by OpenCV; of cameras that send MJPEG over HTTP as they were sent."""

import math
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from frcnn_keras.data.http_answers import Fetched, answered
from frcnn_keras.data.live_lag import LiveLag
from frcnn_keras.data.video_kinds import VIDEO_SUFFIXES, is_cut_off
from frcnn_keras.errors import InputError

_CAMERA = "camera:"
_STREAM = re.compile(r"[a-z][a-z0-9+.-]+://", re.I)  # not a disk's letter
_SENT_LIVE = ("rtsp:", "rtsps:", "rtmp:", "rtmps:", "udp:", "rtp:", "srt:")  # whoever is slow must pass frames over
_PATIENCE = 20_000  # milliseconds that a stream may take to open, and for a frame
_QUIET = "OPENCV_FFMPEG_LOGLEVEL"  # read when FFmpeg starts; it would write lines of its own for every damaged packet
_SLACK = 0.02  # of a video's frames and seconds that may be missing: headers round, and estimate


class Frame(NamedTuple):
    """One frame that is looked at."""

    number: int  # from 0, of all frames, those passed over too
    seconds: float | None  # from the video's beginning, or from a camera's first frame; None where nothing says it
    image: Any  # (H, W, 3) uint8 RGB, upright; or the encoded picture that was sent


def is_stream(source: str | os.PathLike) -> bool:
    """Whether a source is an address or a camera, and no file."""
    text = os.fspath(source)
    return bool(_STREAM.match(text)) or text.startswith(_CAMERA)


def is_video(source: str | os.PathLike) -> bool:
    """Whether a source is a video file by its suffix, a stream or a camera."""
    return is_stream(source) or os.fspath(source).lower().endswith(VIDEO_SUFFIXES)


def shown_source(source: str | os.PathLike) -> str:
    """A source as messages and results call it: without the password of a camera."""
    return re.sub(r"(?<=://)([^/@:]*):[^/@]*@", r"\1:***@", os.fspath(source))


class Video:
    """`for frame in Video("clip.mp4", every=2)`: every second frame. To be gone through once.

    source: a file, `rtsp://...` or another address, or `camera:0`. Phones' videos are turned upright as their metadata
    says. `fps` and `count`: frames a second and how many there are, all of them; None where nothing says it.

    Raises:
        InputError: there is no such video, or it cannot be opened; while frames are read: it breaks off.
    """

    def __init__(self, source: str | os.PathLike, every: int = 1, name: str = ""):
        """name: what messages call it, where that is not its source."""
        if every < 1:
            raise InputError(f"every must be at least 1; received: {every}")
        self.source, self.every, self.name = os.fspath(source), every, name or shown_source(source)
        self.fps: float | None = None
        self.count: int | None = None
        # a camera's frames are told by when they come
        self._live = self.source.startswith(_CAMERA)
        given = answered(self.source, self.name) if self.source.lower().startswith(("http:", "https:")) else None
        self._fetched = given if isinstance(given, Fetched) else None
        self._sent = given if not isinstance(given, Fetched) else None
        # what is a file here; None of a stream
        self._file = self._fetched.path if self._fetched else None if is_stream(source) else Path(source)
        self._capture = None if self._sent is not None else self._opened()
        if self._capture is not None:
            fps, count = (self._capture.get(key) for key in (cv2.CAP_PROP_FPS, cv2.CAP_PROP_FRAME_COUNT))
            self.fps = fps if math.isfinite(fps) and 0 < fps <= 1000 else None
            self.count = int(count) if 0 < count < 1e9 and not self._live else None

    def __iter__(self) -> Iterator[Frame]:
        if self._sent is not None:
            yield from self._as_sent()
            return
        try:
            yield from self._read()
        finally:
            self._capture.release()

    def _opened(self) -> cv2.VideoCapture:
        os.environ.setdefault(_QUIET, "-8")
        if self._live:
            place = self.source.removeprefix(_CAMERA)
            with _silent():
                capture = cv2.VideoCapture(int(place) if place.isdecimal() and len(place) < 6 else place)
        else:
            if self._file:
                _require_file(self._file, self.name)
            with _silent():
                capture = cv2.VideoCapture(os.fspath(self._file or self.source), cv2.CAP_FFMPEG, [
                    cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _PATIENCE, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _PATIENCE])
        if not capture.isOpened():
            raise InputError(f"{self.name}: cannot be opened {self._why()}")
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        return capture

    def _why(self) -> str:
        if self._live:
            return "as a camera; is it there, and free? cameras are counted from camera:0"
        if not self._file:
            return "as a stream; check the address, and that the network reaches it"
        return ("as a video: it is cut off before its index; copy or download it again" if is_cut_off(self._file) else
                "as a video; convert it, as with ffmpeg -i IN OUT.mp4")

    def _read(self) -> Iterator[Frame]:
        number, seconds, begun, gap = 0, 0.0, None, 0.0
        lag = LiveLag() if self.source.lower().startswith(_SENT_LIVE) else None
        while self._grab():
            begun = time.monotonic() if begun is None else begun
            last, seconds = seconds, self._seconds(number, seconds, begun)
            gap = seconds - last
            late = lag is not None and lag.behind(seconds)
            if number % self.every == 0 and not late:
                whole, image = self._capture.retrieve()
                if whole and image is not None:
                    yield Frame(number, round(seconds, 3), _rgb(image))
                    del image
            number += 1
        self._check_end(number, seconds + gap)

    def _grab(self) -> bool:
        with _silent():
            return self._capture.grab()

    def _seconds(self, number: int, last: float, begun: float) -> float:
        """When the frame is shown that was grabbed."""
        if self._live:
            return time.monotonic() - begun
        stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if math.isfinite(stamp) and (stamp > last or number == 0):
            return max(stamp, 0.0)
        return max(last, number / self.fps) if self.fps else last  # of a bare stream, which has no stamps

    def _check_end(self, read: int, seconds: float) -> None:
        """InputError where the frames ended before the video does."""
        if not read:
            raise InputError(f"{self.name}: holds no frame that can be decoded; " + (
                "it is cut off: copy or download it again" if self._file and is_cut_off(self._file) else
                "convert it, as with ffmpeg -i IN OUT.mp4"))
        told = f"{self.name}: broke off behind frame {read - 1} ({seconds:.1f} s)"
        if not self._file and self.count is None:
            raise InputError(f"{told}: no frame comes any more; start again when it sends")
        if self.count is not None:
            # both, as a picture that stands still at the end may be one frame, and headers without a count guess one
            short = self.count - read > max(1.0, _SLACK * self.count)
            late = self.fps is None or self.count / self.fps - seconds > max(1.5 / self.fps, _SLACK * seconds)
            if short and late:
                raise InputError(f"{told}, of the {self.count} that its header says: it is cut off or damaged; copy or "
                                 "download it again")
        if self._file and is_cut_off(self._file):
            raise InputError(f"{told}: the file is cut off; copy or download it again")

    def _as_sent(self) -> Iterator[Frame]:
        begun = None
        for number, encoded in enumerate(self._sent or ()):
            begun = time.monotonic() if begun is None else begun
            if number % self.every == 0:
                yield Frame(number, round(time.monotonic() - begun, 3), encoded)


class _silent:
    """OpenCV's own lines are not written meanwhile: what is wrong is said in one."""

    def __enter__(self):
        self.level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

    def __exit__(self, kind, error, trace):
        cv2.utils.logging.setLogLevel(self.level)


def _require_file(path: Path, name: str) -> None:
    try:
        if not path.is_file():
            raise InputError(f"{name}: there is no such video file")
        if not path.stat().st_size:
            raise InputError(f"{name}: the video file is empty")
        with open(path, "rb"):
            pass
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror})") from error


def _rgb(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB of what OpenCV hands out."""
    if image.dtype != np.uint8:
        image = (image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image.astype(np.uint8)
    if image.ndim == 2 or image.shape[2] == 1:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
