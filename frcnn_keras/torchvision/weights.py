"""torchvision's state_dicts into detectors: every name and every shape checked, nothing left over on either side."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import keras
import numpy as np

from frcnn_keras.errors import InputError
from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.models.normed_conv import NormedConv2D
from frcnn_keras.torchvision.detectors import MODELS
from frcnn_keras.torchvision.torch_pickle import shown

_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "mean", "running_var": "variance"}


class Entry(NamedTuple):
    """One tensor: its name in the file, the variable that takes it, and how its axes go there."""

    name: str
    variable: keras.Variable
    layout: str  # a key of _LAYOUTS


# name -> (shape of the variable -> shape in the file, array of the file -> array of the variable)
_LAYOUTS = {
    "vector": (lambda shape: shape, lambda array: array),
    "conv": (lambda shape: (shape[3], shape[2], shape[0], shape[1]), lambda array: array.transpose(2, 3, 1, 0)),
    "depthwise": (lambda shape: (shape[2], 1, shape[0], shape[1]), lambda array: array.transpose(2, 3, 0, 1)),
    "pointwise": (lambda shape: (shape[1], shape[0], 1, 1), lambda array: array[:, :, 0, 0].T),
    "dense": (lambda shape: (shape[1], shape[0]), lambda array: array.T),
    # the file flattens C, H, W of a pooled 7x7 region, Keras H, W, C
    "flattened": (lambda shape: (shape[1], shape[0]),
                  lambda array: array.reshape(len(array), -1, 7, 7).transpose(2, 3, 1, 0).reshape(-1, len(array))),
}


def assign_weights(detector: FasterRCNN, tensors: Mapping[str, np.ndarray], source: str) -> None:
    """Gives a detector of `torchvision.detectors` the weights of a state_dict.

    tensors: by name, in either spelling: as the models have them today, or as the file of 2019 does. source: what
    messages call them.

    Raises:
        InputError: a name is missing or left over, or a shape or value is not as it should be; the detector's weights
            may have changed in part then.
    """
    tensors = modern_names(tensors)
    wanted = {entry.name: entry for entry in entries(detector)}
    missing, unknown = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    if missing or unknown:
        parts = [f"{len(names)} {what} ({_listed(names)})" for what, names in
                 (("missing", missing), ("not known", unknown)) if names]
        raise InputError(f"{source}: not the weights of this model: {' and '.join(parts)}")
    for name, entry in wanted.items():
        shape_there, arranged = _LAYOUTS[entry.layout]
        shape, needed = tuple(np.shape(tensors[name])), tuple(shape_there(tuple(entry.variable.shape)))
        if shape != needed:
            raise InputError(f"{source}: {name} is {shape}, this model needs {needed}{_classes_hint(name)}")
        array = np.asarray(tensors[name])
        if array.dtype.kind != "f" or not np.all(np.isfinite(array)):
            raise InputError(f"{source}: {name} must hold finite floating-point numbers; it is {array.dtype}")
        entry.variable.assign(np.ascontiguousarray(arranged(array), np.float32))


def modern_names(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """State_dict with today's names: the file of 2019 calls a layer what is now its block's only layer. Counters of
    training batches are left out."""
    renamed = {}
    for name, tensor in tensors.items():
        if name.endswith(".num_batches_tracked"):
            continue
        parts = name.split(".")
        if parts[:2] == ["backbone", "fpn"] and len(parts) == 5:  # backbone.fpn.inner_blocks.0.weight
            parts.insert(4, "0")
        if parts[:3] == ["rpn", "head", "conv"] and len(parts) == 4:  # rpn.head.conv.weight
            parts[3:3] = ["0", "0"]
        renamed[".".join(parts)] = tensor
    return renamed


def guess_model(tensors: Mapping[str, np.ndarray], file_name: str = "") -> str:
    """Which of MODELS a state_dict is of: by its names; of the two MobileNets, which are alike, by the file's name."""
    names = modern_names(tensors).keys()
    if "backbone.body.conv1.weight" in names:
        return "fasterrcnn_resnet50_fpn" + ("_v2" if "rpn.head.conv.1.0.weight" in names else "")
    if "backbone.body.0.0.weight" in names:
        return "fasterrcnn_mobilenet_v3_large" + ("_320" if "320" in file_name else "") + "_fpn"
    raise InputError(f"{file_name or 'the weights'}: of none of torchvision's Faster R-CNN models "
                     f"({', '.join(MODELS)}); it holds {_listed(sorted(tensors))}")


def entries(detector: FasterRCNN) -> Iterator[Entry]:
    """Every tensor that a state_dict of this detector holds."""
    trunk, fpn = detector.extractor.trunk, detector.extractor.fpn
    for layer in trunk.layers:
        if layer.weights:
            yield from _trunk_layer(layer, trunk.name)
    for level, (lateral, smooth) in enumerate(zip(fpn.lateral, fpn.smooth, strict=True)):
        for layer, blocks in ((lateral, "inner_blocks"), (smooth, "layer_blocks")):
            place = f"backbone.fpn.{blocks}.{level}"
            yield from _normed(layer, f"{place}.0", f"{place}.1") if isinstance(layer, NormedConv2D) \
                else _plain(layer, f"{place}.0", "conv")
    for number, layer in enumerate([detector.rpn.convolution, *detector.rpn.deeper]):
        yield from _plain(layer, f"rpn.head.conv.{number}.0", "conv")
    yield from _plain(detector.rpn.objectness, "rpn.head.cls_logits", "conv")
    yield from _plain(detector.rpn.deltas, "rpn.head.bbox_pred", "conv")
    yield from _head(detector.rcnn.trunk)
    yield from _plain(detector.rcnn.class_logits, "roi_heads.box_predictor.cls_score", "dense")
    yield from _plain(detector.rcnn.deltas, "roi_heads.box_predictor.bbox_pred", "dense")


def _trunk_layer(layer, network: str) -> Iterator[Entry]:
    """conv1, layer1_0_conv1, layer1_0_downsample; or block0, block4_depthwise, block4_squeeze, ..."""
    block, _, part = layer.name.rpartition("_")
    if network == "resnet50":
        block = "backbone.body." + "".join(f"{step}." for step in block.split("_") if step)
        names = ("downsample.0", "downsample.1") if part == "downsample" else (part, part.replace("conv", "bn"))
        yield from _normed(layer, block + names[0], block + names[1])
    elif not block:  # block0 and block16 are convolutions themselves
        number = part.removeprefix("block")
        yield from _normed(layer, f"backbone.body.{number}.0", f"backbone.body.{number}.1")
    else:
        number = int(block.removeprefix("block"))
        steps = mobilenet_steps(number)
        place = f"backbone.body.{number}.block.{steps[part]}"
        if part in ("squeeze", "excite"):
            yield from _plain(layer, f"{place}.{'fc1' if part == 'squeeze' else 'fc2'}", "pointwise")
        else:
            yield from _normed(layer, f"{place}.0", f"{place}.1")


def mobilenet_steps(number: int) -> dict[str, int]:
    """Place of each part within torchvision's inverted residual block of that number."""
    from frcnn_keras.models.mobilenet_v3 import BLOCKS

    parts = [] if number == 1 else ["expand"]  # the first block does not expand
    parts.append("depthwise")
    if BLOCKS[number - 1][3]:
        parts.append("squeeze")
    parts.append("project")
    steps = {part: place for place, part in enumerate(parts)}
    return {**steps, "excite": steps["squeeze"]} if "squeeze" in steps else steps


def _head(trunk: keras.Model) -> Iterator[Entry]:
    """The box head's layers: two dense ones, behind convolutions in v2."""
    place = "roi_heads.box_head"
    if trunk.name == "two_fc":
        yield from _plain(trunk.get_layer("fc1"), f"{place}.fc6", "flattened")
        yield from _plain(trunk.get_layer("fc2"), f"{place}.fc7", "dense")
        return
    convolutions = [layer for layer in trunk.layers if isinstance(layer, NormedConv2D)]
    for number, layer in enumerate(convolutions):
        yield from _normed(layer, f"{place}.{number}.0", f"{place}.{number}.1")
    yield from _plain(trunk.get_layer("fc1"), f"{place}.{len(convolutions) + 1}", "flattened")


def _normed(layer: NormedConv2D, convolution: str, norm: str) -> Iterator[Entry]:
    yield Entry(f"{convolution}.weight", layer.kernel, "depthwise" if layer.filters is None else "conv")
    for name, attribute in _NORM.items():
        yield Entry(f"{norm}.{name}", getattr(layer, attribute), "vector")


def _plain(layer, name: str, layout: str) -> Iterator[Entry]:
    yield Entry(f"{name}.weight", layer.kernel, layout)
    yield Entry(f"{name}.bias", layer.bias, "vector")


def _listed(names: list[str]) -> str:
    """All of a few names, the first of many."""
    return ", ".join(map(shown, names[:12])) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _classes_hint(name: str) -> str:
    return "; is the number of classes right?" if ".box_predictor." in name else ""
