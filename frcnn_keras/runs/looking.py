"""All that is made of one picture or frame, in the thread that computes it: while others are read and written."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from frcnn_keras.data.given_images import pixels
from frcnn_keras.errors import InputError
from frcnn_keras.pictures.crops import crop
from frcnn_keras.pictures.drawing import draw_detections, encoded_image
from frcnn_keras.runs.detections import Detections
from frcnn_keras.runs.detector import Detector
from frcnn_keras.runs.shots import Shot


@dataclasses.dataclass(frozen=True)
class Seen:
    """One shot with what was found in it, ready to be written."""

    shot: Shot
    found: Detections | None = None  # None where it could not be decoded
    size: tuple[int, int] = (0, 0)  # (height, width)
    drawn: Any = None  # the encoded picture; of a frame of a video (H, W, 3) uint8 RGB
    crops: tuple[tuple[str, bytes], ...] = ()  # (name below the folder of crops, encoded picture)
    original: bytes = b""  # the encoded frame, where it is to be labelled
    fault: InputError | None = None


@dataclasses.dataclass(frozen=True)
class Looking:
    """Shot -> Seen, of a detector. A picture that cannot be decoded is no exception but a Seen with its fault.

    wanted: labels of the classes that are asked for. draw, line_width, text_height: see drawing.draw_detections.
    crops: the folder of each class's crops. keep: whether frames are encoded as they are too.
    """

    detector: Detector
    wanted: frozenset[int] | None = None
    draw: bool = True
    line_width: int | None = None
    text_height: int | None = None
    crops: Sequence[str] | None = None
    keep: bool = False

    def __call__(self, shot: Shot) -> Seen:
        try:
            image = pixels(shot.image)
        except InputError as error:
            text = str(error)
            return Seen(shot, fault=error if shot.frame is None else InputError(f"{shot.called}: {text}"))
        found = self.detector.predict(image)[0]
        if self.wanted is not None:
            found = found[np.isin(found.labels, sorted(self.wanted))]
        found = dataclasses.replace(found, image=None)
        # the tensor's own memory: a photograph of 12 megapixels has 36 MB
        image = image if isinstance(image, np.ndarray) else np.asarray(memoryview(image))
        return Seen(shot, found, image.shape[:2], self._drawn(shot, image, found),
                    tuple(self._crops(shot, image, found)), self._original(shot, image))

    def _drawn(self, shot: Shot, image: np.ndarray, found: Detections) -> Any:
        if not self.draw:
            return None
        drawn = draw_detections(image, found.boxes, found.labels, found.scores, self.detector.class_names,
                                self.line_width, self.text_height)
        return drawn if shot.video else encoded_image(shot.name, drawn, spend=True)

    def _crops(self, shot: Shot, image: np.ndarray, found: Detections):
        suffix = ".png" if shot.name.lower().endswith(".png") else ".jpg"
        for number, (box, label) in enumerate(zip(found.boxes, found.labels, strict=True), 1):
            part = crop(image, box) if self.crops is not None else None
            if part is not None:
                name = f"{self.crops[label - 1]}/{shot.stem}-{number}{suffix}"
                yield name, encoded_image(name, part)

    def _original(self, shot: Shot, image: np.ndarray) -> bytes:
        if not self.keep or shot.frame is None:
            return b""
        return shot.image if isinstance(shot.image, bytes) and shot.image[:2] in (b"\xff\xd8", b"\x89P") else \
            encoded_image(shot.name, image)
