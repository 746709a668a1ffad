"""Words that other tools use, and slips: what is meant is told, never done in silence."""

import difflib
from collections.abc import Collection, Iterable

_SETS = ("DATA", "voc", "coco", "yolo", "csv", "tfrecord", "labelme")  # in capitals: given without a flag

# what a command has of these is named; a word that no command means otherwise
FLAGS = {
    "lr": ("learning-rate",), "lr0": ("learning-rate",), "base-lr": ("learning-rate",), "rate": ("learning-rate",),
    "batch-size": ("batch",), "batchsize": ("batch",), "bs": ("batch",), "b": ("batch",),
    "output": ("out",), "output-dir": ("out",), "output-path": ("out",), "outdir": ("out",), "o": ("out",),
    "save-dir": ("out", "run"), "save": ("out",), "project": ("out", "run"), "dest": ("out",),
    "imgsz": ("shorter",), "img-size": ("shorter",), "image-size": ("shorter",), "input-size": ("shorter",),
    "size": ("shorter",), "img": ("shorter",), "resize": ("shorter",), "min-size": ("shorter",),
    "max-size": ("longer",),
    "e": ("epochs",), "num-epochs": ("epochs",), "n-epochs": ("epochs",), "max-epochs": ("epochs",),
    "optim": ("optimizer",), "wd": ("weight-decay",), "warmup-steps": ("warmup",), "amp": ("precision",),
    "half": ("precision",), "fp16": ("precision",), "fine-tune": ("freeze-stages",), "freeze": ("freeze-stages",),
    **{form: ("DATA",) for form in _SETS[1:]},
    "data": _SETS, "dataset": _SETS, "data-dir": _SETS, "data-path": _SETS, "train-data": ("data", *_SETS),
    "source": ("images", *_SETS), "input": ("images", "data", *_SETS), "image": ("images", *_SETS),
    "path": ("images", "data", *_SETS), "dir": ("images", "data", *_SETS), "i": ("images", "data", *_SETS),
    "val-data": ("val",), "valid": ("val",), "validation": ("val",), "val-dir": ("val",), "test-data": ("val",),
    "eval-data": ("val",), "val-split": ("holdout",), "val-size": ("holdout",), "test-size": ("holdout",),
    "video": ("images",), "stream": ("images",), "camera": ("images",), "vid-stride": ("every",), "skip": ("every",),
    "save-crop": ("crops",), "save-crops": ("crops",), "save-txt": ("save",), "save-json": ("save",),
    "names": ("classes",), "class-names": ("classes",), "labels": ("classes",),
    "conf": ("score-threshold",), "conf-thres": ("score-threshold",), "confidence": ("score-threshold",),
    "threshold": ("score-threshold",), "score": ("score-threshold",), "iou": ("nms",), "iou-thres": ("nms",),
    "max-det": ("max-detections",), "top-k": ("max-detections", "max-proposals"),
    "model": ("run", "backbone"), "weights": ("run", "backbone-weights"), "checkpoint": ("run", "backbone-weights"),
    "network": ("backbone",), "net": ("backbone",), "arch": ("backbone",), "encoder": ("backbone",),
    "anchors": ("anchor-sizes",), "flip": ("mirror",), "hflip": ("mirror",),
    "num-workers": ("workers",), "threads": ("workers",), "jobs": ("workers",), "j": ("workers",),
    "input-type": ("signatures",), "signature": ("signatures",),
    "gpu": ("device", "strategy"), "gpus": ("strategy", "device"), "cuda": ("device",), "cpu": ("device",),
    "early-stopping": ("patience",), "force": ("fresh", "overwrite"), "restart": ("fresh",), "clean": ("fresh",),
    "overwrite": ("fresh",),
}
SENTENCES = {word: "a second start of the same command goes on where it was stopped; --fresh starts over"
             for word in ("resume", "continue", "restore")}
COMMANDS = {
    "eval": "evaluate", "test": "evaluate", "val": "evaluate", "validate": "evaluate", "score": "evaluate",
    "metrics": "evaluate", "map": "evaluate",
    "detect": "predict", "infer": "predict", "inference": "predict", "track": "predict", "draw": "predict",
    "fit": "train", "run": "train", "all": "train", "start": "train",
    "prepare": "prep", "preprocess": "prep", "data-prep": "prep", "features": "prep",
    "lint": "check", "verify": "check", "inspect": "check", "stats": "check",
    "rpn": "train-rpn", "rcnn": "train-rcnn", "head": "train-rcnn", "train-head": "train-rcnn",
    "fine-tune": "finetune", "tune": "finetune", "end-to-end": "joint", "train-joint": "joint",
    "convert": "export", "save": "export", "serve": "export", "onnx": "export", "tflite": "export",
    "savedmodel": "export", "proposals": "propose", "regions": "propose", "torchvision": "import-torchvision",
    "import": "import-torchvision", "help": "--help", "version": "--version",
}


def flags_meant(word: str, known: Collection[str]) -> list[str]:
    """What a mistyped flag could be, of those that a command has: of other tools' words, the nearest, or those that
    begin with it. Without dashes; known: the flags, and in capitals what is given without one."""
    word = word.lstrip("-").replace("_", "-")
    for spelled in dict.fromkeys((word, word.lower())):
        if spelled in known:
            return [spelled]
    word = word.lower()
    meant = [flag for flag in FLAGS.get(word, ()) if flag in known]
    if meant:
        return meant
    flags = [flag for flag in known if not flag.isupper()]
    begun = [flag for flag in flags if flag.startswith(f"{word}-")]
    if 0 < len(begun) <= 3:
        return begun
    return difflib.get_close_matches(word, begun, 1, 0) or difflib.get_close_matches(word, flags, 1, 0.6)


def command_meant(word: str, known: Iterable[str]) -> str | None:
    """The command that a mistyped one, or another tool's, could be; None where none is near."""
    word = word.lower().replace("_", "-")
    near = difflib.get_close_matches(word, list(known), 1, 0.6)
    return COMMANDS.get(word) or next(iter(near), None)
