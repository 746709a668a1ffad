"""A trained detector, as the program that uses it sees it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from frcnn_keras.data.decoding import decode
from frcnn_keras.data.image_files import read_file
from frcnn_keras.errors import InputError, command
from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.models.precision import set_precision, warn_if_slower
from frcnn_keras.models.saving import load_model
from frcnn_keras.progress import ahead
from frcnn_keras.runs.detections import Detections


class Detector:
    """Detects objects in images of any size. `model` is the Keras model, `class_names` and `category_ids` (as COCO
    results files have them) are those of labels 1..C."""

    def __init__(self, model: FasterRCNN):
        self.model = model
        self.class_names, self.category_ids = model.class_names, model.category_ids
        self._detect = tf.function(model.detect_image, input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)])

    def predict(self, images) -> list[Detections]:
        """Detections of each image, best first, in pixels of the upright image; an array is taken as upright.

        images: an iterable of file paths, encoded images (bytes) or (H, W, 3) uint8 RGB arrays or tensors; or just one
            of them.

        Raises:
            InputError: a file that is missing or cannot be decoded.
            ValueError: an array of another shape or dtype.
        """
        return list(self.stream(one_or_many(images)))

    def stream(self, images: Iterable) -> Iterator[Detections]:
        """The same, one by one, a few images ahead: memory does not grow with their number."""
        return ahead(self._predict_image, images)

    def _predict_image(self, image) -> Detections:
        detected = self._detect(pixels(image))
        valid = detected.valid.numpy()
        return Detections.of(detected.boxes.numpy()[valid], detected.scores.numpy()[valid],
                             detected.labels.numpy()[valid], self.class_names)


def one_or_many(images) -> Iterable:
    """Images as they are given: many as they are, one as a list of it."""
    one = isinstance(images, (str, Path, bytes, np.ndarray, tf.Tensor)) and getattr(images, "ndim", 3) == 3
    return [images] if one else images


def pixels(image):
    """A path, encoded bytes, an array or a tensor -> (H, W, 3) uint8 RGB; encoded ones are turned upright by their EXIF
    orientation."""
    if isinstance(image, (str, Path)):
        return decode(read_file(image), str(image))
    if isinstance(image, bytes):
        return decode(image, "encoded image")
    image = image if tf.is_tensor(image) else np.asarray(image)  # a large tensor is not copied
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError("image must be uint8 RGB of shape (H, W, 3). "
                         f"Received: {image.dtype} of shape {image.shape}")
    return image


def load(run: str | Path, *, score_threshold: float | None = None, nms: float | None = None,
         limit: int | None = None, precision: str | None = None) -> Detector:
    """The detector of a run folder (or of a `.keras` file).

    score_threshold, nms, limit: override what the run was trained with: the score that a detection must pass, the IoU
    above which a better one of its class removes it, and how many an image may have.
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
    model.detecting = model.detecting.changed(score_threshold, nms, limit)
    if precision is not None:
        set_precision(model, precision)
        warn_if_slower(precision)
    return Detector(model)
