"""A detector as an ONNX file, for onnxruntime and other runtimes."""

import contextlib
import json
import logging
import warnings
from collections.abc import Iterable
from pathlib import Path

import tensorflow as tf

from frcnn_keras.errors import InputError
from frcnn_keras.models.portable import detection_outputs, portable
from frcnn_keras.runs.detector import Detector
from frcnn_keras.serving import single_file
from frcnn_keras.serving.comparison import Exported

OPSETS = range(13, 19)  # of the default ONNX domain; those that tf2onnx writes and the tests have run
DEFAULT_OPSET = 17


def export_onnx(detector: Detector, out: str | Path, *, check_images: Iterable = (), overwrite: bool = False,
                opset: int = DEFAULT_OPSET, image_size: tuple[int, int] | None = None) -> Exported:
    """Writes the detector as one ONNX file; preparing the image, decoding and suppression are inside.

    Input `image_tensor` (1, H, W, 3) uint8 RGB, upright: encoded bytes never enter it. Outputs as
    models.portable.detection_outputs has them. The class names and thresholds stand in the file's metadata, each as
    JSON. Before the file gets its name it is run by onnxruntime and compared with `detector.predict` on drawn pictures
    and on `check_images`.

    Args:
        out: FILE.onnx.
        check_images: file paths, encoded images or (H, W, 3) uint8 arrays.
        overwrite: whether `out` may exist.
        opset: version of ONNX's operations, 13 to 18.
        image_size: (H, W) of a file for images of one size alone, for runtimes that need that; any size by default.

    Raises:
        InputError: a package is missing, or `out` exists.
        RuntimeError: the file's answers are not those of `predict`; nothing is left then.
    """
    out = Path(out)
    if opset not in OPSETS:
        raise InputError(f"ONNX opset {opset}: use {OPSETS[0]} to {OPSETS[-1]}")
    onnx, tf2onnx, onnxruntime = single_file.needed("onnx", "onnx", "tf2onnx", "onnxruntime")
    single_file.require_float32(detector)
    with single_file.new_file(out, overwrite) as temporary:
        model = _converted(detector, tf2onnx, opset, image_size)
        facts = single_file.facts(detector)
        onnx.helper.set_model_props(model, {key: json.dumps(facts[key], ensure_ascii=False) for key in facts})
        model.producer_name = "frcnn_keras"
        onnx.checker.check_model(model)
        temporary.write_bytes(model.SerializeToString())
        session = onnxruntime.InferenceSession(str(temporary), providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        agreement = single_file.compare_file(
            "ONNX", lambda image: dict(zip(names, session.run(None, {"image_tensor": image}))), detector, check_images,
            image_size)
        agreement.require()
    return Exported(out, agreement)


def _converted(detector: Detector, tf2onnx, opset: int, image_size):
    """The onnx.ModelProto."""
    model = portable(detector.model)
    height, width = image_size or (None, None)
    signature = [tf.TensorSpec((1, height, width, 3), tf.uint8, name="image_tensor")]
    graph = tf.function(lambda image_tensor: detection_outputs(model, image_tensor), input_signature=signature,
                        autograph=False)
    with _quiet("tf2onnx"):
        return tf2onnx.convert.from_function(graph, input_signature=signature, opset=opset)[0]


@contextlib.contextmanager
def _quiet(name: str):
    """Without a package's notes on its progress."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
