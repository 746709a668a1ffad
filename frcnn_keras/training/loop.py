"""What all trainers loop with: a model of named losses, and a callback that resumes, logs and stops on NaN."""

import contextlib
import csv
import io
import math
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from frcnn_keras.data.wording import counted
from frcnn_keras.errors import InputError, one_line
from frcnn_keras.files import write_whole
from frcnn_keras.files.sealed import sealed, unsealed
from frcnn_keras.models.precision import multiplies_bfloat16, warn_if_slower
from frcnn_keras.progress import Progress, say
from frcnn_keras.settings.learning import FitConfig
from frcnn_keras.training.distribution import SINGLE, Distribution, summed_over_replicas
from frcnn_keras.training.epoch_line import epoch_line
from frcnn_keras.training.optimizers import WarmUp, build_optimizer
from frcnn_keras.training.patience import is_patience_spent

History = dict[str, list[float]]  # of each number: one value an epoch
_ADVICE = "remove it to train that stage from its first epoch, or start over with --fresh"


class StageModel(keras.Model):
    """A network with a function that gives its named losses; their sum is minimised."""

    def __init__(self, network: keras.Model, losses: Callable, names: tuple[str, ...], clip_norm: float = 0.0,
                 counted: Callable | None = None):
        """losses(batch) -> dict of scalars with these names. clip_norm: the gradients' global norm at most; 0: any.
        counted(batch): how many samples these losses are means over; the images by default."""
        super().__init__()
        self.counted = counted or (lambda batch: tf.shape(next(iter(batch.values())))[0])
        self.network, self.losses_of, self.clip_norm = network, losses, clip_norm
        # summed in float64: one after the other in float32, 20,000 steps of a loss of 0.3 are wrong by 1.3e-4 of it
        self.means = {name: keras.metrics.Mean(name=name, dtype="float64") for name in ("loss", *names)}
        self.built = True

    @property
    def metrics(self):
        return list(self.means.values())

    def gradients(self, batch) -> tuple[dict, list]:
        """The losses of a batch, by name, and the gradients of their sum by the trainable variables."""
        with tf.GradientTape() as tape:
            losses = self.losses_of(batch)
            total = tf.add_n(list(losses.values()))
        return losses, tape.gradient(total, self.network.trainable_variables)

    def step(self, batch) -> dict:
        """One step; returns its losses and their sum. With several replicas: those of all of them together."""
        losses, gradients = summed_over_replicas(self.counted(batch), *self.gradients(batch))
        # scaled gradients have no norm to clip by before the optimizer unscales them; it has to clip
        if self.clip_norm and not isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            gradients = clipped(gradients, self.clip_norm)
        self.optimizer.apply_gradients(zip(gradients, self.network.trainable_variables, strict=True))
        # in float64: TensorFlow may add four losses in another order in another trace, and the last bit would differ
        total = tf.add_n([tf.cast(loss, tf.float64) for loss in losses.values()])
        return {"loss": tf.cast(total, tf.float32), **losses}

    def train_step(self, batch):
        """One step; returns the running means of the epoch."""
        for name, value in self.step(batch).items():
            self.means[name].update_state(value)
        return {name: mean.result() for name, mean in self.means.items()}


def clipped(gradients: list, limit: float) -> list:
    """Gradients scaled down to a global norm of `limit` where theirs is larger.

    Where it is not, which is nearly always, nothing is multiplied: the optimizer's own clipping rewrites every gradient
    in every step (the head's are 30 MB).
    """
    norm = tf.linalg.global_norm(gradients)
    return tf.cond(norm > limit, lambda: [gradient * (limit / norm) for gradient in gradients], lambda: gradients)


class Keeper(keras.callbacks.Callback):
    """After every epoch: adds `measure`'s numbers, keeps what a resume needs, writes the CSV log.

    The state (weights, optimizer, history) is one file, renamed into place: Keras's BackupAndRestore writes weights
    and epoch as two, and a kill between them resumes from a mixture.
    """

    def __init__(self, state: Path, log: Path, title: str, steps: int, epochs: int, measure: Callable | None = None,
                 patience: int = 0):
        """patience: epochs without a rise of AP that end the training; 0: none do."""
        super().__init__()
        self.state, self.log, self.title, self.measure = Path(state), Path(log), title, measure
        self.steps, self.epochs, self.patience = steps, epochs, patience
        self.history: dict[str, list[float]] = {}
        self.bar: Progress | None = None

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return len(next(iter(self.history.values()), []))

    @property
    def ended(self) -> bool:
        """Whether all epochs are finished, or AP has not risen for too long."""
        return self.epoch >= self.epochs or is_patience_spent(self.history.get("AP", ()), self.patience)

    def stored(self) -> bytes:
        """The kept state as it is on disk; empty where there is none."""
        if not self.state.exists():
            return b""
        try:
            return unsealed(self.state.read_bytes(), self.state, _ADVICE)
        except OSError as error:
            raise InputError(f"{self.state}: cannot be read ({error.strerror}); {_ADVICE}") from error

    def restore(self, model: keras.Model, state: bytes | None = None) -> int:
        """Loads the kept state (`stored` by default) into a compiled model; returns the epoch to go on from."""
        state = self.stored() if state is None else state
        if not state:
            return 0
        variables = self._variables(model)
        try:
            with np.load(io.BytesIO(state)) as stored:
                values = [stored[f"variable{index}"] for index in range(len(variables))]
                shapes = [value.shape for value in values] == [tuple(variable.shape) for variable in variables]
                if not shapes or len(stored.files) != len(variables) + 2:
                    raise ValueError("its weights are of other layers or another optimizer")
                names = [str(name) for name in stored["names"]]
                self.history = {name: list(stored["history"][index]) for index, name in enumerate(names)}
        except (ValueError, KeyError, IndexError, EOFError, OSError, zipfile.BadZipFile) as error:
            raise InputError(f"{self.state}: is no state of this training ({one_line(error)}); {_ADVICE}") from error
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return self.epoch

    @staticmethod
    def _variables(model) -> list:
        return [*model.network.variables, *model.optimizer.variables]

    def on_epoch_begin(self, epoch, logs=None):
        self.bar = Progress(f"{self.title} {epoch + 1}/{self.epochs}", self.steps, "steps", transient=True).__enter__()

    def on_train_batch_end(self, batch, logs=None):
        if not math.isfinite(logs["loss"]):
            kept = f"epoch {self.epoch} is kept" if self.epoch else "no epoch was finished"
            raise FloatingPointError(f"training diverged: the loss is {logs['loss']} at step {batch + 1} ({kept}); "
                                     "start again with --fresh and a lower --learning-rate or --clip-norm")
        self.bar.advance(batch + 1 - self.bar.done, f"loss {logs['loss']:.4f}")  # several steps are one execution

    def on_epoch_end(self, epoch, logs=None):
        """Measures, logs, keeps."""
        pace = self.bar.pace
        self.close()
        if self.measure:
            logs.update(self.measure(epoch))
        say(epoch_line(self.title, epoch + 1, self.epochs, logs, pace.spent))
        self.add(logs)
        self._write_state()
        self.write_log()
        if self.ended and self.epoch < self.epochs:
            say(f"{self.title}: AP has not risen for {counted(self.patience, 'epoch')}: stopped")
            self.model.stop_training = True

    def close(self) -> None:
        """Takes the bar away, where an epoch has one."""
        bar, self.bar = self.bar, None
        if bar:
            bar.__exit__(None, None, None)

    def add(self, logs) -> None:
        """Counts an epoch with these numbers as finished."""
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))

    def _write_state(self):
        """Weights, optimizer and history as one file."""
        arrays = {f"variable{index}": np.asarray(variable)
                  for index, variable in enumerate(self._variables(self.model))}
        arrays["names"] = np.array(list(self.history))
        arrays["history"] = np.array(list(self.history.values()), np.float64)
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        write_whole(self.state, sealed(buffer.getvalue()))

    def write_log(self):
        """The CSV log, whole, from the history."""
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["epoch", *self.history])
        for index, values in enumerate(zip(*self.history.values(), strict=True)):
            rows.writerow([index + 1, *(f"{value:.6g}" for value in values)])
        write_whole(self.log, text.getvalue().encode())


def tensorboard(folder: Path) -> list:
    """Keras's TensorBoard callback where the package is installed (TensorFlow no longer brings it), else nothing."""
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        return []
    return [keras.callbacks.TensorBoard(str(folder), write_graph=False)]


def resolve_precision(wanted: str) -> str:
    """`auto` -> `bfloat16` where the processor has instructions for its products, else `float32`. A bfloat16 that was
    asked for and is slower here gets a line that says so."""
    if wanted == "auto":
        return "bfloat16" if multiplies_bfloat16() else "float32"
    warn_if_slower(wanted)
    return wanted


def fit_stage(model: StageModel, dataset: Callable, fit: FitConfig, keeper: Keeper, logs: Path,
              build: Callable = build_optimizer, an_execution: int = 4, distribution: Distribution = SINGLE,
              callbacks: Sequence[keras.callbacks.Callback] = ()) -> History:
    """Trains a stage, going on after the last epoch that was kept; returns the history.

    dataset(first_epoch): the batches from that epoch on. logs: folder for TensorBoard. build: makes the optimizer,
    called as `build_optimizer` is. an_execution: steps between two looks at the loss, at most. distribution: the
    devices; the model's network was built in its scope, and the batches are a replica's. callbacks: the caller's,
    called after the keeper, whose measures they find in an epoch's logs; of several workers the chief has them.
    """
    steps = keeper.steps * fit.epochs
    schedule = WarmUp(fit.learning_rate, steps, min(fit.warmup, steps // 3), fit.schedule, fit.drops)
    model.clip_norm = fit.clip_norm
    if distribution.workers > 1:  # where the kept state is damaged, every worker is told, and none waits for it
        distribution.on_chief(lambda: len(keeper.stored()))
    with distribution.scope():
        optimizer = build(fit.optimizer, learning_rate=schedule, momentum=fit.momentum, weight_decay=fit.weight_decay)
        # the head's and the RPN's steps are so short that Python between them counts
        model.compile(optimizer=optimizer, jit_compile=False, steps_per_execution=math.gcd(keeper.steps, an_execution))
        optimizer.build(model.network.trainable_variables)
        first = keeper.restore(model, distribution.from_chief(keeper.stored))
    if first and distribution.chief:
        keeper.write_log()  # a kill may have fallen between state and log
    if first:
        resumes = f"resuming after epoch {first} of {fit.epochs}"
        say(f"{keeper.title}: {f'all {first} epochs are done already' if keeper.ended else resumes}")
    with contextlib.closing(keeper):
        if not keeper.ended and distribution.strategy:
            distribution.train(model, dataset(first), first, fit.epochs, keeper, callbacks)
        elif not keeper.ended:
            model.fit(dataset(first), epochs=fit.epochs, initial_epoch=first, steps_per_epoch=keeper.steps, verbose=0,
                      shuffle=False, callbacks=[keeper, *tensorboard(logs), *callbacks])
    return keeper.history
