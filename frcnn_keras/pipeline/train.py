"""Every stage in one process: check, prep, RPN, head, scores. The folders are those that the stages' own commands make,
to the byte, and either can go on with what the other has begun."""

import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import keras

from data_prep.prepare import prepare
from frcnn_keras.data.example import Dataset
from frcnn_keras.data.prepared import Prepared
from frcnn_keras.errors import InputError, in_words
from frcnn_keras.files import to_json
from frcnn_keras.files.folders import settled
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.files.locks import alone
from frcnn_keras.inspection.dataset_check import decode_images, scorable
from frcnn_keras.inspection.repeats import repeats
from frcnn_keras.pictures.drawing import encoded_image
from frcnn_keras.pipeline.begun import TrainRequest, begin, look_at
from frcnn_keras.pipeline.picture import detections_sheet
from frcnn_keras.pipeline.settings import TrainConfig
from frcnn_keras.pipeline.trained import Trained, read_trained
from frcnn_keras.progress import Timings, say, timed
from frcnn_keras.readers.items import from_items
from frcnn_keras.readers.splits import Splits, as_splits, read, read_splits
from frcnn_keras.readers.validation import settle
from frcnn_keras.runs.detector import load
from frcnn_keras.runs.evaluation_files import RESULTS, write_evaluation
from frcnn_keras.runs.scoring import score
from frcnn_keras.settings.stages import PrepConfig
from frcnn_keras.training.rcnn_stage import train_rcnn
from frcnn_keras.training.rpn_stage import train_rpn

RECORD, PICTURE = "train_metrics.json", "detections.jpg"


def splits_of(data: str | Path | Dataset | Splits | Iterable, val: str | Path | Dataset | Iterable | None = None,
              holdout: str | float | None = None) -> Splits:
    """What trains and what is measured on, of what a program gives: a path, data sets, or (image, boxes, labels).

    Raises:
        InputError: no form is recognised, classes differ, or both val and holdout are given.
    """
    if isinstance(data, Splits):
        if val is not None or holdout is not None:
            raise InputError("data: Splits say themselves what is measured on; leave --val and --holdout out")
        return data
    if isinstance(data, str | os.PathLike) and (val is None or isinstance(val, str | os.PathLike)):
        return read_splits(data, holdout, val=val)
    own = _dataset(data, None)
    return as_splits(own, None if val is None else _dataset(val, own.class_names), holdout=holdout)


def _dataset(data: str | Path | Dataset | Iterable, class_names: tuple[str, ...] | None) -> Dataset:
    if isinstance(data, Dataset):
        return data
    if isinstance(data, str | os.PathLike):
        return read(data, class_names=class_names)
    return from_items(data, class_names)


def train(splits: Splits, out: str | Path, config: TrainConfig | None = None, *, skip_bad: bool = False,
          fresh: bool = False, callbacks: Sequence[keras.callbacks.Callback] = (), begun: float | None = None
          ) -> Trained:
    """Trains a detector on a split data set; writes OUT (a run folder) and OUT/prep, and scores it.

    Scored are the test images where there are some, else those to measure on, which choose the best epoch. A second
    call goes on where the first was stopped. callbacks: of Keras, for both trainers. begun: of time.monotonic, from
    when seconds count.

    Raises:
        InputError: the data set is bad, or OUT was begun with other settings.
        FloatingPointError: the loss became NaN or infinite.
    """
    out, config = settled(out), config or TrainConfig()
    with Timings("start-up", begun) as timings:
        trained = _train(splits, out, config, skip_bad, fresh, callbacks)
    if trained.seconds:  # finished by an earlier start
        return trained
    trained = dataclasses.replace(trained, seconds=timings.seconds)
    with alone(out):
        Ledger(out).write(RECORD, (to_json(dataclasses.asdict(trained)) + "\n").encode())
    return trained


@in_words(lambda message: message.replace("--run", "--out"))
def _train(splits: Splits, out: Path, config: TrainConfig, skip_bad: bool, fresh: bool, callbacks) -> Trained:
    request = TrainRequest.of(splits, config)
    look_at(out, request, splits, fresh)
    Ledger(out).require_free((RECORD, PICTURE), "--out")
    Ledger(out / "evaluation").require_free(RESULTS, "--out")
    with timed("reading"):
        parts = {"train": splits.train, "val": splits.val, "test": splits.test}
        sets = {name: _checked(part.dataset, skip_bad) for name, part in parts.items() if part}
    begin(out, request, fresh)
    if fresh:
        with alone(out):
            Ledger(out).remove(RECORD)
    prep, val = _prepare(sets, out, config.prep, skip_bad, fresh)
    rpn, rcnn, lengths = config.stages(len(prep.feature_spans))
    for name, length in lengths.items():
        say(f"{name}: {length.reason}")
    train_rpn(prep.path, out, rpn, val=val.path, fresh=fresh, callbacks=callbacks)
    train_rcnn(prep.path, out, rcnn, val=val.path, fresh=fresh, callbacks=callbacks)
    if all((out / name).exists() for name in (RECORD, PICTURE, *(f"evaluation/{name}" for name in RESULTS))):
        say(f"train: {out} is finished already")
        return read_trained(out / RECORD)
    on = "test" if "test" in sets else "val"
    metrics = _score(out, scorable(sets[on], skip_bad))
    return Trained(str(out), splits.lines, {name: part.flags for name, part in parts.items() if part}, splits.holdout,
                   {name: length.reason for name, length in lengths.items()}, on, metrics, {}, str(out / PICTURE))


def _checked(dataset: Dataset, skip_bad: bool) -> Dataset:
    """A data set that training can use; InputError names what would spoil it, notes are said."""
    if not skip_bad:  # else prep passes over what it cannot decode, as it does when it is called by itself
        dataset = decode_images(dataset)
    dataset = settle(dataset, skip_bad)
    for problem in (*dataset.problems, *repeats(dataset)):
        say(f"note: {problem}")
    return dataset


def _prepare(sets: dict[str, Dataset], out: Path, config: PrepConfig, skip_bad: bool, fresh: bool
             ) -> tuple[Prepared, Prepared]:
    """The prep folders of the images to train and to measure on."""
    with timed("backbone"):
        train = prepare(sets["train"], out / "prep" / "train", config, skip_bad=skip_bad, fresh=fresh)
        val = prepare(sets["val"], out / "prep" / "val", like=train, eval_only=True, skip_bad=skip_bad, fresh=fresh)
    return train, val


def _score(out: Path, dataset: Dataset) -> dict:
    """Scores the run's detector, keeps what it found, draws some of it."""
    with timed("scoring"):
        detector = load(out)
        scores = score(detector, dataset)
    with timed("writing results"):
        evaluation = Ledger(out / "evaluation")
        with alone(out / "evaluation"):
            evaluation.tidy()
            write_evaluation(evaluation, dataset, scores)
        ledger = Ledger(out)
        with alone(out):
            ledger.tidy()
            sheet = detections_sheet(dataset.examples, scores.detections, dataset.class_names)
            ledger.write(PICTURE, encoded_image(PICTURE, sheet))
    return scores.metrics
