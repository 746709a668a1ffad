"""What an exported model answers beside what `predict` answers."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf

from frcnn_keras.detections import Detections
from frcnn_keras.inference import Detector, pixels

TOLERANCE = 1e-4  # of boxes as fractions of the image, and of scores


@dataclasses.dataclass(frozen=True)
class Difference:
    """The largest differences over some images."""

    images: int
    detections: int
    boxes: float  # as fractions of the image
    scores: float
    unlike: tuple[int, ...]  # images whose detections are not as many, or not of the same classes

    @property
    def close(self) -> bool:
        return not self.unlike and max(self.boxes, self.scores) <= TOLERANCE

    def require(self) -> None:
        """RuntimeError where the answers are not the same."""
        if not self.close:
            raise RuntimeError(f"the exported model does not answer as predict does: {self}; nothing was written")

    def __str__(self) -> str:
        text = (f"{self.detections} detections in {self.images} images, largest difference: boxes {self.boxes:.1e} of "
                f"the image, scores {self.scores:.1e}")
        return text + (f"; other detections in images {', '.join(map(str, self.unlike))}" if self.unlike else "")


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
    """Every image through each signature of a SavedModel, loaded by the loader that servers use."""
    arrays = [np.asarray(pixels(image)) for image in images]
    wanted = detector.predict(list(images))
    answers = []
    with serving_session(folder) as call:
        for image, array in zip(images, arrays, strict=True):
            answers.append(call("serving_default", {"image_bytes": np.array([image], object)}))
            answers.append(call("image_tensor", {"image_tensor": array[None]}))
    single = [{name: value[0] for name, value in answer.items()} for answer in answers]
    sizes = [array.shape[:2] for array in arrays]
    return difference([found for found in wanted for _ in range(2)], single, [size for size in sizes for _ in range(2)])


@contextmanager
def serving_session(folder: str | Path) -> Iterator[Callable[[str, dict], dict]]:
    """A SavedModel in a session of its own: call(signature, inputs) -> outputs, all NumPy arrays by name.

    tf.saved_model.load would not do: it rebuilds Python objects, and hides what the C++ loader stumbles over.
    """
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        signatures = tf.compat.v1.saved_model.loader.load(session, [tf.saved_model.SERVING], str(folder)).signature_def

        def call(signature: str, inputs: dict) -> dict:
            definition = signatures[signature]
            outputs = {name: tensor.name for name, tensor in definition.outputs.items()}
            return session.run(outputs, {definition.inputs[name].name: value for name, value in inputs.items()})

        yield call
