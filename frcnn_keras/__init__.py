"""Faster R-CNN for Keras 3 and TensorFlow, trained in stages.

    import frcnn_keras
    detector = frcnn_keras.load("work/run")
    for found in detector.predict(["a.jpg", "b.jpg"]):
        print(found.boxes, found.scores, found.names)

Names are imported when they are first used, so that `--help` need not wait for TensorFlow.
"""

import importlib

from frcnn_keras.registration import register_with_keras
from frcnn_keras.version import VERSION as __version__

_HOMES = {
    "load": "frcnn_keras.runs.detector",
    "load_torchvision": "frcnn_keras.torchvision.importing",
    "Detector": "frcnn_keras.runs.detector",
    "Detections": "frcnn_keras.runs.detections",
    "InputError": "frcnn_keras.errors",
    "PrepConfig": "frcnn_keras.settings.stages",
    "RPNConfig": "frcnn_keras.settings.stages",
    "RCNNConfig": "frcnn_keras.settings.stages",
    "FinetuneConfig": "frcnn_keras.settings.image_trainers",
    "JointConfig": "frcnn_keras.settings.image_trainers",
    "train_rpn": "frcnn_keras.training.loop.rpn_stage",
    "train_rcnn": "frcnn_keras.training.loop.rcnn_stage",
    "finetune": "frcnn_keras.training.loop.finetune",
    "train_joint": "frcnn_keras.training.loop.joint",
    "evaluate_detections": "frcnn_keras.evaluation.metrics",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


register_with_keras()
