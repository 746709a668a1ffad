"""What an exported file says of its detector, and how it is compared with the detector before it gets its name."""

import contextlib
import dataclasses
import importlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from frcnn_keras.errors import InputError
from frcnn_keras.runs.detections import Detections
from frcnn_keras.runs.detector import Detector, pixels

TOLERANCE = 1e-4  # of a score, and of a box's edge as a fraction of its image
# Another runtime rounds otherwise, and of many thousand overlaps one may lie on the threshold to the last digits: then
# a box more or less stays. With fewer than 20 detections none may differ. Under RoIPool regions that share their cells
# have equal scores to the bit, and TensorFlow's NMS takes any of them
FORGIVEN = {"align": 1 / 20, "pool": 1 / 4}


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How an exported file's detections agree with the detector's own."""

    images: int
    detections: int  # of the detector, in all images
    differing: int  # detections that only one of the two has
    box: float  # largest difference of the others' edges, as a fraction of the image
    score: float


@contextlib.contextmanager
def new_file(out: Path, overwrite: bool) -> Iterator[Path]:
    """A temporary path beside `out`, renamed to it when the block ends well, removed when it does not.

    Raises:
        InputError: `out` exists and may not be overwritten, or is a folder.
    """
    if out.is_dir() or (out.exists() and not overwrite):
        raise InputError(f"{out}: exists; " + ("name a file" if out.is_dir() else "give another name or --overwrite"))
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f"tmp-{os.getpid()}-{out.name}")
    try:
        yield temporary
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)


def needed(format_name: str, *modules: str) -> list:
    """Imports the packages that a format needs; InputError names one that is missing."""
    found = []
    for module in modules:
        try:
            found.append(importlib.import_module(module))
        except ImportError as error:
            package = module.split(".")[0].replace("_", "-")
            raise InputError(f"--format {format_name} needs the package {package} ({error}); "
                             f"pip install 'frcnn-keras[{format_name}]', or in a checkout pip install -r "
                             "requirements-extras.txt") from error
    return found


def require_float32(detector: Detector) -> None:
    """InputError where a layer computes in another precision, which other runtimes do not have."""
    for layer in detector.model._flatten_layers():
        if layer.compute_dtype != "float32":
            raise InputError(f"layer {layer.name} computes in {layer.compute_dtype}; ONNX and LiteRT files take "
                             "float32 layers only")


def facts(detector: Detector) -> dict:
    """What a user of the file needs to know, for its metadata."""
    detecting = detector.model.detecting
    return {"class_names": list(detector.class_names), "score_threshold": detecting["score_threshold"],
            "nms_iou_threshold": detecting["iou_threshold"], "max_detections": detecting["limit"]}


def drawn_pictures(sizes: Iterable[tuple[int, int]]) -> list[np.ndarray]:
    """Pictures (H, W, 3) uint8 of soft and hard structure, the same every time.

    No two places are alike: where scores tie, runtimes may choose differently.
    """
    rng = np.random.default_rng(0)
    pictures = []
    for height, width in sizes:
        soft = rng.uniform(0, 255, (-(-height // 24), -(-width // 24), 3)).astype(np.float32)
        picture = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)
        for _ in range(6):
            centre = tuple(int(value) for value in rng.uniform(0, (width, height)))
            radius = 2 + int(min(height, width) * rng.uniform(0.02, 0.2))
            cv2.circle(picture, centre, radius, rng.uniform(30, 225, 3).tolist(), -1)
        picture = np.clip(picture + rng.normal(0, 8, picture.shape), 0, 255).astype(np.uint8)
        pictures.append(picture)
    return pictures


def resized(image, size: tuple[int, int]) -> np.ndarray:
    """An image as `pixels` takes it -> (height, width, 3) uint8 of `size`, stretched where the sides' ratio differs."""
    height, width = size
    return cv2.resize(np.asarray(pixels(image)), (width, height), interpolation=cv2.INTER_AREA)


def check(name: str, run: Callable[[np.ndarray], dict], detector: Detector, images: Iterable) -> Agreement:
    """Compares what `run` gives for each image with what the detector predicts.

    Args:
        name: of the format, for messages.
        run: (1, H, W, 3) uint8 -> outputs as models.portable.detection_outputs has them, NumPy.
        images: file paths, encoded images or (H, W, 3) uint8 arrays.

    Raises:
        RuntimeError: an output differs; the message says which and by how much.
    """
    total = Agreement(0, 0, 0, 0.0, 0.0)
    for number, image in enumerate(images):
        image = np.asarray(pixels(image))
        one = compare(f"{name}, test image {number} ({image.shape[1]} x {image.shape[0]})", run(image[None]),
                      detector.predict(image)[0], image.shape[:2], detector.model.detecting,
                      FORGIVEN[detector.model.pooling["op"]])
        total = Agreement(total.images + 1, total.detections + one.detections, total.differing + one.differing,
                          max(total.box, one.box), max(total.score, one.score))
    return total


def compare(where: str, outputs: dict, wanted: Detections, size: tuple[int, int], detecting: dict,
            forgiven: float = 0.0) -> Agreement:
    """Compares the outputs for one image of `size` (height, width) with the detector's answer; see `check`.

    Order does not count where scores are equal to the tolerance; nor does a detection whose score is at the threshold.
    forgiven: share of the detections that may be missing or new besides.
    """
    outputs = {key: np.asarray(value) for key, value in outputs.items()}
    limit, count = detecting["limit"], int(outputs["num_detections"][0])
    for key, shape in (("detection_boxes", (1, limit, 4)), ("detection_scores", (1, limit)),
                       ("detection_classes", (1, limit)), ("num_detections", (1,))):
        if outputs[key].shape != shape or outputs[key].dtype != np.float32:
            raise RuntimeError(f"{where}: {key} is {outputs[key].dtype} {outputs[key].shape}, not float32 {shape}")
        if key != "num_detections" and (outputs[key][0, count:].any() or not np.isfinite(outputs[key]).all()):
            raise RuntimeError(f"{where}: {key} is not 0 past num_detections, or not finite")
    boxes, scores, labels = (outputs[f"detection_{key}"][0, :count] for key in ("boxes", "scores", "classes"))
    if (np.diff(scores) > 0).any():
        raise RuntimeError(f"{where}: detection_scores rise")
    scale = np.array([size[0], size[1], size[0], size[1]], np.float32)
    wanted_boxes = np.clip(wanted.boxes[:, [1, 0, 3, 2]] / scale, 0, 1)  # (M, 4) y1 x1 y2 x2
    apart = np.abs(boxes[:, None] - wanted_boxes[None]).max(-1, initial=0.0)  # (count, M)
    score_apart = np.abs(scores[:, None] - wanted.scores[None])
    distance = np.where(labels[:, None] == wanted.labels[None], np.maximum(apart, score_apart), np.inf)
    pairs = _pairs(distance)
    lost = _surely(np.delete(wanted.scores, [pair[1] for pair in pairs]), wanted.scores, detecting)
    added = _surely(np.delete(scores, [pair[0] for pair in pairs]), scores, detecting)
    if max(lost, added) > int(forgiven * len(wanted)):
        raise RuntimeError(f"{where}: the file finds {count} objects and predict {len(wanted)}; {lost} of predict's "
                         f"are missing and {added} are new, compared to {TOLERANCE:g}: "
                         f"{_worst(distance, apart, score_apart)}")
    box = max((float(apart[pair]) for pair in pairs), default=0.0)
    score = max((float(score_apart[pair]) for pair in pairs), default=0.0)
    return Agreement(1, len(wanted), max(lost, added), box, score)


def _pairs(distance: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of rows and columns within the tolerance, nearest first, each row and column once."""
    order = np.argsort(distance, axis=None, kind="stable")
    pairs, rows, columns = [], set(), set()
    for row, column in zip(*np.unravel_index(order, distance.shape)):
        if distance[row, column] > TOLERANCE:
            break
        if row not in rows and column not in columns:
            pairs.append((int(row), int(column)))
            rows.add(row)
            columns.add(column)
    return pairs


def _surely(unpaired: np.ndarray, scores: np.ndarray, detecting: dict) -> int:
    """How many of the unpaired scores are not at the edge of what is kept: threshold, or last of a full list."""
    edge = detecting["score_threshold"]
    if len(scores) == detecting["limit"]:
        edge = max(edge, float(scores[-1]))
    return int((unpaired > edge + TOLERANCE).sum())


def _worst(distance: np.ndarray, apart: np.ndarray, score_apart: np.ndarray) -> str:
    """The detection that is furthest from its nearest one of the same class, in words."""
    if not np.isfinite(distance).any():
        return "detection_classes have nothing in common"
    nearest = distance.argmin(1)
    rows = np.arange(len(distance))
    finite = np.where(np.isfinite(distance[rows, nearest]), distance[rows, nearest], -1.0)
    row = int(finite.argmax())
    column = nearest[row]
    return (f"detection_boxes differ by up to {apart[row, column]:.3g} of the image, detection_scores there by "
            f"{score_apart[row, column]:.3g}")
