"""What a fold's detector finds in the images that it was not trained on, from their cached features."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from frcnn_keras.data.batches import feature_maps, map_specs
from frcnn_keras.data.prepared import Prepared
from frcnn_keras.evaluation.reached import Reached, reached
from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.progress import ahead, tracked
from frcnn_keras.runs.detections import Detections
from frcnn_keras.runs.detector import load
from frcnn_keras.training.rcnn_stage import back_of


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """What was found in one image."""

    detections: Detections  # in pixels of the original image
    reached: Reached  # its objects, and those that proposals reach


def find(run: Path, part: Prepared) -> list[HeldOut]:
    """What a finished run's detector finds in each image of a prep folder's part, in order; the very detector that
    `predict` loads, but for the features, which were rounded to float16 when they were stored.

    part: without mirror images (data.prepared.Prepared.part).
    """
    detector = load(run)
    detect = _graph(detector.model, part)

    def found_in(record: dict) -> HeldOut:
        proposals, detected = detect(record["maps"], record["size"])
        valid = detected.valid[0].numpy()
        back = back_of(record)
        detections = Detections.of(
            detected.boxes[0].numpy()[valid] * back, detected.scores[0].numpy()[valid],
            detected.labels[0].numpy()[valid], detector.class_names, detector.category_ids)
        proposed = proposals.boxes[0].numpy()[proposals.valid[0].numpy()] * back
        return HeldOut(detections, reached(proposed, record["boxes"].numpy() * back, record["ignored"].numpy()))

    found = ahead(found_in, feature_maps(part))
    return list(tracked(found, "crossval: scoring", len(part.feature_spans), "images"))


def _graph(model: FasterRCNN, part: Prepared) -> Callable:
    """From cached maps and an image's size to its proposals and detections; traced once."""

    @tf.function(input_signature=[map_specs(part), tf.TensorSpec((2,), tf.int32)])
    def detect(maps: tuple, size: tf.Tensor) -> tuple:
        proposals = model.propose(maps, size[None])
        return proposals, model.detect(maps, proposals, size[None])

    return detect
