"""The life of a training, the same for every stage: finished already? begun with these settings? then build, fit,
measure and keep the best, finish."""

import abc
import contextlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from frcnn_keras.errors import InputError
from frcnn_keras.evaluation.coco import coco_metrics
from frcnn_keras.files import read_json, write_json
from frcnn_keras.files.folders import require_place
from frcnn_keras.files.locks import alone
from frcnn_keras.models.saving import load_weights, save_weights
from frcnn_keras.progress import say, timed
from frcnn_keras.runs import folder
from frcnn_keras.settings.learning import FitConfig, ScoredFitConfig
from frcnn_keras.training.distribution import SINGLE, Distribution
from frcnn_keras.training.loop import History, Keeper, StageModel, fit_stage
from frcnn_keras.training.patience import best_epoch


class Stage(abc.ABC):
    """One training in a run folder. What it writes there is called after it: NAME.json (what it was begun with),
    NAME_log.csv, NAME_curves.png, NAME_metrics.json, and `artefact`.

    A kind of stage says what it is made of: `build`, `batches`, `measure`, `save`.
    """

    title = ""  # of the curves; the stage's name by default
    flag = "--run"  # names the folder in messages
    besides: tuple[str, ...] = ()  # files that are written after the training, which --fresh removes too

    def __init__(self, name: str, run: Path, fit: FitConfig, *, artefact: str, images: int, measures: bool,
                 distribution: Distribution = SINGLE, callbacks: Sequence[keras.callbacks.Callback] = ()):
        """artefact: the file that the stage is for. images: how many there are to train on. measures: whether there
        are images to measure on after every epoch. distribution: the devices; they divide each step's images.
        callbacks: the caller's, of Keras."""
        self.name, self.run, self.fit = name, Path(run), fit
        self.artefact, self.images, self.measures = artefact, images, measures
        self.distribution, self.callbacks = distribution, callbacks
        self.patience = fit.patience if isinstance(fit, ScoredFitConfig) else 0

    @abc.abstractmethod
    def build(self) -> StageModel:
        """The network, made in the devices' scope, with its losses."""

    @abc.abstractmethod
    def batches(self, first: int) -> tf.data.Dataset:
        """What a replica trains on, from epoch `first` on."""

    @abc.abstractmethod
    def measure(self, epoch: int) -> dict[str, float]:
        """Numbers of the images to measure on."""

    @abc.abstractmethod
    def save(self) -> None:
        """Writes the artefact."""

    @property
    def batch(self) -> int:
        """Images a step."""
        return min(self.fit.batch, self.images)

    @property
    def best_file(self) -> Path:
        """Weights of the epoch that measured best so far."""
        return self._path("best.weights.h5")

    def train(self, request: Any, fresh: bool) -> History:
        """Goes through the stage's life; returns every number of every epoch.

        request: a dataclass, what the stage is asked to make. fresh: whether to start over.

        Raises:
            InputError: the folder was begun with another request.
            FloatingPointError: the loss became NaN or infinite.
        """
        if self.patience and not self.measures:
            raise InputError(f"--patience {self.patience} counts epochs since AP rose, and there are no images to "
                             "measure it on; name some with --val, or leave it out")
        with contextlib.ExitStack() as held:
            self.distribution.on_chief(lambda: self._begin(request, fresh, held))
            return self._train()

    def _begin(self, request: Any, fresh: bool, held: contextlib.ExitStack) -> None:
        """The folder is this stage's alone from now on, and is of this request."""
        require_place(self.run, self.flag, self.reads)
        held.enter_context(alone(self.run, self.flag))
        files = (f"{self.name}_metrics.json", self.artefact, f"{self.name}_state.npz", self.best_file.name,
                 f"{self.name}_log.csv", f"{self.name}_curves.png",  # the first two say that a stage is finished
                 *self.besides)
        folder.begin(self.run, self.name, request, files, fresh, self.flag)
        for path in self._logs.rglob("events.out.tfevents.*") if fresh else ():
            path.unlink()

    @property
    def _logs(self) -> Path:
        """TensorBoard's."""
        return self.run / "tensorboard" / self.name

    @property
    def reads(self) -> set[Path]:
        """Folders that the images are read from, if they are."""
        return set()

    def _train(self) -> History:
        done = self.distribution.on_chief(self._finished)
        if done is not None:
            say(f"{self.name}: trained already ({self.run / self.artefact})")
            return done
        self.model = self.build()
        self.keeper = Keeper(self._path("state.npz"), self._path("log.csv"), self.name, self.images // self.batch,
                             self.fit.epochs, timed("scoring")(self.measure) if self.measures else None, self.patience)
        with timed(self.title or self.name):
            history = self.fit_model()
            self.distribution.on_chief(lambda: self._finish(history))
        if self.fit.epochs and self.distribution.chief:
            say(f"{self.name}: {self.kept(history)}: {self.run / self.artefact}")
        return history

    def kept(self, history: History) -> str:
        """Which epoch the artefact is of."""
        epochs = len(next(iter(history.values()), ()))
        best = best_epoch(history["AP"]) if "AP" in history else epochs
        if "AP" not in history or math.isnan(history["AP"][best - 1]):
            return f"kept epoch {epochs} of {epochs}"
        return f"kept epoch {best} of {epochs}, the best, AP {history['AP'][best - 1]:.3f}"

    def fit_model(self, **settings) -> History:
        """Trains; settings: keywords of training.loop.fit_stage."""
        return fit_stage(self.model, self.batches, self.fit, self.keeper, self._logs,
                         distribution=self.distribution, callbacks=self.callbacks, **settings)

    def keep_best(self, examples: Sequence, detections: Sequence, class_names: Sequence[str],
                  network: keras.Model) -> dict[str, float]:
        """AP of the epoch's detections; keeps the network's weights where no epoch before had a better one."""
        metrics = coco_metrics(examples, detections, class_names)
        best = np.nanmax([-np.inf, *self.keeper.history.get("AP", ())])
        if not metrics["AP"] <= best:  # the first epoch too, where AP is NaN
            save_weights(network, self.best_file)
        return {"AP": metrics["AP"], "AP50": metrics["AP50"]}

    def take_best(self, network: keras.Model) -> None:
        """Gives the network the weights that `keep_best` kept."""
        with self.distribution.scope():
            load_weights(network, self.best_file)

    def _path(self, name: str) -> Path:
        return self.run / f"{self.name}_{name}"

    def _finished(self) -> History | None:
        """The numbers of a training that is finished already."""
        if not (self.run / self.artefact).exists() or not self._path("metrics.json").exists():
            return None
        self._tidy()
        return _read_history(self._path("metrics.json"))

    def _finish(self, history: History) -> None:
        """Writes what a finished training leaves: curves, the artefact, the numbers."""
        if self.fit.epochs:
            from frcnn_keras.pictures.plots import plot_curves  # brings matplotlib, which a resume may do without

            plot_curves(self._path("curves.png"), history, self.title or self.name)
        self.save()
        write_json(self._path("metrics.json"), history)
        self._tidy()

    def _tidy(self) -> None:
        """Removes what only a resume needs."""
        for path in (self._path("state.npz"), self.best_file):
            path.unlink(missing_ok=True)


def _read_history(path: Path) -> History:
    """What a finished training wrote: null is what JSON has for NaN."""
    stored = read_json(path)
    if not isinstance(stored, dict) or not all(
            isinstance(values, list) and all(value is None or type(value) in (int, float) for value in values)
            for values in stored.values()):
        raise InputError(f"{path}: damaged (no lists of numbers); start that stage over with --fresh")
    return {name: [math.nan if value is None else value for value in values] for name, values in stored.items()}
