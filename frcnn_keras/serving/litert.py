"""A detector as a LiteRT (TensorFlow Lite) file, for phones and small computers.

Of LiteRT's own operations alone. TensorFlow's (Flex) would save the portable forms of suppression and pooling, but no
interpreter in TensorFlow's wheels since 2.20 has the Flex delegate (google-ai-edge/LiteRT#6458): such a file could be
neither checked nor run from Python.
"""

import json
import os
import tempfile
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path

import tensorflow as tf

from frcnn_keras.errors import InputError, one_line
from frcnn_keras.models.portable import detection_outputs, portable
from frcnn_keras.runs.detector import Detector
from frcnn_keras.serving import single_file
from frcnn_keras.serving.comparison import Exported

_DATE = (1980, 1, 1, 0, 0, 0)  # in the appended zip, so that equal detectors are equal files


def export_litert(detector: Detector, out: str | Path, *, check_images: Iterable = (), overwrite: bool = False,
                  image_size: tuple[int, int] | None = None) -> Exported:
    """Writes the detector as one LiteRT file for images of one size; decoding and suppression are inside.

    Signature `serving_default`: input `image_tensor` (1, H, W, 3) uint8 RGB, upright; outputs as
    models.portable.detection_outputs has them. The file answers as `predict` does for an image of that size.
    `labels.txt` and `detector.json` (class names, thresholds, image size) are appended to it as a zip archive, where
    metadata of such files belongs. Before the file gets its name it is run and compared with `detector.predict` on
    drawn pictures and on `check_images`, resized to its size.

    Args:
        out: FILE.tflite.
        check_images: file paths, encoded images or (H, W, 3) uint8 arrays.
        overwrite: whether `out` may exist.
        image_size: (H, W) of the input; `default_image_size` of the detector by default.

    Raises:
        InputError: a package is missing, `out` exists, or the detector cannot be converted.
        RuntimeError: the file's answers are not those of `predict`; nothing is left then.
    """
    out = Path(out)
    size = tuple(image_size or default_image_size(detector))
    if min(size) < 1:
        raise InputError(f"image size {size[0]} x {size[1]}: give a height and a width of 1 pixel or more")
    litert = single_file.needed("litert", "ai_edge_litert.interpreter")[0]
    single_file.require_float32(detector)
    with single_file.new_file(out, overwrite) as temporary:
        temporary.write_bytes(_converted(detector, size))
        _append(temporary, detector, size)
        interpreter = litert.Interpreter(model_path=str(temporary), num_threads=os.cpu_count())
        signature = interpreter.get_signature_runner("serving_default")
        agreement = single_file.compare_file("LiteRT", lambda image: signature(image_tensor=image), detector,
                                             check_images, size)
        agreement.require()
    return Exported(out, agreement)


def default_image_size(detector: Detector) -> tuple[int, int]:
    """(height, width) of a 4:3 landscape image at the size that the detector works at: nothing to resize inside."""
    preparing = detector.model.preparing
    return preparing.size(3 * preparing.longer, 4 * preparing.longer)


def _converted(detector: Detector, size: tuple[int, int]) -> bytes:
    """The flatbuffer. By way of a SavedModel: only so has the file names for its inputs and outputs."""
    model = portable(detector.model)
    signature = tf.TensorSpec((1, *size, 3), tf.uint8, name="image_tensor")
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    module.serve = tf.function(lambda image_tensor: detection_outputs(model, image_tensor), input_signature=[signature],
                               autograph=False)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the converter is to move to another package
        tf.saved_model.save(module, folder, signatures={"serving_default": module.serve.get_concrete_function()})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        try:
            return converter.convert()
        # the converter raises its own ConverterError, a plain Exception, besides others
        except Exception as error:
            reason = one_line(error, 300)
            raise InputError(f"the detector cannot be converted to LiteRT's own operations ({reason})") from error


def _append(path: Path, detector: Detector, size: tuple[int, int]) -> None:
    """Appends labels.txt, a class a line, and detector.json as a zip archive, which readers of the model skip."""
    facts = {**single_file.facts(detector), "image_height": size[0], "image_width": size[1]}
    files = {"labels.txt": "\n".join(detector.class_names) + "\n",
             "detector.json": json.dumps(facts, indent=2, ensure_ascii=False) + "\n"}
    with zipfile.ZipFile(path, "a") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), text)
