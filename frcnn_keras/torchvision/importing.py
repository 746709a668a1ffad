"""torchvision's Faster R-CNN detectors with their weights, as detectors like any other."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from frcnn_keras.errors import InputError
from frcnn_keras.models.precision import set_precision, warn_if_slower
from frcnn_keras.progress import say
from frcnn_keras.runs.detector import Detector
from frcnn_keras.runs.folder import save_run
from frcnn_keras.settings.ranges import SIDE, require
from frcnn_keras.torchvision.checkpoints import read_tensors
from frcnn_keras.torchvision.coco_classes import COCO_NAMES, is_gap
from frcnn_keras.torchvision.detectors import MODELS, build_detector
from frcnn_keras.torchvision.norm_epsilon import MOST_EPSILON, file_hash, norm_epsilon, settle_variances
from frcnn_keras.torchvision.weights import assign_weights, guess_model


def load_torchvision(weights: str | Path | Mapping[str, np.ndarray], model: str | None = "fasterrcnn_resnet50_fpn",
                     num_classes: int = 91, min_size: int | None = None, max_size: int | None = None,
                     class_names: Sequence[str] | None = None, keep_classes: Sequence[str] | None = None,
                     precision: str | None = None, bn_epsilon: float | None = None) -> Detector:
    """A detector with a torchvision model's weights; its detections are torchvision's.

    Args:
        weights: a file (.pth in either form, .safetensors, .npz), or tensors by their state_dict's names.
        model: a key of torchvision.detectors.MODELS; None to tell it by the weights. The two MobileNet models
            have the same tensors: without a name the larger one is taken unless the file's name says 320.
        num_classes: outputs of the classifier, the background's included.
        min_size, max_size: the shorter side of the resized image, and the longer one's limit; the model's own by
            default (800 and 1333; 320 and 640).
        class_names: of labels 1..num_classes-1. By default COCO's where num_classes is 91 (so that a label is COCO's
            category id), else class1, class2, ...
        keep_classes: names of the only classes to be found, in the order of their new labels. Scores stay those of the
            softmax over all classes. COCO's category ids are kept in Detector.category_ids.
        precision: `float32` (default) or `bfloat16`.
        bn_epsilon: of every batch normalisation; by default 0 where the file is that of COCO weights which need it,
            else 1e-5. A line says which was taken; see torchvision.norm_epsilon.

    Raises:
        InputError: the file cannot be read, its tensors are not those of the model, or a name is unknown.
    """
    return _load(_read(weights), model, num_classes, min_size, max_size, class_names, keep_classes, precision,
                 bn_epsilon)


class _Weights(NamedTuple):
    """Tensors by name, what messages call their source, and their file's SHA-256 where they are of one."""

    tensors: Mapping[str, np.ndarray]
    source: str
    digest: str | None


def _read(weights: str | Path | Mapping[str, np.ndarray]) -> _Weights:
    if isinstance(weights, Mapping):
        return _Weights(weights, "the weights", None)
    return _Weights(read_tensors(weights), str(weights), file_hash(weights))


def _load(weights: _Weights, model: str | None, num_classes: int, min_size: int | None = None,
          max_size: int | None = None, class_names: Sequence[str] | None = None,
          keep_classes: Sequence[str] | None = None, precision: str | None = None,
          bn_epsilon: float | None = None) -> Detector:
    """load_torchvision, of weights that were read."""
    for flag, side in (("--min-size", min_size), ("--max-size", max_size)):
        if side is not None:
            require(flag, side, int, least=1, most=SIDE)
    if bn_epsilon is not None:
        require("--bn-epsilon", bn_epsilon, float, least=0, most=MOST_EPSILON)
    model = model or guess_model(weights.tensors, Path(weights.source).name)
    names = _names(num_classes, class_names)
    wanted = _labels_of(keep_classes, names) if keep_classes is not None else None
    labels = wanted or range(1, num_classes)
    epsilon, reason = norm_epsilon(model, num_classes, weights.digest, bn_epsilon)
    detector = build_detector(model, [names[label - 1] for label in labels], classes=num_classes, min_size=min_size,
                              max_size=max_size, wanted=wanted, category_ids=labels, bn_epsilon=epsilon)
    assign_weights(detector, weights.tensors, weights.source)
    settle_variances(detector, weights.source)
    say(reason)
    if precision is not None:
        set_precision(detector, precision)
        warn_if_slower(precision)
    return Detector(detector)


def import_torchvision(weights: str | Path, out: str | Path, model: str | None = None, **settings) -> Detector:
    """Writes a run folder of a weights file: detector.keras, and import.json with where it came from.

    settings: those of load_torchvision. The number of classes follows from the file.
    """
    read = _read(weights)
    name = Path(weights).name
    model = model or guess_model(read.tensors, name)
    scores = read.tensors.get("roi_heads.box_predictor.cls_score.weight")
    classes = 91 if scores is None or scores.ndim != 2 or not scores.size else len(scores)  # else its shape is refused
    detector = _load(read, model, classes, **settings)
    network = detector.model
    save_run(network, Path(out), "import", {
        "model": model, "file": name, "sha256": read.digest, "classes": classes, "class_names": network.class_names,
        "category_ids": network.category_ids, "min_size": network.preparing.shorter,
        "max_size": network.preparing.longer, "bn_epsilon": network.extractor.trunk.layers[1].epsilon,
        "settings": network.settings.to_dict(),
        "coco_ap": MODELS[model].coco_ap if name == MODELS[model].file else None})
    return detector


def _names(num_classes: int, class_names: Sequence[str] | None) -> tuple[str, ...]:
    """Of labels 1..num_classes-1."""
    if num_classes < 2:
        raise InputError(f"num_classes counts the background, so it is at least 2; received: {num_classes}")
    require("num_classes", num_classes, int, least=2, most=10**5)
    if class_names is None:
        coco = num_classes == len(COCO_NAMES) + 1
        return COCO_NAMES if coco else tuple(f"class{label}" for label in range(1, num_classes))
    if len(class_names) != num_classes - 1:
        raise InputError(f"the weights have {num_classes - 1} classes beside the background; "
                         f"{len(class_names)} class names were given")
    return tuple(class_names)


def _labels_of(wanted: Sequence[str], names: Sequence[str]) -> list[int]:
    """The labels of some class names."""
    if not wanted or len(set(wanted)) != len(wanted):
        raise InputError(f"the classes to keep must be named, each once; received: {', '.join(wanted) or 'none'}")
    for name in wanted:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1, 0.5)
            known = ", ".join(name for name in names if not is_gap(name))
            raise InputError(f"no class {name!r}; " + (f"did you mean {near[0]!r}?" if near else f"there are {known}"))
    return [names.index(name) + 1 for name in wanted]
