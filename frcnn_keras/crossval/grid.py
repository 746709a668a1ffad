"""Cross-validations of several settings on the same folds, side by side."""

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from frcnn_keras.crossval.cross_validation import Split, cross_validate
from frcnn_keras.errors import InputError
from frcnn_keras.evaluation.intervals import coco_comparison
from frcnn_keras.evaluation.metrics import number
from frcnn_keras.files import fingerprint, to_json
from frcnn_keras.files.folders import require_place, settled
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.files.locks import alone
from frcnn_keras.progress import say
from frcnn_keras.runs.evaluated import Detected, read_evaluated
from frcnn_keras.settings.stages import RCNNConfig, RPNConfig
from frcnn_keras.training.distribution import SINGLE, Distribution

NUMBERS = "grid.json"


def cross_validate_grid(images: Split, run: str | Path, cells: Mapping[str, tuple[RPNConfig, RCNNConfig]], *,
                        fresh: bool = False, distribution: Distribution = SINGLE) -> dict:
    """Cross-validates every cell; an RPN of the same settings is trained once. Writes RUN/grid/CELL, each the folder of
    a cross-validation, and RUN/grid.json; a cell that is there already is not computed again.

    cells: settings by what they are called.

    Returns:
        {"best": name, "cells": {name: {"AP", "AP50", ... (of cv.json), "run", "seconds", "less_best": {"difference",
        "low", "high", "better"} of AP (intervals.coco_comparison)}}}; the best has the highest pooled AP.

    Raises:
        InputError: as `cross_validate`.
    """
    run = settled(run)
    require_place(run, "--run", [images.prepared.path])
    rpns: dict[RPNConfig, Path] = {}
    results = {}
    with contextlib.ExitStack() as held:
        held.enter_context(alone(run, "--run"))
        ledger = Ledger(run)
        ledger.require_free([NUMBERS], "--run")
        for place, (name, (rpn, rcnn)) in enumerate(cells.items(), 1):
            say(f"settings {place} of {len(cells)}: {name}")
            folder = run / "grid" / _folder(name)
            results[name] = cross_validate(images, folder, rpn, rcnn, fresh=fresh, distribution=distribution,
                                           rpn_of=rpns.get(rpn))
            rpns.setdefault(rpn, folder)
        table = _beside_best(images, results)
        ledger.tidy()
        ledger.write(NUMBERS, (to_json(table) + "\n").encode())
    return table


def _folder(name: str) -> str:
    """A name that every disk takes."""
    plain = name.replace(" ", ",")
    return plain if re.fullmatch(r"[\w.,=+-]{1,100}", plain, re.ASCII) else fingerprint(name)


def _beside_best(images: Split, results: Mapping[str, dict]) -> dict:
    best = max(results, key=lambda name: np.nan_to_num(results[name]["AP"]["pooled"], nan=-1.0))
    found = {name: _detections(Path(one["run"])) for name, one in results.items()}
    kept = ("AP", "AP50", "AP75", "AR100", "recall", "run", "settings")
    return {"best": best, "images": len(images.examples), "folds": int(images.folds.max()), "cells": {
        name: {key: one[key] for key in kept} | {"seconds": sum(one["seconds"].values())} | {
            "less_best": coco_comparison(images.examples, found[name], found[best],
                                         images.prepared.class_names)["coco"]["AP"]}
        for name, one in results.items()}}


def _detections(run: Path) -> list[Detected]:
    """What RUN/evaluation/detections.json holds, of each image in order."""
    try:
        return read_evaluated(run).detections
    except InputError as error:
        raise InputError(f"{error}: the same command with --fresh does") from error


def format_grid(results: dict) -> str:
    """The numbers of grid.json for people, best first; "-" is undefined."""
    order = sorted(results["cells"], key=lambda name: -np.nan_to_num(results["cells"][name]["AP"]["pooled"], nan=-1.0))
    lines = [f"{results['images']} images in {results['folds']} folds; settings, best first:", ""]
    lines += [f"{place:2}  {name}" for place, name in enumerate(order, 1)]
    lines += ["", "       AP   95 % interval     AP50  seconds   AP less the best's"]
    for place, name in enumerate(order, 1):
        one = results["cells"][name]
        apart = one["less_best"]
        behind = "the best" if name == results["best"] else (
            f"{apart['difference']:+.3f}, {apart['low']:+.3f} to {apart['high']:+.3f}")
        lines.append(f"{place:2}{number(one['AP']['pooled']):>7}   {number(one['AP']['low'])} to "
                     f"{number(one['AP']['high'])}{number(one['AP50']['pooled']):>9}{one['seconds']:9.0f}   {behind}")
    return "\n".join([*lines, "", "where a difference's interval holds 0, these images do not tell the two apart"])
