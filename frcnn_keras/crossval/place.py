"""The folder of a cross-validation: what it was begun with, and what it ends with."""

import contextlib
import dataclasses
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from frcnn_keras.data.example import Dataset
from frcnn_keras.errors import InputError
from frcnn_keras.evaluation.coco import image_ids_of
from frcnn_keras.files import read_json, to_json
from frcnn_keras.files.folders import discard, is_empty, is_mark, require_place
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.files.locks import alone
from frcnn_keras.runs import request as requests
from frcnn_keras.runs.evaluation_files import RESULTS, write_evaluation
from frcnn_keras.runs.folder import PreparedFacts
from frcnn_keras.runs.marks import LAYOUT, is_run
from frcnn_keras.runs.scoring import Scores
from frcnn_keras.settings.options import always_stored
from frcnn_keras.settings.stages import RCNNConfig, RPNConfig

REQUEST, NUMBERS, FOLDS = "crossval.json", "cv.json", "folds.json"


@dataclasses.dataclass(frozen=True)
class CrossRequest:
    """What RUN/crossval.json says."""

    folds: int
    images: str  # fingerprint of the fold of each image
    data: PreparedFacts
    rpn: RPNConfig
    rcnn: RCNNConfig


def begun(held: contextlib.ExitStack, run: Path, request: CrossRequest, fresh: bool, data: Path) -> dict | None:
    """The folder is this cross-validation's alone, as long as `held` is; its numbers where it is finished already, with
    all of its files. fresh: what an earlier one left goes, before anything new is there: stopped, this one goes on with
    nothing of it.

    Raises:
        InputError: it is of other settings, or somebody's files are where its own are to be.
    """
    evaluation = Ledger(run / "evaluation")
    for place in (run, evaluation.folder, run / "folds"):
        require_place(place, "--run", [data])
    held.enter_context(alone(run, "--run"))
    ours = is_mark(run / REQUEST, ("format", *always_stored(CrossRequest)))
    if not ours and (fresh and not is_empty(run) or os.path.lexists(run / REQUEST)):
        raise InputError(f"{run}: is not empty and no cross-validation of this package; give another --run")
    if not ours and is_run(run):
        raise InputError(f"{run}: is a run of another command, whose evaluation would be written over; give another "
                         "--run")
    if not ours and not is_empty(run / "folds"):
        raise InputError(f"{run / 'folds'}: is there already, and nothing says that this package wrote it; move it, or "
                         "give another --run")
    ledger = Ledger(run)
    ledger.require_free((NUMBERS, FOLDS), "--run")
    evaluation.require_free(RESULTS, "--run")
    if fresh:
        _clear(run, ledger, evaluation)
    requests.begin(run / REQUEST, request, begun=ours and not fresh)
    finished = ledger.owns(NUMBERS) and ledger.owns(FOLDS) and all(map(evaluation.owns, RESULTS))
    return _undefined(read_json(run / NUMBERS)) if finished else None


def _clear(run: Path, ledger: Ledger, evaluation: Ledger) -> None:
    """Removes an earlier cross-validation, what says that it is finished first. Of a kill in between the new start
    knows: the folder is then of the old settings."""
    for name in (NUMBERS, FOLDS):
        ledger.remove(name)
    for name in RESULTS:
        evaluation.remove(name)
    for folder in sorted((run / "folds").glob("[1-9]*")):
        if folder.name.isdecimal() and folder.is_dir() and not folder.is_symlink():
            discard(folder, LAYOUT)


def _undefined(value: Any) -> Any:
    """Numbers as they were written: null is what JSON has for NaN."""
    if isinstance(value, dict):
        return {name: _undefined(item) for name, item in value.items()}
    return [_undefined(item) for item in value] if isinstance(value, list) else math.nan if value is None else value


def write_results(run: Path, dataset: Dataset, scores: Scores, folds: np.ndarray, results: dict) -> None:
    """Writes evaluation/, folds.json and, last, cv.json, which says that all is there."""
    evaluation = Ledger(run / "evaluation")
    with alone(run / "evaluation", "--run"):
        evaluation.tidy()
        write_evaluation(evaluation, dataset, scores)
    entries = [{"id": example.id, "image_id": number, "fold": int(fold)} for example, number, fold in
               zip(dataset.examples, image_ids_of(dataset.examples), folds, strict=True)]
    ledger = Ledger(run)
    ledger.tidy()
    for name, value in ((FOLDS, entries), (NUMBERS, results)):
        ledger.write(name, (to_json(value) + "\n").encode())
