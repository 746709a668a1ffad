"""What below a data set's folder this package wrote: pictures with boxes on them, results in COCO's form, shards, a
model's label map. None of it is data."""

import contextlib
import json
import os
from collections.abc import Collection
from pathlib import Path

from frcnn_keras.errors import InputError
from frcnn_keras.files.folders import is_mark
from frcnn_keras.files.ledger import NAME as LEDGER

_KEYS = {  # files that say that a whole folder is ours, with some of their keys: of a run, an import, prep, a stage
    **dict.fromkeys(("rpn.json", "rcnn.json", "finetune.json", "joint.json"), ("format", "config", "data")),
    "train.json": ("format", "config", "train", "val"),
    "import.json": ("model", "sha256", "class_names", "category_ids"),
    "config.json": ("format", "prep", "eval_only", "classes", "annotations"),
    "proposer.json": ("format", "extractor", "rpn", "geometry"),
    **dict.fromkeys(("manifest.json", "request.json"), ("format", "kind", "shards", "extractor", "annotations")),
    "signature.json": ("signatures", "class_names", "first_label"),
}
_MODEL = "saved_model.pb"  # a SavedModel's, whoever exported it
# by which a ledger's files are results; that of drawn images to train on (`demo`) lists none of these
_RESULTS = {"detections.json", "proposals.json", "ground_truth.json", "metrics.json", "train_metrics.json"}


def own(folder: str | os.PathLike, names: Collection[str]) -> Collection[str]:
    """Which of a folder's entries are this package's: all of a run, a prep folder or an exported model; of a folder
    with results the files that its ledger lists beside them, for a user's may lie there, too."""
    if _MODEL in names or any(name in names and is_mark(Path(folder, name), keys) for name, keys in _KEYS.items()):
        return names
    if LEDGER not in names:
        return ()
    listed = _listed(Path(folder, LEDGER))
    return listed & set(names) if listed & _RESULTS else ()


def is_own(folder: str | os.PathLike, depth: int = 4) -> bool:
    """Whether all that lies in a folder, but for what is hidden, is this package's; InputError where it cannot be
    listed. depth: of folders in it that are looked into."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise InputError(f"{folder}: the folder cannot be listed ({error.strerror})") from error
    ours = own(folder, names)
    others = [name for name in names if name not in ours and not name.startswith(".")]
    if not ours and not others:
        return False
    return not others or depth > 0 and all(
        os.path.isdir(path) and is_own(path, depth - 1) for path in (os.path.join(folder, name) for name in others))


def data_folders(root: Path) -> list[Path]:
    """The sorted folders in a folder that may hold data: not hidden, not __MACOSX, not this package's own.

    Raises:
        InputError: it cannot be listed.
    """
    try:
        inside = sorted(path for path in root.iterdir() if path.is_dir())
    except OSError as error:
        raise InputError(f"{root}: the folder cannot be listed ({error.strerror})") from error
    return [path for path in inside if not path.name.startswith(".") and path.name != "__MACOSX" and not is_own(path)]


def _listed(ledger: Path) -> set[str]:
    """The files that a ledger lists."""
    found = set()
    with contextlib.suppress(OSError):
        for line in ledger.read_bytes().splitlines():
            with contextlib.suppress(ValueError, TypeError, KeyError):  # cut off by a kill
                found.add(str(json.loads(line)["file"]))
    return found
