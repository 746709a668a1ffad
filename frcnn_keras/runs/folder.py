"""A run folder: which stage began with which settings, what is finished, and the detector it ends in."""

from pathlib import Path

import numpy as np

from frcnn_keras.data import records
from frcnn_keras.data.example import Dataset
from frcnn_keras.data.prepared import Prepared
from frcnn_keras.errors import InputError
from frcnn_keras.progress import say
from frcnn_keras.settings import options


def data_facts(prepared: Prepared) -> dict:
    """What of a prep folder a stage's result depends on."""
    facts = {name: prepared.features[name] for name in ("extractor", "annotations", "class_names", "mirror")}
    facts["anchors"] = options.to_dict(prepared.config.anchors)
    facts["prep_seed"] = prepared.config.seed
    facts["minibatches"] = options.to_dict(prepared.config.minibatches)
    return facts


def dataset_facts(dataset: Dataset | None) -> dict | None:
    """What of a data set the result of a stage that reads images depends on."""
    if dataset is None:
        return None
    arrays = [part for example in dataset.examples for part in
              (str(example.id).encode(), example.boxes, example.labels, example.difficult, example.crowd)]
    return {"classes": list(dataset.class_names), "images": len(dataset.examples),
            "annotations": records.fingerprint(*arrays)}


def begin(run: Path, stage: str, request: dict, files: tuple[str, ...], fresh: bool) -> None:
    """Writes RUN/STAGE.json, or checks that an earlier start that got anywhere asked for the same.

    files: names in RUN that the stage makes; `fresh` removes them.

    Raises:
        InputError: begun with another config; names the difference.
    """
    path = run / f"{stage}.json"
    run.mkdir(parents=True, exist_ok=True)
    if fresh:
        for name in (path.name, *files):
            (run / name).unlink(missing_ok=True)
    if path.exists() and any((run / name).exists() for name in files):
        found = options.difference(files.read_json(path), request)
        if found:
            raise InputError(f"{path}: this run's {stage} was begun with another config ({found}); give that config, "
                             "another --run, or --fresh to start over")
    else:
        files.write_json(path, request)


def announce(stage: str, first: int, epochs: int) -> None:
    """Says where a second start goes on."""
    if first >= epochs:
        say(f"{stage}: all {epochs} epochs are done already")
    elif first:
        say(f"{stage}: resuming after epoch {first} of {epochs}")


def weights_fingerprint(model) -> str:
    """A short hash of a model's weights, in order."""
    return records.fingerprint(*[np.asarray(weight) for weight in model.weights])
