"""Pictures as an MP4."""

import os
from collections.abc import Callable

import cv2
import numpy as np

from frcnn_keras.errors import InputError
from frcnn_keras.pictures.drawing import check_image

_CODEC = "mp4v"  # MPEG-4 part 2: OpenCV's wheels have no encoder of H.264


class VideoFile:
    """`video.write(image)` for each; then `close`. All have the size of the first: others are scaled to it.

    fps: of the MP4. It is made when the first picture comes: without any there is none.
    """

    def __init__(self, path: str | os.PathLike, fps: float):
        self.path, self.fps = os.fspath(path), min(max(fps, 0.1), 240.0)
        self.size: tuple[int, int] | None = None  # (width, height)
        self._writer: cv2.VideoWriter | None = None

    def write(self, image: np.ndarray) -> None:
        """(H, W, 3) uint8 RGB. InputError: it cannot be written."""
        check_image(image)
        if self._writer is None:
            self.size = image.shape[1], image.shape[0]
            self._writer = _quietly(lambda: cv2.VideoWriter(
                self.path, cv2.VideoWriter_fourcc(*_CODEC), self.fps, _even(*self.size)))
            if not self._writer.isOpened():
                raise InputError(f"{self.path}: OpenCV cannot write an MP4 of {self.size[0]} x {self.size[1]} pixels "
                                 "there; go on without pictures by --no-draw")
        if (image.shape[1], image.shape[0]) != self.size:
            image = cv2.resize(image, self.size, interpolation=cv2.INTER_AREA)
        width, height = _even(*self.size)
        padded = cv2.copyMakeBorder(image, 0, height - image.shape[0], 0, width - image.shape[1], cv2.BORDER_REPLICATE)
        self._writer.write(cv2.cvtColor(padded, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """Writes what players need to open it."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None


def _even(width: int, height: int) -> tuple[int, int]:
    """The encoder halves the colours: it would cut off the last column of an odd number."""
    return width + width % 2, height + height % 2


def _quietly(work: Callable[[], cv2.VideoWriter]) -> cv2.VideoWriter:
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return work()
    finally:
        cv2.utils.logging.setLogLevel(level)
