"""Faster R-CNN for Keras 3 and TensorFlow, trained in stages.

    import frcnn_keras

    detector = frcnn_keras.load("work/run")
    for found in detector.predict(["a.jpg", "b.jpg"]):
        print(found.boxes, found.scores, found.names)

From a folder of images to that run: `train("DIR", "work/run")`, or stage by stage `read` (or `read_voc`, `from_items`,
...), `check`, `prepare`, `train_rpn`, `train_rcnn`, `evaluate`, `export`; `cross_validate` says how good they
are, with error bars; `finetune` and `train_joint` train the backbone too. Names are imported when they are first used,
so that `--help` need not wait for TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING

from frcnn_keras.runtime import VERSION as __version__
from frcnn_keras.runtime import register_with_keras

if TYPE_CHECKING:
    from frcnn_keras.api import (
        CheckConfig,
        Dataset,
        DatasetReport,
        Detections,
        Detector,
        Example,
        Exported,
        FinetuneConfig,
        InputError,
        JointConfig,
        Prepared,
        PrepConfig,
        Problem,
        RCNNConfig,
        RPNConfig,
        TrainConfig,
        Trained,
        check,
        export,
        finetune,
        load,
        load_torchvision,
        prepare,
        train,
        train_joint,
        train_rcnn,
        train_rpn,
    )
    from frcnn_keras.auditing.find import Audit
    from frcnn_keras.auditing.findings import Finding
    from frcnn_keras.datasets import (
        drawn_shapes,
        from_items,
        read,
        read_coco,
        read_csv,
        read_labelme,
        read_splits,
        read_tfrecord,
        read_voc,
        read_yolo,
    )
    from frcnn_keras.judging import audit, thresholds
    from frcnn_keras.measuring import cross_validate, evaluate
    from frcnn_keras.readers.items import Item
    from frcnn_keras.readers.splits import Splits
    from frcnn_keras.reporting.report import report
    from frcnn_keras.runs.detections import Detection
    from frcnn_keras.runs.proposer import Proposed, Proposer, load_rpn
    from frcnn_keras.runs.thresholds import Thresholds

_HOMES = {
    **dict.fromkeys(("check", "export", "finetune", "load", "load_torchvision", "prepare", "train", "train_joint",
                     "train_rcnn", "train_rpn"), "frcnn_keras.api"),
    **dict.fromkeys(("drawn_shapes", "from_items", "read", "read_coco", "read_csv", "read_labelme", "read_splits",
                     "read_tfrecord", "read_voc", "read_yolo"), "frcnn_keras.datasets"),
    **dict.fromkeys(("audit", "thresholds"), "frcnn_keras.judging"), "Thresholds": "frcnn_keras.runs.thresholds",
    "Audit": "frcnn_keras.auditing.find", "Finding": "frcnn_keras.auditing.findings",
    **dict.fromkeys(("cross_validate", "evaluate"), "frcnn_keras.measuring"),
    "report": "frcnn_keras.reporting.report",
    "Item": "frcnn_keras.readers.items", "Splits": "frcnn_keras.readers.splits",
    "Dataset": "frcnn_keras.data.example", "Example": "frcnn_keras.data.example",
    "evaluate_detections": "frcnn_keras.evaluation.metrics",
    "Problem": "frcnn_keras.data.example", "Prepared": "frcnn_keras.data.prepared",
    "DatasetReport": "frcnn_keras.inspection.report", "Detector": "frcnn_keras.runs.detector",
    "TrainConfig": "frcnn_keras.pipeline.settings", "Trained": "frcnn_keras.pipeline.trained",
    **dict.fromkeys(("Detection", "Detections"), "frcnn_keras.runs.detections"),
    "Exported": "frcnn_keras.serving.comparison",
    **dict.fromkeys(("Proposed", "Proposer", "load_rpn"), "frcnn_keras.runs.proposer"),
    "InputError": "frcnn_keras.errors", "CheckConfig": "frcnn_keras.settings.stages",
    "PrepConfig": "frcnn_keras.settings.stages", "RPNConfig": "frcnn_keras.settings.stages",
    "RCNNConfig": "frcnn_keras.settings.stages", "FinetuneConfig": "frcnn_keras.settings.image_trainers",
    "JointConfig": "frcnn_keras.settings.image_trainers",
}

__all__ = [
    "Audit", "CheckConfig", "Dataset", "DatasetReport", "Detection", "Detections", "Detector", "Example",
    "Exported", "Finding", "FinetuneConfig", "InputError", "Item", "JointConfig", "PrepConfig", "Prepared",
    "Problem", "Proposed", "Proposer", "RCNNConfig", "RPNConfig", "Splits", "Thresholds", "TrainConfig", "Trained",
    "__version__", "audit", "check", "cross_validate", "drawn_shapes", "evaluate", "export", "finetune",
    "from_items", "load", "load_rpn", "load_torchvision", "prepare", "read", "read_coco", "read_csv",
    "read_labelme", "read_splits", "read_tfrecord", "read_voc", "read_yolo", "report", "thresholds", "train",
    "train_joint", "train_rcnn", "train_rpn",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


register_with_keras()
