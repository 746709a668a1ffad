"""A detector written in one of the formats that other programs run."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from frcnn_keras.data.given_images import pixels
from frcnn_keras.data.image_files import read_file
from frcnn_keras.data.image_header import MAX_PIXELS, SERVED_PIXELS, image_header
from frcnn_keras.errors import InputError
from frcnn_keras.runs.detector import Detector
from frcnn_keras.serving.comparison import Exported
from frcnn_keras.serving.decoding_graph import GRAPH_KINDS
from frcnn_keras.serving.drawn_pictures import SIZES
from frcnn_keras.serving.signatures import OURS, check_kinds
from frcnn_keras.settings.ranges import SIDE, require

LEAST_PIXELS = max(height * width for height, width in SIZES)  # the drawn pictures are compared on
FORMATS = ("savedmodel", "onnx", "litert")


def export(detector: Detector, out: str | Path, format: str = "savedmodel", *, check_images: Iterable = (),
           version: int | None = None, overwrite: bool = False,
           image_size: tuple[int, int] | None = None, max_pixels: int | None = None,
           signatures: Sequence[str] | None = None) -> Exported:
    """Writes OUT/VERSION (savedmodel) or the file OUT, when its answers have been compared with `predict`'s.

    Args:
        check_images: files, encoded images or (H, W, 3) uint8 arrays to compare on, besides drawn pictures.
        version: of a SavedModel; one more than the largest in OUT by default.
        overwrite: replace what is there.
        image_size: (height, width) of an ONNX or LiteRT file for images of one size.
        max_pixels: of an encoded image that a SavedModel takes; SERVED_PIXELS by default. ONNX and LiteRT files take
            no encoded images.
        signatures: of a SavedModel, of signatures.KINDS; the first is its serving_default. `ours` by default.

    Raises:
        InputError: no such format, a setting of another format, or what the format's own exporter raises.
        RuntimeError: the answers differ.
    """
    if format not in FORMATS:
        raise InputError(f"--format must be one of {', '.join(FORMATS)}; received: {format!r}")
    check_settings(format, version, image_size, max_pixels, signatures)
    images = [read_file(image) if isinstance(image, (str, Path)) else image for image in check_images]
    if format == "savedmodel":
        from frcnn_keras.serving.saved_model import export_saved_model

        return export_saved_model(detector, out, check_images=[_encoded(image) for image in images], version=version,
                                  overwrite=overwrite,
                                  max_pixels=SERVED_PIXELS if max_pixels is None else max_pixels,
                                  signatures=(OURS,) if signatures is None else tuple(signatures))
    if format == "onnx":
        from frcnn_keras.serving.onnx import export_onnx

        return export_onnx(detector, out, check_images=images, overwrite=overwrite, image_size=image_size)
    from frcnn_keras.serving.litert import export_litert

    return export_litert(detector, out, check_images=images, overwrite=overwrite, image_size=image_size)


def check_settings(format: str, version: int | None, image_size, max_pixels: int | None = None,
                   signatures: Sequence[str] | None = None) -> None:
    """InputError for settings that belong to another format."""
    if version is not None and format != "savedmodel":
        raise InputError(f"--version belongs to --format savedmodel; {format} is written to the file --out")
    if signatures is not None:
        if format != "savedmodel":
            raise InputError("--signatures belongs to --format savedmodel; ONNX and LiteRT files have one of their own")
        check_kinds(signatures)
    if max_pixels is not None:
        if format != "savedmodel":
            raise InputError(f"--max-pixels belongs to --format savedmodel; {format} takes no encoded images")
        require("--max-pixels", max_pixels, int, least=LEAST_PIXELS, most=MAX_PIXELS)
    if image_size is not None and format == "savedmodel":
        raise InputError("--image-size belongs to --format onnx and litert, and takes two whole numbers of pixels")
    if image_size is not None:
        require("--image-size takes two whole numbers of pixels: it", tuple(image_size), int, least=1, most=SIDE,
                counts=(2,))
    if version is not None:
        require("--version", version, int, least=0, most=2**63 - 1)


def _encoded(image) -> bytes:
    """An image as clients of a SavedModel send it: arrays become PNG, and TIFFs, which a server cannot decode."""
    if isinstance(image, bytes) and image_header(image).kind in GRAPH_KINDS:
        return image
    import cv2

    return cv2.imencode(".png", np.asarray(pixels(image))[..., ::-1])[1].tobytes()
