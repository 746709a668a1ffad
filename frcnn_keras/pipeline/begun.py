"""What a run folder of all stages was begun with: looked at before anything is read or written."""

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path

from frcnn_keras.data.prepared import LAYOUT as PREP_LAYOUT
from frcnn_keras.data.wording import counted
from frcnn_keras.errors import InputError
from frcnn_keras.files.folders import is_empty, is_mark, require_place
from frcnn_keras.files.locks import alone
from frcnn_keras.pipeline.settings import TrainConfig
from frcnn_keras.readers.splits import Splits
from frcnn_keras.runs import request as requests
from frcnn_keras.runs.folder import DatasetFacts
from frcnn_keras.runs.marks import MARKS, is_run

REQUEST = "train.json"
MADE = ("train_metrics.json", "detections.jpg", "prep", "proposals", "evaluation", "detector.keras", "rpn.json",
        "rpn.weights.h5", "rcnn.json")  # what there must not be of somebody else's


@dataclasses.dataclass(frozen=True)
class TrainRequest:
    """What OUT/train.json says."""

    config: TrainConfig
    train: DatasetFacts
    val: DatasetFacts
    test: DatasetFacts | None
    holdout: float | None

    @classmethod
    def of(cls, splits: Splits, config: TrainConfig) -> "TrainRequest":
        """Of data sets as they were read, bad items left out."""
        train, val = (DatasetFacts.of(part.dataset) for part in (splits.train, splits.val))
        return cls(config, train, val, DatasetFacts.of(splits.test.dataset) if splits.test else None, splits.holdout)

    @property
    def images(self) -> str:
        """What is trained and measured on, in words."""
        parts = [(self.train, "to train on"), (self.val, "to measure on"), (self.test, "to test on")]
        held = f" ({100 * self.holdout:g} % held out)" if self.holdout else ""
        return ", ".join(f"{counted(part.images, 'image')} {words}" for part, words in parts if part) + held


def look_at(out: Path, request: TrainRequest, splits: Splits, fresh: bool) -> None:
    """Writes nothing.

    Raises:
        InputError: OUT cannot be written into, is somebody's own, holds the images, or was begun with other images or
            another config.
    """
    require_place(out, "--out", _folders(splits))
    if not _is_ours(out):
        there = [name for name in (REQUEST, *MADE) if os.path.lexists(out / name)]
        if fresh and not is_empty(out):
            raise InputError(f"{out}: is not empty and no run of this package, so --fresh removes nothing there; give "
                             "another --out")
        if there:
            raise InputError(f"{out / there[0]}: is there already, and nothing says that this package wrote it; move "
                             "it, or give another --out")
    path = out / REQUEST
    if _is_begun(out) and path.exists() and not fresh:
        earlier = requests.read_request(path, TrainRequest)
        if (earlier.train, earlier.val, earlier.test) != (request.train, request.val, request.test):
            raise InputError(f"{out}: was begun with {earlier.images}, and now there are {request.images}, or their "
                             "objects have changed; give the same images, another --out, or --fresh to start over")
        requests.begin(path, request, True, "--out")


def begin(out: Path, request: TrainRequest, fresh: bool) -> None:
    """Writes OUT/train.json, where none stands there that counts."""
    with alone(out):
        requests.begin(out / REQUEST, request, _is_begun(out) and not fresh, "--out")


def _is_begun(out: Path) -> bool:
    return any((out / name).exists() for name in MADE)


def _is_ours(out: Path) -> bool:
    """Whether a folder is a run, or has been begun as one."""
    prepared = (out / "prep" / name for name in ("train", "train.partial"))
    return is_mark(out / REQUEST, MARKS[REQUEST]) or is_run(out) or any(map(PREP_LAYOUT.marked, prepared))


def _folders(splits: Splits) -> Iterable[str | os.PathLike]:
    """Where the data set lies."""
    if splits.recognised is not None:
        yield splits.recognised.path
    for part in (splits.train, splits.val, splits.test):
        if part is not None:
            yield from {os.path.dirname(example.path) for example in part.dataset.examples if example.path}
