"""Detections in the forms of other packages, which are imported when they are asked for."""

import importlib
from types import ModuleType
from typing import Any

import numpy as np

from frcnn_keras.errors import InputError
from frcnn_keras.runs.detections import Detections


def to_coco(found: Detections, image_id: int | str) -> list[dict[str, Any]]:
    """COCO's results of one image, ready for JSON."""
    image_id = int(image_id) if isinstance(image_id, np.integer) else image_id
    return [{"image_id": image_id, "category_id": int(one.category_id), "score": one.score,
             "bbox": [float(one.box[0]), float(one.box[1]), float(one.box[2] - one.box[0]),
                      float(one.box[3] - one.box[1])]} for one in found]


def to_pandas(found: Detections) -> Any:
    """A DataFrame, one row an object."""
    pandas = needed("to_pandas", "pandas")
    columns = {name: found.boxes[:, number] for number, name in enumerate(("x1", "y1", "x2", "y2"))}
    return pandas.DataFrame({**columns, "score": found.scores, "label": found.labels, "name": list(found.names)})


def to_supervision(found: Detections) -> Any:
    """supervision.Detections with confidence, class_id from 0 and class_name."""
    supervision = needed("to_supervision", "supervision")
    return supervision.Detections(
        xyxy=np.asarray(found.boxes, np.float32).reshape(-1, 4), confidence=found.scores,
        class_id=found.labels.astype(int) - 1, data={"class_name": np.array(found.names, dtype=str)})


def needed(method: str, package: str) -> ModuleType:
    """A package that is no dependency. InputError: it cannot be imported."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise InputError(f"{method} needs the package {package} ({error}); pip install {package}") from error
