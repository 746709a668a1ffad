"""A detector as a LiteRT (TensorFlow Lite) file, for phones and small computers."""

import contextlib
import json
import os
import tempfile
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path

import tensorflow as tf

from frcnn_keras import exported
from frcnn_keras.errors import InputError
from frcnn_keras.inference import Detector
from frcnn_keras.models.portable import detection_outputs, portable
from frcnn_keras.ops.images import resized_size

_DATE = (1980, 1, 1, 0, 0, 0)  # in the appended zip, so that equal detectors are equal files


def export_litert(detector: Detector, out: str | Path, *, check_images: Iterable = (), flex: bool = False,
                  overwrite: bool = False, image_size: tuple[int, int] | None = None) -> exported.Agreement:
    """Writes the detector as one LiteRT file for images of one size; decoding and suppression are inside.

    Signature `serving_default`: input `image_tensor` (1, H, W, 3) uint8 RGB; outputs as models.portable.detection_outputs
    has them. The file answers as `predict` does for an image of that size. `labels.txt` and `detector.json` (class
    names, thresholds, image size) are appended to it as a zip archive, where metadata of such files belongs. Before
    the file gets its name it is run and compared with `detector.predict` on drawn pictures and on `check_images`,
    resized to its size.

    Args:
        out: FILE.tflite.
        check_images: file paths, encoded images or (H, W, 3) uint8 arrays.
        flex: whether TensorFlow's own operations may be used (combined NMS, crop_and_resize). Such a file needs an
            interpreter with the Flex delegate; without, it runs wherever LiteRT does.
        overwrite: whether `out` may exist.
        image_size: (H, W) of the input; `default_image_size` of the detector by default.

    Raises:
        InputError: a package is missing, `out` exists, the detector cannot be converted, or the file's answers differ.
    """
    out = Path(out)
    size = tuple(image_size or default_image_size(detector))
    if min(size) < 1:
        raise InputError(f"image size {size[0]} x {size[1]}: give a height and a width of 1 pixel or more")
    if not flex:
        exported.needed("litert", "ai_edge_litert.interpreter")
    exported.require_float32(detector)
    with exported.new_file(out, overwrite) as temporary:
        temporary.write_bytes(_converted(detector, size, flex))
        _append(temporary, detector, size)
        with _interpreter(temporary, flex) as signature:
            images = [exported.resized(image, size) for image in check_images]
            return exported.check("LiteRT", lambda image: signature(image_tensor=image), detector,
                                  [*exported.drawn_pictures([size] * 2), *images])


def default_image_size(detector: Detector) -> tuple[int, int]:
    """(height, width) of a 4:3 landscape image at the size that the detector works at: it need not be resized inside."""
    preparing = detector.model.preparing
    return resized_size(3 * preparing["longer"], 4 * preparing["longer"], preparing["shorter"], preparing["longer"])


def _converted(detector: Detector, size: tuple[int, int], flex: bool) -> bytes:
    """The flatbuffer. By way of a SavedModel: only so has the file names for its inputs and outputs."""
    model = detector.model if flex else portable(detector.model)
    signature = tf.TensorSpec((1, *size, 3), tf.uint8, name="image_tensor")
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    module.serve = tf.function(lambda image_tensor: detection_outputs(model, image_tensor), input_signature=[signature])
    with tempfile.TemporaryDirectory() as folder, _quiet():
        tf.saved_model.save(module, folder, signatures={"serving_default": module.serve.get_concrete_function()})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        kinds = [tf.lite.OpsSet.TFLITE_BUILTINS] + [tf.lite.OpsSet.SELECT_TF_OPS] * flex
        converter.target_spec.supported_ops = kinds
        try:
            return converter.convert()
        # the converter raises its own ConverterError, a plain Exception, besides others
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            advice = "" if flex else "; try it with TensorFlow's own operations (flex)"
            raise InputError(f"the detector cannot be converted to LiteRT ({reason}){advice}") from error


def _append(path: Path, detector: Detector, size: tuple[int, int]) -> None:
    """Appends labels.txt, a class a line, and detector.json as a zip archive, which readers of the model skip."""
    facts = {**exported.facts(detector), "image_height": size[0], "image_width": size[1]}
    files = {"labels.txt": "\n".join(detector.class_names) + "\n",
             "detector.json": json.dumps(facts, indent=2, ensure_ascii=False) + "\n"}
    with zipfile.ZipFile(path, "a") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), text)


@contextlib.contextmanager
def _interpreter(path: Path, flex: bool):
    """The file's signature, ready to be called. Only TensorFlow's own interpreter has the Flex delegate."""
    with _quiet():
        if flex:
            kind = tf.lite.Interpreter
        else:
            kind = exported.needed("litert", "ai_edge_litert.interpreter")[0].Interpreter
        interpreter = kind(model_path=str(path), num_threads=os.cpu_count())
        yield interpreter.get_signature_runner("serving_default")


@contextlib.contextmanager
def _quiet():
    """Without the notes that the converter and TensorFlow's interpreter are to move to another package."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
