"""The RPN on minibatches of tiles (arXiv 1506.01497, section 3.1), then the proposals of every image."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf

from frcnn_keras.data.batches import rpn_batches
from frcnn_keras.data.pipeline_errors import input_errors
from frcnn_keras.data.prepared import Prepared, check_fits, open_prepared, reading
from frcnn_keras.errors import InputError
from frcnn_keras.files.locks import alone
from frcnn_keras.models.precision import policy_of
from frcnn_keras.models.rpn import RPN
from frcnn_keras.models.saving import load_weights, save_weights
from frcnn_keras.models.settings import Proposing
from frcnn_keras.ops.losses import rpn_losses
from frcnn_keras.progress import say, timed
from frcnn_keras.runs import proposer_parts
from frcnn_keras.runs.folder import PreparedFacts, weights_fingerprint
from frcnn_keras.runs.parts import load_rpn
from frcnn_keras.settings.learning import RPNLossConfig
from frcnn_keras.settings.options import LATER
from frcnn_keras.settings.stages import RPNConfig
from frcnn_keras.training.distribution import SINGLE, Distribution
from frcnn_keras.training.loop import History, StageModel, resolve_precision
from frcnn_keras.training.proposals import FolderProposer, measure_recall, write_proposals
from frcnn_keras.training.stage import Stage

LOSSES = ("objectness_loss", "box_loss")
MEASURED = 1000  # proposals of an image that recall is measured on, at most


@dataclasses.dataclass(frozen=True)
class RPNSize:
    """What an RPN's layers follow from, beside the anchors."""

    channels: int  # of the hidden layers
    depth: int = 1  # 3x3 convolutions
    activation: str = dataclasses.field(default="relu", metadata={LATER: True})  # see models.rpn


@dataclasses.dataclass(frozen=True)
class RPNRequest:
    """What RUN/rpn.json says."""

    config: RPNConfig
    data: PreparedFacts
    network: RPNSize


def build_rpn(prepared: Prepared, size: RPNSize, precision: str = "float32", seed: int = 0,
              initial: str = "normal") -> RPN:
    """An RPN for the levels and anchors of a prep folder, built, its weights drawn from `seed`; initial: how, see
    models.rpn."""
    keras.utils.set_random_seed(seed)
    rpn = RPN(prepared.geometry.anchors_per_position, size.channels, size.depth, size.activation, initial, name="rpn",
              dtype=policy_of(precision))
    rpn.build((None, None, None, prepared.channels[0]))
    return rpn


def rpn_stage_model(rpn: RPN, settings: RPNLossConfig) -> StageModel:
    """The RPN with its two losses on a batch of minibatches (data.batches.rpn_batches)."""

    def losses(batch):
        shape = tf.shape(batch["labels"])  # (B, T)
        tiles = tf.reshape(batch["tiles"], (-1, *batch["tiles"].shape[2:]))  # (B * T, 3, 3, C)
        logits, deltas = rpn.on_tiles(tiles, tf.reshape(batch["anchors"], (-1,)))
        objectness, boxes = rpn_losses(tf.reshape(logits, shape), tf.reshape(deltas, (shape[0], shape[1], 4)),
                                       batch["labels"], batch["deltas"], beta=settings.beta, distance=settings.distance)
        return {"objectness_loss": objectness, "box_loss": settings.box_weight * boxes}

    return StageModel(rpn, losses, LOSSES, counted=lambda batch: tf.math.count_nonzero(batch["labels"] >= 0))


@input_errors()
def train_rpn(data: str | Path | Prepared, run: str | Path, config: RPNConfig | None = None, *,
              val: str | Path | Prepared | None = None, from_tiles: bool = False, fresh: bool = False,
              distribution: Distribution = SINGLE, callbacks: Sequence[keras.callbacks.Callback] = ()) -> History:
    """Trains an RPN on a prep folder and writes every image's proposals; returns the numbers of every epoch.

    Writes into `run`: rpn.json (settings), rpn.weights.h5, rpn_log.csv, rpn_curves.png, rpn_metrics.json,
    proposals/train and, with `val`, proposals/val; and what `propose` needs beside the weights, proposer.json and
    extractor.keras. A second call with the same settings goes on where the first ended.
    distribution: the devices; they divide each step's images. callbacks: of Keras.

    Raises:
        InputError: a prep folder is missing, unfinished, damaged, eval-only or does not fit; or the run has other
            settings.
        FloatingPointError: the loss became NaN or infinite.
    """
    config, run = config or RPNConfig(), Path(run)
    prepared = open_prepared(data)
    validation = open_prepared(val) if val else None
    _check(prepared, validation, from_tiles)
    fit = dataclasses.replace(config.fit, precision=resolve_precision(config.fit.precision))
    config = dataclasses.replace(config, fit=fit).for_levels(prepared.geometry.levels)
    size, weights = _start(prepared, config)
    stage = RPNStage(prepared, validation, run, config, size, weights, from_tiles, distribution, callbacks)
    with reading(prepared, validation):
        history = stage.train(RPNRequest(config, PreparedFacts.of(prepared), size), fresh)
        distribution.on_chief(lambda: _propose(prepared, validation, run, config, size))
    return history


class RPNStage(Stage):
    """One training of an RPN on tiles."""

    title = "RPN"
    besides = proposer_parts.FILES

    def __init__(self, prepared: Prepared, validation: Prepared | None, run: Path, config: RPNConfig, size: RPNSize,
                 weights: list | None, from_tiles: bool, distribution: Distribution, callbacks: Sequence):
        """weights: to start from; None for new ones. from_tiles: see data.batches.rpn_batches."""
        super().__init__("rpn", run, config.fit, artefact="rpn.weights.h5", images=len(prepared.feature_spans),
                         measures=validation is not None, distribution=distribution, callbacks=callbacks)
        self.prepared, self.validation, self.config, self.size = prepared, validation, config, size
        self.weights, self.from_tiles = weights, from_tiles

    def build(self) -> StageModel:
        with self.distribution.scope():
            rpn = build_rpn(self.prepared, self.size, self.fit.precision, self.fit.seed,
                            self.config.network.initial)
            if self.weights is not None:
                rpn.set_weights(self.weights)
        return rpn_stage_model(rpn, self.config.loss)

    def batches(self, first: int) -> tf.data.Dataset:
        rpn, fit, batch = self.model.network, self.fit, self.batch
        return rpn_batches(self.prepared, rpn.anchors_per_position, batch=batch, seed=fit.seed, first_epoch=first,
                           epochs=fit.epochs, from_tiles=self.from_tiles, share=self.distribution.share(batch))

    def fit_model(self) -> History:
        """Trains; without epochs the RPN stays as it was given."""
        if self.fit.epochs:
            return super().fit_model()
        say(f"rpn: taken from {self.config.start} as it is")
        numbers = self.distribution.on_chief(lambda: self.measure(0) if self.measures else {})
        if numbers:
            say("rpn: " + "  ".join(f"{name} {value:.3f}" for name, value in numbers.items()))
        return {name: [value] for name, value in numbers.items()}

    def measure(self, epoch: int) -> dict[str, float]:
        """Recall of the validation images' objects."""
        return measure_recall(self.proposer)

    @functools.cached_property
    def proposer(self) -> FolderProposer:
        """The network that trains, as it proposes in the validation images; traced once."""
        proposing = dataclasses.replace(Proposing.of(self.config.proposals), after=MEASURED)
        return FolderProposer(self.model.network, self.validation, proposing)

    def save(self) -> None:
        save_weights(self.model.network, self.run / self.artefact)


@timed("proposals")
def _propose(prepared: Prepared, validation: Prepared | None, run: Path, config: RPNConfig, size: RPNSize) -> None:
    """Writes the proposals of every image with the run's trained RPN."""
    final = build_rpn(prepared, size)  # float32 whatever it was trained in
    load_weights(final, run / "rpn.weights.h5")
    fingerprint, kept = weights_fingerprint(final), Proposing.of(config.proposals)
    of_training = dataclasses.replace(kept, before=config.training.before, after=config.training.after)
    with alone(run, "--run"):
        proposer_parts.keep_parts(run, prepared, final, kept)
        for name, prep, proposing in (("train", prepared, of_training), ("val", validation, kept)):
            if prep:
                write_proposals(final, prep, run / "proposals" / name, proposing, fingerprint)


def _start(prepared: Prepared, config: RPNConfig) -> tuple[RPNSize, list | None]:
    """The network's size, and the weights to start from: those of --rpn RUN, or None for new ones."""
    if config.start == "none":
        return RPNSize(config.channels, activation=config.network.activation), None
    rpn = load_rpn(config.start, prepared.geometry, prepared.channels[0])
    if rpn.depth > 1 and config.fit.epochs:
        raise InputError(f"--rpn {config.start}: its RPN has {rpn.depth} 3x3 convolutions, and 3x3 tiles serve "
                         "only one: take it as it is (--epochs 0), or train a new one (without --rpn)")
    return RPNSize(rpn.hidden, rpn.depth, rpn.activation), rpn.get_weights()


def _check(prepared: Prepared, validation: Prepared | None, from_tiles: bool) -> None:
    """InputError where a prep folder cannot be trained on as asked, or the two do not fit."""
    if prepared.minibatches is None:
        raise InputError(f"{prepared.path}: was prepared with --eval-only and has no minibatches to train on")
    if from_tiles and not prepared.tile_paths:
        raise InputError(f"{prepared.path}: has no tiles; prepare it with --write-tiles")
    if validation:
        check_fits(prepared, validation)
