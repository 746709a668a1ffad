"""A trained detector, as the program that uses it sees it."""

import dataclasses
import functools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from frcnn_keras.data import wording
from frcnn_keras.data.given_images import loaded, many, pixels
from frcnn_keras.data.piped_frames import open_frames
from frcnn_keras.data.video import Frame
from frcnn_keras.errors import InputError, command
from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.models.precision import set_precision, warn_if_slower
from frcnn_keras.models.saving import load_model
from frcnn_keras.ops.postprocessing import DetectedBoxes
from frcnn_keras.progress import ahead, conveyed
from frcnn_keras.runs.detections import Detections
from frcnn_keras.runs.thresholds import BEST, stored_thresholds


class Detector:
    """Detects objects in images of any size. `model` is the Keras model, `class_names` and `category_ids` (as COCO
    results files have them) are those of labels 1..C."""

    def __init__(self, model: FasterRCNN):
        self.model = model
        self.class_names, self.category_ids = model.class_names, model.category_ids
        given = [tf.TensorSpec((None, None, 3), tf.uint8)]
        self._detect = tf.function(model.detect_image, input_signature=given)
        self._examine = tf.function(model.examine_image, input_signature=given)  # traced where it is called only

    def __repr__(self) -> str:
        model = self.model
        return (f"Detector({wording.classes(self.class_names)}; images resized to {model.preparing.shorter} pixels, "
                f"{model.preparing.longer} at most; maps of stride {wording.numbers(model.geometry.strides)}; "
                f"{model.count_params() / 1e6:.1f} million weights; scores above "
                f"{wording.numbers(model.detecting.thresholds)})")

    def predict(self, images: Any) -> list[Detections]:
        """Detections of each image, best first, in pixels of the upright image; an array is taken as upright.

        images: an iterable of file paths, encoded images (bytes), Pillow images, or uint8 arrays or tensors: RGB (H, W,
            3), grey (H, W) or (H, W, 1), RGBA (H, W, 4), whose alpha is dropped as a PNG's is; or just one of them; or
            a batch (N, H, W, 3). What is given is kept as Detections.image, to be drawn on; of images that come one by
            one (a generator's) a path alone, so that memory does not grow with their number.

        Raises:
            InputError: a file that is missing or cannot be decoded.
            ValueError: an array of another shape or dtype.
        """
        images, held = many(images)
        return list(self._each(images, held))

    def stream(self, images: Iterable) -> Iterator[Detections]:
        """The same, one by one, a few images ahead: memory does not grow with their number. Paths alone are kept."""
        return self._each(images, False)

    def examine(self, images: Iterable) -> Iterator[tuple[Detections, np.ndarray]]:
        """The same, each with the proposals (P, 4) that the detections were made of, best first, in the same pixels."""
        def examined(image: Any) -> tuple[Detections, np.ndarray]:
            proposals, detected = self._examine(pixels(loaded(image)))
            return self._told(detected, None), proposals.boxes.numpy()[proposals.valid.numpy()]

        return ahead(examined, images)

    def frames(self, source: str | os.PathLike, *, every: int = 1,
               keep: bool = False) -> Iterator[tuple[int, float | None, Detections]]:
        """(frame's number from 0, seconds from the beginning, its Detections) of a video, as they come.

        source: a video file, `rtsp://...` or another address, `camera:0`, or `-` for what is piped in (pictures one
            after another, whose seconds are None, or a video file). Phones' videos are turned upright.
        every: 2 looks at every second frame; numbers count all.
        keep: whether Detections.image is the frame, to be drawn on: memory grows with those that are kept.

        Raises:
            InputError: it cannot be opened; behind the frames before: it breaks off, or a picture cannot be decoded.
        """
        return conveyed(functools.partial(self._predict_frame, keep), open_frames(source, every))

    def _predict_frame(self, keep: bool, frame: Frame) -> tuple[int, float | None, Detections]:
        image = pixels(frame.image)
        return frame.number, frame.seconds, self._predict_image((image, np.asarray(image) if keep else None))

    def _each(self, images: Iterable, keep: bool) -> Iterator[Detections]:
        return ahead(self._predict_image, ((loaded(image), image if keep or isinstance(image, (str, os.PathLike)) else
                                            None) for image in images))

    def _predict_image(self, image: tuple[Any, Any]) -> Detections:
        """image: as it is read, and what is kept of it."""
        return self._told(self._detect(pixels(image[0])), image[1])

    def _told(self, detected: DetectedBoxes, image: Any) -> Detections:
        valid = detected.valid.numpy()
        return Detections.of(detected.boxes.numpy()[valid], detected.scores.numpy()[valid],
                             detected.labels.numpy()[valid], self.class_names, self.category_ids, image)


def load(run: str | Path, *, score_threshold: float | str | None = None, nms: float | None = None,
         limit: int | None = None, precision: str | None = None) -> Detector:
    """The detector of a run folder (or of a `.keras` file).

    score_threshold, nms, limit: override what the run was trained with: the score that a detection must pass (`best`:
    those of each class, and of small boxes, in the run's thresholds.json), the IoU above which a better one of its
    class removes it, and how many an image may have.
    precision: `float32` or `bfloat16` products, by default as it was saved; see models.precision.

    Raises:
        InputError: there is no finished detector, or no such precision, score, IoU or number.
    """
    path = Path(run)
    if path.is_dir() or path.suffix != ".keras":
        path = path / "detector.keras"
        if not path.exists():
            raise InputError(f"{run}: holds no detector.keras; run {command('train-rpn')} and "
                             f"{command('train-rcnn')} with --run {run}")
    model = load_model(path)
    if not isinstance(model, FasterRCNN):
        raise InputError(f"{path}: holds a {type(model).__name__}, not a detector")
    if isinstance(score_threshold, str):
        if score_threshold != BEST:
            raise InputError(f"--score-threshold must be a number or {BEST}; received: {score_threshold:.40}")
        stored = stored_thresholds(path.parent, model.class_names)
        model.detecting = dataclasses.replace(
            model.detecting.changed(min(stored.classes), nms, limit), class_thresholds=stored.classes,
            small_area=stored.small_area, small_threshold=stored.small)
    else:
        model.detecting = model.detecting.changed(score_threshold, nms, limit)
    if precision is not None:
        set_precision(model, precision)
        warn_if_slower(precision)
    return Detector(model)
