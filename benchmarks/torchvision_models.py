"""torchvision's detectors, an image of 800x1066 with random weights: by part, float32 beside bfloat16, and beside
torchvision itself where it is installed."""

import contextlib
import importlib.util
import json
import os
import statistics
import sys
import time

import numpy as np

from benchmarks.inputs import Settings
from benchmarks.timing import Row, Worker, serve
from frcnn_keras.models.precision import PRECISIONS

PARTS = ("backbone and pyramid", "RPN and proposals", "regions and head", "whole image")
SMALL = "fasterrcnn_mobilenet_v3_large_320_fpn"


def models(settings: Settings) -> list[str]:
    from frcnn_keras.torchvision.detectors import MODELS

    return [SMALL] if settings.quick else list(MODELS)


def measure(settings: Settings) -> list[Row]:
    """Every model and precision, by turns."""
    size = (240, 320) if settings.quick else (800, 1066)
    image = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    names, rows = models(settings), []
    with contextlib.ExitStack() as stack:
        reference = None
        if importlib.util.find_spec("torchvision"):
            worker = "benchmarks.torchvision_models"
            reference = stack.enter_context(Worker(worker, json.dumps(names), *map(str, size)))
            reference.ready()
        ways = {(name, precision): by_parts(name, precision, image) for name in names for precision in PRECISIONS}
        samples: dict[tuple, list[float]] = {}
        for _ in range(settings.repeats(5)):
            for (name, precision), once in ways.items():
                for part, seconds in once().items():
                    samples.setdefault((name, precision, part), []).append(seconds)
            for key, seconds in (reference.ask() if reference else {}).items():
                name, part = key.split("/")
                samples.setdefault((name, "torchvision", part), []).append(seconds)
    medians = {key: statistics.median(values) for key, values in samples.items()}
    for name in names:
        for part in PARTS:
            exact, rough = (medians[name, precision, part] for precision in PRECISIONS)
            short = name.removeprefix("fasterrcnn_")
            rows.append(Row("torchvision", f"{short}, {part}, bfloat16", rough, "s", "float32", exact))
            beside = medians.get((name, "torchvision", part))
            if beside is not None:
                rows.append(Row("torchvision", f"{short}, {part}, float32", exact, "s", "torchvision", beside))
    return rows


def by_parts(name: str, precision: str, image: np.ndarray):
    """() -> seconds of each part, for an image; warm."""
    import tensorflow as tf

    from frcnn_keras.models.precision import set_precision
    from frcnn_keras.ops import images
    from frcnn_keras.torchvision.detectors import build_detector

    detector = build_detector(name, [str(label) for label in range(1, 91)], classes=91)
    set_precision(detector, precision)
    whole = tf.function(detector.detect_image, input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)])
    features, propose = tf.function(detector.features), tf.function(detector.propose)
    detect = tf.function(detector.detect)
    preparing = detector.preparing
    size = preparing.size(*image.shape[:2])
    given = images.pad(images.normalise(images.resize(image, *size), preparing.preprocessing)[None],
                       preparing.pad_multiple)
    sizes = tf.constant([size])

    def once() -> dict[str, float]:
        times = [time.perf_counter()]
        levels = _finished(features(given), times)
        proposals = _finished(propose(levels, sizes), times)
        _finished(detect(levels, proposals, sizes), times)
        _finished(whole(image), times)
        return dict(zip(PARTS, np.diff(times).tolist(), strict=True))

    once()
    once()
    return once


def _finished(result, times: list[float]):
    """`result`, when it is computed; notes the time then."""
    import tensorflow as tf

    for tensor in tf.nest.flatten(result):
        tensor[(0,) * tensor.shape.rank].numpy()
    times.append(time.perf_counter())
    return result


def torchvision_measurement(names: list[str], size: tuple[int, int]):
    """() -> torchvision's seconds by `model/part`, with as many threads as there are cores."""
    import torch
    from torchvision.models import detection

    torch.set_num_threads(os.cpu_count())
    torch.manual_seed(0)
    built = {name: getattr(detection, name)(weights=None, weights_backbone=None).eval() for name in names}
    image = torch.rand(3, *size)

    def once() -> dict[str, float]:
        found = {}
        with torch.inference_mode():
            for name, model in built.items():
                images, _ = model.transform([image])
                times = [time.perf_counter()]
                levels = model.backbone(images.tensors)
                times.append(time.perf_counter())
                proposals, _ = model.rpn(images, levels)
                times.append(time.perf_counter())
                model.roi_heads(levels, proposals, images.image_sizes)
                times.append(time.perf_counter())
                model([image])
                times.append(time.perf_counter())
                found.update(zip([f"{name}/{part}" for part in PARTS], np.diff(times).tolist(), strict=True))
        return found

    once()
    return once


if __name__ == "__main__":
    serve(torchvision_measurement(json.loads(sys.argv[1]), (int(sys.argv[2]), int(sys.argv[3]))))
