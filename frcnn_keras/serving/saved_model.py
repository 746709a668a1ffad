"""A detector as a versioned SavedModel folder for TensorFlow Serving."""

import contextlib
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from frcnn_keras.data.image_header import SERVED_PIXELS, image_header
from frcnn_keras.errors import InputError
from frcnn_keras.files import write_json
from frcnn_keras.files.folders import Layout, is_empty, recover, require_place, settled, whole_folder
from frcnn_keras.files.locks import alone
from frcnn_keras.files.whole import tidy_folder
from frcnn_keras.readers.label_map import label_map_text as label_map
from frcnn_keras.runs.detector import Detector
from frcnn_keras.runtime import VERSION
from frcnn_keras.serving import warmup
from frcnn_keras.serving.comparison import Exported
from frcnn_keras.serving.decoding_graph import GRAPH_KINDS
from frcnn_keras.serving.drawn_pictures import drawn_images
from frcnn_keras.serving.folder_comparison import compare_folder, request
from frcnn_keras.serving.graph import ServingModule
from frcnn_keras.serving.signatures import OURS, check_kinds, key_of

LAYOUT = Layout(  # of a version
    r"saved_model\.pb|fingerprint\.pb|keras_metadata\.pb|variables/variables\..*|assets/labels\.txt|"
    r"assets\.extra/(label_map\.pbtxt|signature\.json|tf_serving_warmup_requests)",
    (("assets.extra/signature.json", frozenset(("signatures", "class_names", "first_label", "boxes", "detecting",
                                                "preprocessing", "versions"))),),
    ("variables", "assets", "assets.extra"))


def export_saved_model(detector: Detector, out: str | Path, *, check_images: Sequence[bytes] = (),
                       version: int | None = None, overwrite: bool = False,
                       max_pixels: int = SERVED_PIXELS, signatures: Sequence[str] = (OURS,)) -> Exported:
    """Writes OUT/<version>, loads it as a server does, compares it with `detector.predict`, then gives it its name.

    Args:
        check_images: encoded images to compare on, besides drawn ones.
        version: the next whole number by default.
        overwrite: replace a version that is there.
        max_pixels: of an encoded image that the model takes; it refuses a larger one before it decodes it.
        signatures: of signatures.KINDS; the first becomes serving_default.

    Raises:
        InputError: the version is there, no such signature, OUT cannot be written, a class's name does not fit one
            line, or a check image has more than max_pixels.
        RuntimeError: the folder's answers are not those of `predict`; nothing is left then.
    """
    out = settled(out)
    check_kinds(signatures)
    _check_sizes(check_images, max_pixels)
    if version is not None and version < 0:
        raise InputError(f"--version must be 0 or more; received: {version}")
    require_place(out, "--out")
    with alone(out):
        tidy_folder(out)
        return _export(detector, out, check_images, version, overwrite, max_pixels, tuple(signatures))


def _export(detector: Detector, out: Path, check_images: Sequence[bytes], version: int | None, overwrite: bool,
            max_pixels: int, kinds: tuple[str, ...]) -> Exported:
    """The same, into an OUT that is this process's."""
    target = out / str(next_version(out) if version is None else version)
    recover(target, LAYOUT)
    if not is_empty(target) and not overwrite:
        raise InputError(f"{target}: this version is there already; give another --version, or --overwrite")
    if target.is_symlink() or not is_empty(target) and not LAYOUT.marked(target):
        raise InputError(f"{target}: is no model that this package exported; give another --version")
    with _new_version(target) as folder:
        write_saved_model(detector, folder, max_pixels, kinds)
        agreement = compare_folder(detector, folder, [*drawn_images(), *check_images], kinds)
        agreement.require()
    return Exported(target, agreement)


def _check_sizes(images: Sequence[bytes], max_pixels: int) -> None:
    """InputError for check images that the model would refuse."""
    for number, image in enumerate(images, 1):
        height, width = image_header(image).size
        if height * width > max_pixels:
            raise InputError(f"--check-image {number} has {width} x {height} pixels, more than the {max_pixels} that "
                             "the model is to take; scale it down, or raise --max-pixels")


def next_version(out: str | Path) -> int:
    """One more than the largest version in OUT; 1 where there is none."""
    out = Path(out)
    if not out.is_dir():
        return 1
    return max((int(path.name) for path in out.iterdir() if path.name.isdecimal()), default=0) + 1


@contextlib.contextmanager
def _new_version(target: Path) -> Iterator[Path]:
    """A folder in OUT whose name is no number, so that a server passes it by; at the end it becomes `target`."""
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(whole_folder(target, LAYOUT))
        except OSError as error:
            raise InputError(f"{target.parent}: cannot be written ({error.strerror}); give another --out") from error
        yield folder


def write_saved_model(detector: Detector, folder: Path, max_pixels: int = SERVED_PIXELS,
                      kinds: Sequence[str] = (OURS,)) -> None:
    """The SavedModel and its assets.extra, into an empty folder. Nobody's photographs become warm-up requests."""
    labels = folder / "labels.txt"
    labels.write_bytes(labels_file(detector.class_names))
    module = ServingModule(detector.model, labels, max_pixels)
    signatures = module.signatures(kinds)
    tf.saved_model.save(module, str(folder), signatures)
    labels.unlink()  # SavedModel has copied it to assets/
    extra = folder / "assets.extra"
    extra.mkdir()
    (extra / "label_map.pbtxt").write_text(label_map(detector.class_names), encoding="utf-8")
    write_json(extra / "signature.json", description(detector, signatures, max_pixels))
    warmup.write_warmup(extra, [(key_of(kind, kinds), *request(kind, [image]))
                                for kind in kinds for image in drawn_images()])


def labels_file(class_names: Sequence[str]) -> bytes:
    """A line for each class. InputError for a name that would not come back as it is."""
    for name in class_names:
        whole = name == name.strip() and len(name.splitlines()) == 1  # an empty name has no line
        if not whole or any(unicodedata.category(char) in ("Cc", "Cs") for char in name):
            raise InputError(f"class {name!r}: its name must be one line, without control characters or blanks at its "
                             "ends, to be exported")
    return "".join(f"{name}\n" for name in class_names).encode()


def description(detector: Detector, signatures: dict, max_pixels: int) -> dict:
    """What signature.json says."""
    settings = detector.model.settings.to_dict()
    return {
        "signatures": {name: {"inputs": _specs(function.structured_input_signature[1] or
                                               {spec.name: spec for spec in function.structured_input_signature[0]}),
                              "outputs": _specs(function.structured_outputs)}
                       for name, function in signatures.items()},
        "class_names": list(detector.class_names), "first_label": 1,
        "boxes": "ymin, xmin, ymax, xmax as fractions of the upright image: encoded images are turned by their EXIF "
                 "orientation, pixels are taken as upright",
        "encoded_images": {"kinds": list(GRAPH_KINDS), "max_pixels": max_pixels},
        "detecting": settings["detecting"], "preprocessing": settings["preparing"],
        "versions": {"frcnn_keras": VERSION, "tensorflow": tf.__version__, "keras": keras.__version__},
    }


def _specs(specs: dict) -> dict:
    """dtype and shape by name; null for sides that may be of any size."""
    return {name: {"dtype": spec.dtype.name, "shape": spec.shape.as_list()} for name, spec in sorted(specs.items())}
