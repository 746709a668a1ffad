"""What an exported model answers beside what `predict` answers."""

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from frcnn_keras.data.shapes import draw_image
from frcnn_keras.runs.detections import Detections
from frcnn_keras.runs.detector import Detector, pixels

TOLERANCE = 1e-4  # of boxes as fractions of the image, and of scores


@dataclasses.dataclass(frozen=True)
class Difference:
    """The largest differences over some answers, each of one image."""

    answers: int
    detections: int  # in all answers
    boxes: float  # as fractions of the image
    scores: float
    unlike: tuple[int, ...]  # answers whose detections are not as many, or not of the same classes

    @property
    def close(self) -> bool:
        return not self.unlike and max(self.boxes, self.scores) <= TOLERANCE

    def require(self) -> None:
        """RuntimeError where the answers are not the same."""
        if not self.close:
            raise RuntimeError(f"the exported model does not answer as predict does: {self}; nothing was written")

    def __str__(self) -> str:
        text = (f"{self.detections} detections in {self.answers} answers, largest difference: boxes {self.boxes:.1e} "
                f"of the image, scores {self.scores:.1e}")
        return text + (f"; other detections in answers {', '.join(map(str, self.unlike))}" if self.unlike else "")


def difference(wanted: Sequence[Detections], answers: Sequence[dict], sizes) -> Difference:
    """Compares `predict`'s detections with the outputs of a signature, each for one image without the batch axis.

    sizes: (height, width) of each image.
    """
    boxes, scores, unlike = [0.0], [0.0], []
    for index, (found, answer, size) in enumerate(zip(wanted, answers, sizes, strict=True)):
        count, (height, width) = int(answer["num_detections"]), size
        classes = np.asarray(answer["detection_classes"])[:count]
        names = tuple(name.decode() for name in np.asarray(answer["detection_class_names"])[:count])
        if count != len(found) or not np.array_equal(classes, found.labels) or names != found.names:
            unlike.append(index)
            continue
        fractions = found.boxes[:, [1, 0, 3, 2]] / np.array([height, width, height, width], np.float32)
        boxes += list(np.abs(np.asarray(answer["detection_boxes"])[:count] - fractions).ravel())
        scores += list(np.abs(np.asarray(answer["detection_scores"])[:count] - found.scores))
    total = sum(len(found) for found in wanted)
    return Difference(len(wanted), total, float(max(boxes)), float(max(scores)), tuple(unlike))


def compare(detector: Detector, folder: Path, images: Sequence[bytes]) -> Difference:
    """Encoded images one by one through `image_bytes` and `image_tensor` of a SavedModel, and all in one request."""
    arrays = [np.asarray(pixels(image)) for image in images]
    with serving_session(folder) as call:
        answers = [first(call("serving_default", {"image_bytes": np.array([image], object)})) for image in images]
        answers += [first(call("image_tensor", {"image_tensor": array[None]})) for array in arrays]
        together = call("serving_default", {"image_bytes": np.array(list(images), object)})
    answers += [{name: value[index] for name, value in together.items()} for index in range(len(images))]
    return difference(detector.predict(list(images)) * 3, answers, [array.shape[:2] for array in arrays] * 3)


def first(answer: dict) -> dict:
    """Outputs of a request of one image, without the batch axis."""
    return {name: value[0] for name, value in answer.items()}


@contextlib.contextmanager
def serving_session(folder: str | Path) -> Iterator[Callable[[str, dict], dict]]:
    """A SavedModel in a session of its own: call(signature, inputs) -> outputs, all NumPy arrays by name.

    tf.saved_model.load would not do: it rebuilds Python objects, and hides what a server's loader stumbles over.
    """
    logger = logging.getLogger("tensorflow")
    level = logger.level
    with contextlib.closing(tf.compat.v1.Session(graph=tf.Graph())) as session:
        logger.setLevel(logging.ERROR)  # it advises tf.saved_model.load
        try:
            with session.graph.as_default():  # not for longer: in here nothing is eager
                model = tf.compat.v1.saved_model.loader.load(session, [tf.saved_model.SERVING], str(folder))
        finally:
            logger.setLevel(level)

        def call(signature: str, inputs: dict) -> dict:
            definition = model.signature_def[signature]
            outputs = {name: tensor.name for name, tensor in definition.outputs.items()}
            return session.run(outputs, {definition.inputs[name].name: value for name, value in inputs.items()})

        yield call


def drawn_images() -> list[bytes]:
    """Encoded images to compare on where nobody gives any: a JPEG, a PNG, a grey JPEG and a BMP, wide, tall, small."""
    images = []
    for index, (suffix, height, width) in enumerate([(".jpg", 480, 640), (".png", 320, 240), (".jpg", 96, 333),
                                                     (".bmp", 60, 48)]):
        image = draw_image(1, index, height, width)
        image = image[..., 1] if index == 2 else image[..., ::-1]
        images.append(cv2.imencode(suffix, image)[1].tobytes())
    return images
