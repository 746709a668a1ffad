"""An RPN by itself, as the program that uses it sees it (arXiv 1506.01497, section 3.1: proposals of any detector)."""

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from frcnn_keras.data.extraction import as_stored
from frcnn_keras.errors import InputError, command, in_words
from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.models.settings import Proposing
from frcnn_keras.ops import boxes as box_ops
from frcnn_keras.progress import ahead
from frcnn_keras.runs import detector as detectors
from frcnn_keras.runs.proposer_parts import WEIGHTS, has_parts, open_parts
from frcnn_keras.settings.arguments import in_arguments

FilePath = str | Path


@dataclasses.dataclass(frozen=True)
class Proposed:
    """Regions of one image that an RPN proposes, best first, whatever is in them."""

    boxes: np.ndarray  # (P, 4) float32: x1, y1, x2, y2, pixels of the image as it was given, inside it
    scores: np.ndarray  # (P,) float32: how sure it is that there is an object, 0 to 1


class Proposer:
    """Proposes regions in images of any size. `model` is the Keras model, `proposing` which proposals are given out."""

    def __init__(self, model: FasterRCNN, proposing: Proposing, stored_maps: bool = False):
        """stored_maps: whether the RPN learned from maps as a prep folder keeps them; it is then given such maps, and
        proposes what train-rpn wrote."""
        self.model, self.proposing, self.stored_maps = model, proposing, stored_maps
        self._propose = tf.function(self._of_pixels, input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)])

    def propose(self, images: Any) -> list[Proposed]:
        """Proposals of each image, best first: after NMS, without tiny ones, clipped to the image, in its own pixels.

        images: an iterable of file paths, encoded images (bytes) or (H, W, 3) uint8 RGB arrays or tensors; or just one
            of them.

        Raises:
            InputError: a file that is missing or cannot be decoded.
            ValueError: an array of another shape or dtype.
        """
        return list(self.stream(detectors.one_or_many(images)))

    def stream(self, images: Iterable) -> Iterator[Proposed]:
        """The same, one by one, a few images ahead: memory does not grow with their number."""
        return ahead(self._propose_image, images)

    def _propose_image(self, image: Any) -> Proposed:
        boxes, scores, valid = (part.numpy() for part in self._propose(detectors.pixels(image)))
        return Proposed(boxes[valid], scores[valid])

    def _of_pixels(self, image: tf.Tensor) -> tuple:
        """An image (H, W, 3) -> boxes (P, 4) in its own pixels, scores (P,), valid (P,)."""
        prepared, size = self.model.prepare_image(image)
        levels = self.model.features(prepared)
        levels = tuple(map(as_stored, levels)) if self.stored_maps else levels
        found = self.model.propose(levels, size[None], self.proposing)
        height, width = tf.unstack(tf.cast(tf.shape(image)[:2], tf.float32))
        factors = tf.stack([height, width]) / tf.cast(size, tf.float32)
        boxes = box_ops.rescale(found.boxes[0], factors[1], factors[0])
        return box_ops.clip(boxes, height, width), found.scores[0], found.valid[0]


def open_proposer(run: FilePath, *, score_threshold: float | None = None, nms: float | None = None,
                  limit: int | None = None, min_size: float | None = None) -> Proposer:
    """`load_rpn`; its errors name flags."""
    path = Path(run)
    stored = path.is_dir() and has_parts(path)
    if not stored and path.is_dir() and not (path / "detector.keras").exists():
        if (path / WEIGHTS).exists():
            raise InputError(f"{run}: holds an RPN without its feature extractor, as older versions left it; run the "
                             f"same {command('train-rpn')} again: it is finished, and adds the extractor alone")
        raise InputError(f"{run}: holds no RPN; run {command('train-rpn')} with --run {run}")
    model = open_parts(path) if stored else detectors.load(path).model
    return Proposer(model, _changed(model.proposing, score_threshold, nms, limit, min_size), stored)


@in_words(in_arguments)
def load_rpn(run: FilePath, *, score_threshold: float | None = None, nms: float | None = None,
             limit: int | None = None, min_size: float | None = None) -> Proposer:
    """The region proposal network of a run by itself: of a folder that train_rpn has made, with a head or without, of
    one that finetune or train_joint has made, or of a `.keras` file.

    score_threshold, nms, limit, min_size: in place of the run's own: the least score that a proposal may have, the IoU
    above which a better one removes it, how many an image may have, and their least side in pixels of the resized
    image.

    Raises:
        InputError: there is no trained RPN, or such a number makes no sense.
    """
    return open_proposer(run, score_threshold=score_threshold, nms=nms, limit=limit, min_size=min_size)


def _changed(own: Proposing, score_threshold: float | None, nms: float | None, limit: int | None,
             min_size: float | None) -> Proposing:
    """With what users may choose in place of its own; InputError, which names the flag, where it makes no sense."""
    chosen = (("--score-threshold", "score_threshold", score_threshold), ("--nms", "iou_threshold", nms),
              ("--max-proposals", "after", limit), ("--min-size", "min_size", min_size))
    for flag, name, value in chosen:
        try:
            own = own if value is None else dataclasses.replace(own, **{name: value})
        except ValueError as error:
            raise InputError(f"{flag}{str(error).removeprefix(name)}") from error
    return own
