"""A written SavedModel asked through each of its signatures, beside `predict`."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from frcnn_keras.data.given_images import pixels
from frcnn_keras.readers.tf_records import image_example
from frcnn_keras.runs.detector import Detector
from frcnn_keras.serving.comparison import Agreement, compare_all, place, single
from frcnn_keras.serving.session import serving_session
from frcnn_keras.serving.signatures import OD_API, OD_INPUT, OURS, key_of


def compare_folder(detector: Detector, folder: Path, images: Sequence[bytes],
                   kinds: Sequence[str] = (OURS,)) -> Agreement:
    """Encoded images one by one through the signatures of a SavedModel, and all in one request where that is taken.

    Raises:
        RuntimeError: an output is not as it is promised.
    """
    wanted, sizes = detector.predict(list(images)), [np.asarray(pixels(image)).shape[:2] for image in images]
    total = Agreement()
    with serving_session(folder) as call:
        for kind in kinds:
            for way, outputs in _answers(call, kind, key_of(kind, kinds), images).items():
                name = f"SavedModel, {way}"
                alone = []
                for number, (output, size) in enumerate(zip(outputs, sizes, strict=True)):
                    alone.append(single(place(name, number, size), output, detector.model.detecting.limit))
                    if kind in OD_API:
                        require_origins(place(name, number, size), alone[-1])
                total += compare_all(name, alone, wanted, sizes)
    return total


def request(kind: str, images: Sequence[bytes]) -> tuple[str, np.ndarray]:
    """What a client of a kind of signature sends for encoded images: the input's name and its value. Pixels are of one
    image."""
    if kind == "od-api:image_tensor":
        return OD_INPUT, np.asarray(pixels(images[0]))[None]
    if kind == "od-api:tf_example":
        images = [image_example(image) for image in images]
    return "image_bytes" if kind == OURS else OD_INPUT, np.array(list(images), object)


def require_origins(where: str, outputs: dict) -> None:
    """RuntimeError where the scores that a detection comes with are not those of the region that it is said to be.

    outputs: of one image, of a signature of the TF Object Detection API.
    """
    count = int(outputs["num_detections"])
    labels, regions = (outputs[f"detection_{name}"][:count].astype(int) for name in ("classes", "anchor_indices"))
    rows = outputs["raw_detection_scores"][regions]  # (count, C + 1)
    same = (np.array_equal(rows, outputs["detection_multiclass_scores"][:count]) and
            np.array_equal(rows[np.arange(count), labels], outputs["detection_scores"][:count]))
    if not same or not all(value.dtype == np.float32 for value in outputs.values()):
        raise RuntimeError(f"{where}: detection_scores, detection_multiclass_scores and raw_detection_scores "
                           "contradict each other")


def _answers(call: Callable, kind: str, key: str, images: Sequence[bytes]) -> dict[str, list[dict]]:
    """Outputs for each image by the way they were asked for."""
    def ask(given: Sequence[bytes]) -> dict:
        name, value = request(kind, given)
        return call(key, {name: value})

    answers = {"image_bytes" if kind == OURS else kind: [ask([image]) for image in images]}
    if kind == OURS:
        answers["image_tensor"] = [call("image_tensor", {"image_tensor": np.asarray(pixels(image))[None]})
                                   for image in images]
    if kind != "od-api:image_tensor":  # of one image
        together = ask(images)
        way = "all in one request" if kind == OURS else f"{kind}, all in one request"
        answers[way] = [{key: value[index:index + 1] for key, value in together.items()}
                        for index in range(len(images))]
    return answers
