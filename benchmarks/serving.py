"""Exported models beside `predict`: latency of requests of one and of eight images, and memory over many sizes."""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from benchmarks.inputs import Settings, dataset_of
from benchmarks.prediction import random_detector
from benchmarks.timing import Row, alternate, rows_of
from frcnn_keras.data.given_images import pixels
from frcnn_keras.models.precision import set_precision
from frcnn_keras.runs.detector import Detector, load
from frcnn_keras.serving.saved_model import export_saved_model
from frcnn_keras.serving.session import serving_session

BATCH = 8


def measure(settings: Settings) -> list[Row]:
    """Rows of latency, then of memory and traces."""
    detector = load(settings.run) if settings.run else random_detector(settings)
    examples = dataset_of(settings, BATCH).examples
    images = [np.asarray(pixels(example.read())) for example in examples]
    images = [image for image in images if image.shape == images[0].shape]  # image_tensor takes one size
    encoded = [cv2.imencode(".jpg", image[..., ::-1])[1].tobytes() for image in images]
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = export_saved_model(detector, Path(scratch) / "float32").path
        call = stack.enter_context(serving_session(folder))
        functions = in_process(detector, images, encoded) | saved_model(call, images, encoded)
        pairs = paired(functions, len(images))
        lowered = load(settings.run) if settings.run else random_detector(settings)
        set_precision(lowered.model, "bfloat16")
        folder_bf16 = export_saved_model(lowered, Path(scratch) / "bfloat16").path
        call_bf16 = stack.enter_context(serving_session(folder_bf16))
        functions["SavedModel in bfloat16, image_tensor, 1 image"] = lambda: call_bf16(
            "image_tensor", {"image_tensor": images[0][None]})
        pairs.append(("SavedModel in bfloat16, image_tensor, 1 image", "SavedModel, image_tensor, 1 image"))
        for name, function in portable_files(detector, Path(scratch), images[0]).items():
            functions[name] = function
            pairs.append((name, "graph in process, pixels, 1 image"))
        seconds = alternate(functions, settings.repeats(15), warm=2)
        return rows_of("serving", seconds, pairs) + [memory(settings, folder), traces(detector)]


def in_process(detector: Detector, images, encoded) -> dict[str, Callable]:
    """`predict`'s graph and `predict`."""
    count = len(images)
    tensors = [tf.constant(image) for image in images]
    return {
        "graph in process, pixels, 1 image": lambda: detector._detect(tensors[0]).boxes.numpy(),
        f"graph in process, pixels, {count} calls": lambda: [detector._detect(one).boxes.numpy() for one in tensors],
        "predict, encoded, 1 image": lambda: detector.predict(encoded[0]),
        f"predict, encoded, {count} images": lambda: detector.predict(encoded),
    }


def saved_model(call, images, encoded) -> dict[str, Callable]:
    """Requests of one image and of all."""
    made = {}
    for count in (1, len(images)):
        array, strings = np.stack(images[:count]), np.array(encoded[:count], object)
        what = f"{count} image{'s' * (count > 1)}"
        made[f"SavedModel, image_tensor, {what}"] = lambda array=array: call("image_tensor", {"image_tensor": array})
        made[f"SavedModel, image_bytes, {what}"] = lambda strings=strings: call(
            "serving_default", {"image_bytes": strings})
    return made


def paired(functions, count: int) -> list[tuple[str, str]]:
    """Which names stand beside which."""
    found = [("SavedModel, image_tensor, 1 image", "graph in process, pixels, 1 image"),
             ("SavedModel, image_bytes, 1 image", "predict, encoded, 1 image")]
    if count > 1:
        found += [(f"SavedModel, image_tensor, {count} images", f"graph in process, pixels, {count} calls"),
                  (f"SavedModel, image_bytes, {count} images", f"predict, encoded, {count} images")]
    return [pair for pair in found if pair[0] in functions and pair[1] in functions]


def portable_files(detector: Detector, scratch: Path, image) -> dict[str, Callable]:
    """ONNX and LiteRT files of images of this size, where the packages that run them are installed."""
    found, size = {}, image.shape[:2]
    if all(map(importlib.util.find_spec, ("frcnn_keras.serving.onnx", "onnx", "tf2onnx", "onnxruntime"))):
        import onnxruntime

        from frcnn_keras.serving.onnx import export_onnx

        export_onnx(detector, scratch / "model.onnx")
        session = onnxruntime.InferenceSession(str(scratch / "model.onnx"), providers=["CPUExecutionProvider"])
        found["ONNX, 1 image"] = lambda: session.run(None, {"image_tensor": image[None]})
    if all(map(importlib.util.find_spec, ("frcnn_keras.serving.litert", "ai_edge_litert"))):
        from ai_edge_litert.interpreter import Interpreter

        from frcnn_keras.serving.litert import export_litert

        export_litert(detector, scratch / "model.tflite", image_size=size)
        signature = Interpreter(str(scratch / "model.tflite"), num_threads=2).get_signature_runner("serving_default")
        found["LiteRT, 1 image"] = lambda: signature(image_tensor=image[None])
    return found


def memory(settings: Settings, folder: Path) -> Row:
    """What a process holds after many requests of random sizes, beside what it held after half of them."""
    requests, largest = (20, 400) if settings.quick else (1000, 4000)
    program = Path(__file__).with_name("saved_model.py")
    done = subprocess.run([sys.executable, str(program), "soak", str(folder), str(requests), str(largest)],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{program.name} ended with code {done.returncode}: {done.stderr.strip()[-500:]}")
    held = json.loads(done.stdout.splitlines()[-1])
    return Row("serving", f"memory after {requests} requests, 16x16 to {largest}x{largest * 3 // 4}", held[-1], "MB",
               f"after {requests // 2}", held[4])


def traces(detector: Detector) -> Row:
    """How often `predict` traces its graph over unlike sizes; a SavedModel cannot trace at all."""
    rng = np.random.default_rng(0)
    for height, width in rng.integers(16, 200, (10, 2)):
        detector.predict(np.zeros((height, width, 3), np.uint8))
    return Row("serving", "graphs traced by predict, 10 sizes", detector._detect.experimental_get_tracing_count(), "",
               "one size", 1)
