"""What ONNX and LiteRT files have in common: one file, other runtimes, one image a call."""

import contextlib
import importlib
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from frcnn_keras.data.given_images import pixels
from frcnn_keras.errors import InputError
from frcnn_keras.files import whole_file
from frcnn_keras.models.keras_internals import flatten_layers
from frcnn_keras.runs.detector import Detector
from frcnn_keras.serving.comparison import Agreement, Allowance, compare_all, place, single
from frcnn_keras.serving.drawn_pictures import drawn_pictures

PRODUCER = b"\x12\x0bfrcnn_keras"  # producer_name of an ONNX ModelProto: field 2, 11 letters
_FACTS = {"class_names", "score_threshold", "nms_iou_threshold", "max_detections"}  # keys of `facts`


@contextlib.contextmanager
def new_file(out: Path, overwrite: bool) -> Iterator[Path]:
    """A temporary path beside `out`, renamed to it when the block ends well, removed when it does not.

    Raises:
        InputError: `out` exists and may not be overwritten, is no such export, or is a folder.
    """
    if out.is_dir() or (out.exists() and not overwrite):
        raise InputError(f"{out}: exists; " + ("name a file" if out.is_dir() else "give another name or --overwrite"))
    if os.path.lexists(out) and not is_export(out):
        raise InputError(f"{out}: is no ONNX or LiteRT file that this package exported, and is not replaced; give "
                         "another name")
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(out) as temporary:
        yield temporary


def is_export(path: Path) -> bool:
    """Whether a file is an ONNX or LiteRT file that this package wrote, by what it says of itself."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        if PRODUCER in file.read(64):  # of a ModelProto, behind its version number
            return True
    try:
        with zipfile.ZipFile(path) as archive:  # what is appended to a LiteRT file
            return _FACTS <= set(json.loads(archive.read("detector.json")))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return False


def needed(format_name: str, *modules: str) -> list:
    """Imports the packages that a format needs; InputError names one that is missing."""
    imported = []
    for module in modules:
        try:
            imported.append(importlib.import_module(module))
        except ImportError as error:
            package = module.split(".")[0].replace("_", "-")
            raise InputError(f"--format {format_name} needs the package {package} ({error}); "
                             f"pip install 'frcnn-keras[{format_name}]', or in a checkout pip install -r "
                             "requirements-extras.txt") from error
    return imported


def require_float32(detector: Detector) -> None:
    """InputError where a layer computes in another precision, which other runtimes do not have."""
    for layer in flatten_layers(detector.model):
        if layer.compute_dtype != "float32":
            raise InputError(f"layer {layer.name} computes in {layer.compute_dtype}; ONNX and LiteRT files take "
                             "float32 layers only")


def facts(detector: Detector) -> dict:
    """What a user of the file needs to know, for its metadata."""
    detecting = detector.model.detecting
    own = {} if detecting.class_thresholds is None else {"class_thresholds": list(detecting.class_thresholds)}
    if detecting.small_area is not None:
        own |= {"small_area": detecting.small_area, "small_threshold": detecting.small_threshold}
    return {"class_names": list(detector.class_names), "score_threshold": min(detecting.every_threshold),
            "nms_iou_threshold": detecting.iou_threshold, "max_detections": detecting.limit, **own}


def resized(image, size: tuple[int, int]) -> np.ndarray:
    """An image as `pixels` takes it -> (height, width, 3) uint8 of `size`, stretched where the sides' ratio differs."""
    height, width = size
    return cv2.resize(np.asarray(pixels(image)), (width, height), interpolation=cv2.INTER_AREA)


def compare_file(name: str, run: Callable[[np.ndarray], dict], detector: Detector, images: Iterable,
                 size: tuple[int, int] | None) -> Agreement:
    """Compares what `run` gives for drawn pictures and for `images` with what the detector predicts.

    Args:
        name: of the format, for messages.
        run: (1, H, W, 3) uint8 -> outputs as models.portable.detection_outputs has them, NumPy.
        images: file paths, encoded images or (H, W, 3) uint8 arrays; resized where the file is for images of one size.
        size: (height, width) of a file for images of one size.

    Raises:
        RuntimeError: an output's form is not that.
    """
    given = [resized(image, size) if size else np.asarray(pixels(image)) for image in images]
    arrays = [*drawn_pictures(size), *given]
    sizes, allowance = [array.shape[:2] for array in arrays], Allowance.of(detector)
    answers = (single(place(name, number, array.shape[:2]), run(array[None]), allowance.limit)
               for number, array in enumerate(arrays))
    return compare_all(name, answers, detector.predict(arrays), sizes, allowance)
