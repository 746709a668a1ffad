"""A run folder: what of its data the results of a stage depend on, how a stage begins in it, and one without stages."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np

from frcnn_keras.data.example import Dataset
from frcnn_keras.data.prepared import Prepared
from frcnn_keras.errors import InputError
from frcnn_keras.files import fingerprint, write_json
from frcnn_keras.files.folders import is_empty, is_mark
from frcnn_keras.files.whole import tidy_folder
from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.models.saving import save_model
from frcnn_keras.runs import request as requests
from frcnn_keras.runs.marks import is_run
from frcnn_keras.settings.detector import LevelAnchorConfig
from frcnn_keras.settings.options import always_stored
from frcnn_keras.settings.stages import MinibatchConfig


@dataclasses.dataclass(frozen=True)
class PreparedFacts:
    """What of a prep folder a stage's result depends on."""

    extractor: str
    annotations: str
    class_names: tuple[str, ...]
    mirror: bool
    anchors: LevelAnchorConfig
    prep_seed: int
    minibatches: MinibatchConfig
    pictures: str = ""  # fingerprint of their content

    @classmethod
    def of(cls, prepared: Prepared) -> "PreparedFacts":
        """Those of a prep folder."""
        features, config = prepared.features, prepared.config
        return cls(features.extractor, features.annotations, features.class_names, features.mirror, config.anchors,
                   config.seed, config.minibatches, prepared.pictures)


@dataclasses.dataclass(frozen=True)
class DatasetFacts:
    """What of a data set the result of a stage that reads images depends on."""

    classes: tuple[str, ...]
    images: int
    annotations: str

    @classmethod
    def of(cls, dataset: Dataset | None) -> "DatasetFacts | None":
        """Those of a data set; None of none."""
        return dataset and cls(tuple(dataset.class_names), len(dataset.examples), dataset.fingerprint())


def begin(run: Path, stage: str, request: Any, files: tuple[str, ...], fresh: bool, flag: str = "--run") -> None:
    """Writes RUN/STAGE.json, or checks that an earlier start that got anywhere asked for the same.

    files: names in RUN that the stage makes; `fresh` removes them, in this order. flag: names the folder in messages.

    Raises:
        InputError: begun with another config; names the difference. Or the folder, or one of the files, is none of this
            package's.
    """
    path = run / f"{stage}.json"
    own_mark = is_mark(path, ("format", *always_stored(type(request))))
    there = [name for name in (path.name, *files) if os.path.lexists(run / name)]
    if not own_mark and not is_run(run):
        if fresh and not is_empty(run):
            raise InputError(f"{run}: is not empty and no run of this package, so --fresh removes nothing there; give "
                             f"another {flag}")
        if there:
            raise InputError(f"{run / there[0]}: is there already, and nothing says that this package wrote it; move "
                             f"it, or give another {flag}")
    elif not fresh and not os.path.lexists(path) and there:
        raise InputError(f"{run / there[0]}: was made by another stage than {stage}; give another {flag}, or --fresh "
                         "to replace it")
    if run.is_dir():
        tidy_folder(run)
    for name in files if fresh else ():
        (run / name).unlink(missing_ok=True)
    requests.begin(path, request, any((run / name).exists() for name in files) and not fresh, flag)


def save_run(model: FasterRCNN, run: Path, origin: str, facts: dict) -> None:
    """Makes a run folder of a detector that no stage has trained: detector.keras, and ORIGIN.json with where it came
    from."""
    run.mkdir(parents=True, exist_ok=True)
    tidy_folder(run)
    (run / "detector.keras").unlink(missing_ok=True)  # what a kill leaves now is no run of two origins
    write_json(run / f"{origin}.json", facts)
    save_model(model, run / "detector.keras")


def weights_fingerprint(model) -> str:
    """A short hash of a model's weights, in order."""
    return fingerprint(*[np.asarray(weight) for weight in model.weights])
