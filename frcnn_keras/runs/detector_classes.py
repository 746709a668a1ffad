"""The classes of a run's detector, read without TensorFlow."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

from frcnn_keras.errors import InputError, one_line

_LARGEST = 64 << 20  # bytes of a detector's config; two thousand classes have 60 kB


def require_classes(run: str | Path, class_names: Sequence[str]) -> None:
    """InputError where a run has a detector of other classes than these; a run without one has none."""
    path = Path(run) / "detector.keras"
    own = _classes(path) if path.exists() else tuple(class_names)
    if own != tuple(class_names):
        raise InputError(f"{run}: its detector has the classes {', '.join(own)}, the evaluation is of "
                         f"{', '.join(class_names)}; give a run of the same classes, in the same order")


def _classes(path: Path) -> tuple[str, ...]:
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("config.json").file_size > _LARGEST:
                raise ValueError("its config.json is too large")
            return tuple(map(str, json.loads(archive.read("config.json"))["config"]["class_names"]))
    except Exception as error:  # a damaged file makes zipfile and json fail in every way
        raise InputError(f"{path}: is no detector of this package ({one_line(error)}); train or import the run anew"
                         ) from error
