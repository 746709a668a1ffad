"""K trainings on cached features, each without a fold of the images: how good is it really."""

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from frcnn_keras.crossval.beside import train_beside
from frcnn_keras.crossval.fold_training import FoldTraining
from frcnn_keras.crossval.folds import Image, absent_line, assign
from frcnn_keras.crossval.held_out import HeldOut, find
from frcnn_keras.crossval.likeness import read_looks
from frcnn_keras.crossval.place import CrossRequest, begun, write_results
from frcnn_keras.crossval.results import Found, summarise
from frcnn_keras.crossval.shared_rpn import take_rpn
from frcnn_keras.crossval.together import together
from frcnn_keras.data import originals
from frcnn_keras.data.example import Dataset, Example
from frcnn_keras.data.prepared import Prepared, open_prepared, reading
from frcnn_keras.data.wording import counted
from frcnn_keras.errors import InputError
from frcnn_keras.evaluation.metrics import evaluate_detections
from frcnn_keras.files import fingerprint
from frcnn_keras.files.folders import settled
from frcnn_keras.progress import Timings, say, timed
from frcnn_keras.runs.folder import PreparedFacts
from frcnn_keras.runs.parts import is_run
from frcnn_keras.runs.scoring import Scores, with_intervals
from frcnn_keras.settings import options
from frcnn_keras.settings.ranges import require
from frcnn_keras.settings.stages import RCNNConfig, RPNConfig
from frcnn_keras.training.distribution import SINGLE, Distribution

FOLDS_AT_MOST = 1000
NECK = ("one backbone and one neck serve all folds: the neck was fitted on images of the prep folder, without their "
        "labels")


@dataclasses.dataclass(frozen=True)
class Split:
    """The images of a prep folder in folds."""

    prepared: Prepared
    examples: tuple[Example, ...]
    folds: np.ndarray  # (I,) 1..K
    notes: tuple[str, ...]

    @property
    def learning(self) -> int:
        """Images that a fold's detector trains on, mirror images counted; the mean of the folds."""
        folds = int(self.folds.max())
        return round(len(self.prepared.feature_spans) * (folds - 1) / folds)

    def part(self, fold: int, held_out: bool) -> Prepared:
        """The images of a fold, to measure on, or all others, to train on."""
        return self.prepared.part(self.places(fold, held_out), measuring=held_out)

    def places(self, fold: int, held_out: bool) -> list[int]:
        """Of these images in the prep folder."""
        return np.flatnonzero((self.folds == fold) == held_out).tolist()


def split(data: str | Path | Prepared, folds: int, group_file: str | Path | None = None) -> Split:
    """The folds of a prep folder's images.

    Raises:
        InputError: no prep folder, without minibatches, or of too few images; the file of groups is none.
    """
    prepared = open_prepared(data)
    if prepared.minibatches is None:
        raise InputError(f"{prepared.path}: was prepared with --eval-only and has no minibatches to train on")
    require("--folds", folds, int, least=2, most=FOLDS_AT_MOST)
    with timed("reading"), reading(prepared):
        examples, looks, mirrored = read_looks(prepared)
    ids = [str(example.id) for example in examples]
    grouped = together(prepared, ids, looks, mirrored, folds, group_file)
    images = [Image(id, frozenset(example.labels[~example.ignored].tolist()))
              for id, example in zip(ids, examples, strict=True)]
    fold_of = assign(images, grouped.groups, folds)
    absent = absent_line(images, fold_of, prepared.class_names)
    if all(id.isdecimal() and str(int(id)) == id for id in ids):  # COCO's; others are paths
        examples = [dataclasses.replace(example, id=int(id)) for id, example in zip(ids, examples, strict=True)]
    examples = with_paths(examples, originals.read_originals(prepared.path / originals.NAME))
    return Split(prepared, tuple(examples), fold_of, (*grouped.notes, *filter(None, [absent])))


def with_paths(examples: Sequence[Example], recorded: Sequence[originals.Original]) -> list[Example]:
    """The same with the paths that prep read them from, where it recorded these: what the files are called."""
    path_of = {original.id: original.path for original in recorded}
    return [dataclasses.replace(example, path=path_of.get(str(example.id), "")) for example in examples]


def cross_validate(images: Split, run: str | Path, rpn: RPNConfig, rcnn: RCNNConfig, *, fresh: bool = False,
                   distribution: Distribution = SINGLE, workers: int = 1, rpn_of: Path | None = None) -> dict:
    """Trains a detector for every fold on all other images, and finds each image's objects with the one that never saw
    it; returns the numbers of RUN/cv.json (see `results.summarise`; and "notes", "settings", "seconds", "run").

    Writes RUN/crossval.json (settings), folds.json, folds/1..K (run folders), evaluation/ (as `evaluate` does, all
    images together) and cv.json. No epoch is chosen by the held-out images: each training's last is taken. A second
    call goes on where the first was stopped. workers: folds that train beside each other. rpn_of: a cross-validation of
    the same folds and RPN settings, whose RPNs are taken.

    Raises:
        InputError: RUN is of other settings; or what the stages raise.
        FloatingPointError: the loss became NaN or infinite.
    """
    run, prepared = settled(run), images.prepared
    _check(rcnn, distribution, workers)
    request = CrossRequest(int(images.folds.max()), fingerprint(images.folds.tolist()), PreparedFacts.of(prepared), rpn,
                           rcnn)
    with contextlib.ExitStack() as held, Timings("other") as timings:
        done = begun(held, run, request, fresh, prepared.path)
        if done is not None:
            say(f"crossval: finished already ({run})")
            return done
        notes = (*images.notes, *_flattering(prepared, rpn, rcnn), NECK)
        for note in notes:
            say(f"note: {note}")
        found: list[HeldOut | None] = [None] * len(images.examples)
        trainings = _trainings(images, run, rpn, rcnn)
        if rpn_of:
            for training in trainings:
                take_rpn(rpn_of / "folds" / training.run.name, training.run)
        if workers > 1:
            with timed("training beside each other"):
                train_beside(trainings, workers)
        for fold, training in enumerate(trainings, 1):
            own = training.run
            if workers == 1:
                name = f"fold {fold} of {request.folds}"
                _train_fold(images.part(fold, held_out=False), training, name, distribution)
            with timed("scoring"):
                part = find(own, images.part(fold, held_out=True))
            for place, one in zip(np.flatnonzero(images.folds == fold).tolist(), part, strict=True):
                found[place] = one
        scores, numbers = _scored(images, [one for one in found if one])
    results = {**numbers, "run": str(run), "data": str(prepared.path), "notes": list(notes),
               "settings": {"rpn": options.to_dict(rpn), "rcnn": options.to_dict(rcnn)}, "seconds": timings.seconds}
    write_results(run, _dataset(images), scores, images.folds, results)
    return results


def _check(rcnn: RCNNConfig, distribution: Distribution, workers: int) -> None:
    if rcnn.fit.patience:
        raise InputError(f"--patience {rcnn.fit.patience} would choose epochs by the images that are held out, which "
                         "flatters; leave it out")
    if distribution.workers > 1:
        raise InputError("--strategy multiworker: crossval trains in one process; take none or mirrored")
    if workers < 1 or workers > 1 and distribution is not SINGLE:
        raise InputError(f"--workers must be 1 or more, and 1 with --strategy; received: {workers}")


def _trainings(images: Split, run: Path, rpn: RPNConfig, rcnn: RCNNConfig) -> list[FoldTraining]:
    """Of every fold."""
    return [FoldTraining(images.prepared.path, tuple(images.places(fold, held_out=False)), run / "folds" / str(fold),
                         rpn, rcnn) for fold in range(1, int(images.folds.max()) + 1)]


def _train_fold(part: Prepared, training: FoldTraining, name: str, distribution: Distribution) -> None:
    say(f"{name}: {counted(len(part.feature_spans) // (2 if part.features.mirror else 1), 'image')} to train on")
    training.train(part, distribution)


def _scored(images: Split, found: Sequence[HeldOut]) -> tuple[Scores, dict]:
    """Of all images together; and with what the folds have by themselves."""
    names, detections = images.prepared.class_names, tuple(one.detections for one in found)
    with timed("intervals"):
        scores = Scores(detections, evaluate_detections(images.examples, detections, names))
        scores = with_intervals(scores, _dataset(images))
        return scores, summarise(Found(images.examples, found, images.folds, names), scores.metrics)


def _dataset(images: Split) -> Dataset:
    features = images.prepared.features
    return Dataset(features.source, features.class_names, features.category_ids, images.examples, ())


def _flattering(prepared: Prepared, rpn: RPNConfig, rcnn: RCNNConfig) -> list[str]:
    """A line for each thing that may have learnt from the images that are held out."""
    backbone = prepared.config.backbone.name
    taken = [f"--backbone {backbone}"] if is_run(backbone) else []
    taken += [f"--rpn {rpn.start}"] if rpn.start != "none" else []
    taken += [f"--head-weights {rcnn.head.weights}"] if is_run(rcnn.head.weights) else []
    return [f"{what}: if it was trained on these images, the scores are too good" for what in taken]
