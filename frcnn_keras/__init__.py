"""Faster R-CNN for Keras 3 and TensorFlow, trained in stages.

    import frcnn_keras
    detector = frcnn_keras.load("work/run")
    for found in detector.predict(["a.jpg", "b.jpg"]):
        print(found.boxes, found.scores, found.names)

Names are imported when they are first used, so that `--help` need not wait for TensorFlow.
"""

import importlib

from frcnn_keras.version import VERSION as __version__

_HOMES = {
    "load": "frcnn_keras.inference",
    "load_torchvision": "frcnn_keras.torchvision_models",
    "Detector": "frcnn_keras.inference",
    "Detections": "frcnn_keras.detections",
    "InputError": "frcnn_keras.errors",
    "PrepConfig": "frcnn_keras.config",
    "RPNConfig": "frcnn_keras.config",
    "RCNNConfig": "frcnn_keras.config",
    "FinetuneConfig": "frcnn_keras.joint_config",
    "JointConfig": "frcnn_keras.joint_config",
    "train_rpn": "frcnn_keras.rpn_training",
    "train_rcnn": "frcnn_keras.rcnn_training",
    "finetune": "frcnn_keras.finetuning",
    "train_joint": "frcnn_keras.joint_building",
    "evaluate_detections": "frcnn_keras.evaluation.metrics",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
