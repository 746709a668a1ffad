"""Stage 1: the RPN on minibatches of tiles (arXiv 1506.01497, section 3.1), then the proposals of every image."""

import dataclasses
from pathlib import Path

import keras
import tensorflow as tf

from frcnn_keras import files
from frcnn_keras.data.batches import rpn_batches
from frcnn_keras.data.prepared import Prepared, check_fits, open_prepared
from frcnn_keras.errors import InputError
from frcnn_keras.models.rpn import RPN
from frcnn_keras.models.saving import load_weights, save_weights
from frcnn_keras.ops.losses import rpn_losses
from frcnn_keras.ops.pyramid import anchors_per_position
from frcnn_keras.progress import say
from frcnn_keras.runs import folder as run_folder
from frcnn_keras.runs.parts import load_rpn
from frcnn_keras.settings import options
from frcnn_keras.settings import stages as configs
from frcnn_keras.training.distribution import SINGLE, Distribution
from frcnn_keras.training.loop import Keeper, StageModel, fit_stage, resolve_precision
from frcnn_keras.training.proposals import geometry_of, measure_recall, write_proposals

FILES = ("rpn_state.npz", "rpn.weights.h5", "rpn_log.csv", "rpn_curves.png", "rpn_metrics.json")
LOSSES = ("objectness_loss", "box_loss")


def build_rpn(prepared: Prepared, hidden: int, precision: str = "float32", seed: int = 0, depth: int = 1) -> RPN:
    """An RPN for the levels and anchors of a prep folder, built, its weights drawn from `seed`."""
    keras.utils.set_random_seed(seed)
    policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
    keras.mixed_precision.set_global_policy(policy)
    rpn = RPN(anchors_per_position(geometry_of(prepared)), hidden, depth, name="rpn")
    keras.mixed_precision.set_global_policy("float32")
    rpn.build((None, None, None, prepared.levels[0].channels))
    return rpn


def rpn_stage_model(rpn: RPN, box_weight: float, beta: float) -> StageModel:
    """The RPN with its two losses on a batch of minibatches (data.batches.rpn_batches)."""

    def losses(batch):
        shape = tf.shape(batch["labels"])  # (B, T)
        tiles = tf.reshape(batch["tiles"], (-1, *batch["tiles"].shape[2:]))  # (B * T, 3, 3, C)
        logits, deltas = rpn.on_tiles(tiles, tf.reshape(batch["anchors"], (-1,)))
        objectness, boxes = rpn_losses(tf.reshape(logits, shape), tf.reshape(deltas, (shape[0], shape[1], 4)),
                                       batch["labels"], batch["deltas"], beta=beta)
        return {"objectness_loss": objectness, "box_loss": box_weight * boxes}

    return StageModel(rpn, losses, LOSSES, counted=lambda batch: tf.math.count_nonzero(batch["labels"] >= 0))


def train_rpn(data: str | Path, run: str | Path, config: configs.RPNConfig | None = None, *,
              val: str | Path | None = None, from_tiles: bool = False, fresh: bool = False,
              distribution: Distribution = SINGLE) -> dict:
    """Trains an RPN on a prep folder and writes every image's proposals; returns the last epoch's numbers.

    Writes into `run`: rpn.json (settings), rpn.weights.h5, rpn_log.csv, rpn_curves.png, rpn_metrics.json,
    proposals/train and, with `val`, proposals/val. A second call with the same settings goes on where the first ended.
    distribution: the devices; they divide each step's images.

    Raises:
        InputError: a prep folder is missing, unfinished, eval-only or does not fit; or the run has other settings.
        FloatingPointError: the loss became NaN or infinite.
    """
    config, run = config or configs.RPNConfig(), Path(run)
    prepared = open_prepared(data)
    validation = open_prepared(val) if val else None
    _check(prepared, validation, from_tiles)
    precision = resolve_precision(config.fit.precision)
    fit = dataclasses.replace(config.fit, precision=precision)
    config = dataclasses.replace(config, fit=fit).for_levels(len(prepared.levels))
    network, weights = _start(prepared, config)
    request = {"config": options.to_dict(config), "data": run_folder.data_facts(prepared), "network": network}
    distribution.on_chief(lambda: run_folder.begin(run, "rpn", request, FILES, fresh))
    history = _fit(prepared, validation, run, config, network, weights, from_tiles, distribution)
    distribution.on_chief(lambda: _propose(prepared, validation, run, config, network))
    return {name: values[-1] for name, values in history.items()}


def _propose(prepared: Prepared, validation: Prepared | None, run: Path, config: configs.RPNConfig,
             network: dict) -> None:
    """Writes the proposals of every image with the run's trained RPN."""
    final = build_rpn(prepared, **network)  # float32 whatever it was trained in
    load_weights(final, run / "rpn.weights.h5")
    fingerprint = run_folder.weights_fingerprint(final)
    for name, folder, numbers in (("train", prepared, config.train_proposals),
                                  ("val", validation, config.eval_proposals)):
        if folder:
            proposing = {**dataclasses.asdict(numbers), "iou_threshold": config.nms, "min_size": config.min_size}
            write_proposals(final, folder, run / "proposals" / name, proposing, fingerprint)


def _start(prepared: Prepared, config: configs.RPNConfig) -> tuple[dict, list | None]:
    """The network's sizes, and the weights to start from: those of --rpn RUN, or None for new ones."""
    if config.start == "none":
        if config.fit.epochs < 1:
            raise InputError("--epochs 0 takes an RPN as it is: name the run that has it with --rpn RUN")
        return {"hidden": config.hidden, "depth": 1}, None
    rpn = load_rpn(config.start, geometry_of(prepared), prepared.channels[0])
    if rpn.depth > 1 and config.fit.epochs:
        raise InputError(f"--rpn {config.start}: its RPN has {rpn.depth} 3x3 convolutions, and 3x3 tiles serve "
                         "only one: take it as it is (--epochs 0), or train a new one (without --rpn)")
    return {"hidden": rpn.hidden, "depth": rpn.depth}, rpn.get_weights()


def _check(prepared: Prepared, validation: Prepared | None, from_tiles: bool) -> None:
    """InputError where a prep folder cannot be trained on as asked, or the two do not fit."""
    if prepared.minibatches is None:
        raise InputError(f"{prepared.path}: was prepared with --eval-only and has no minibatches to train on")
    if from_tiles and not prepared.tile_paths:
        raise InputError(f"{prepared.path}: has no tiles; prepare it with --write-tiles")
    if validation:
        check_fits(prepared, validation)


def _fit(prepared: Prepared, validation: Prepared | None, run: Path, config: configs.RPNConfig, network: dict,
         weights: list | None, from_tiles: bool, distribution: Distribution):
    """Trains, unless rpn.weights.h5 is there already; returns the history."""
    fit = config.fit
    with distribution.scope():
        rpn = build_rpn(prepared, **network, precision=fit.precision, seed=fit.seed)
        if weights is not None:
            rpn.set_weights(weights)
    batch = min(fit.batch, len(prepared.feature_spans))
    share = distribution.share(batch)
    proposing = {"before": config.eval_before, "after": 1000, "iou_threshold": config.nms, "min_size": config.min_size}

    def measure(epoch):
        return measure_recall(rpn, validation, proposing)

    keeper = Keeper(run / "rpn_state.npz", run / "rpn_log.csv", "rpn", len(prepared.feature_spans) // batch, fit.epochs,
                    measure if validation else None)

    def dataset(first):
        run_folder.announce("rpn", first, fit.epochs)
        return rpn_batches(prepared, rpn.anchors_per_position, batch=batch, seed=fit.seed, first_epoch=first,
                           epochs=fit.epochs, from_tiles=from_tiles, share=share)

    done = distribution.on_chief(lambda: _finished(run))
    if done is not None:
        say(f"rpn: trained already ({run / 'rpn.weights.h5'})")
        return done
    if fit.epochs:
        model = rpn_stage_model(rpn, config.box_weight, config.beta)
        history = fit_stage(model, dataset, fit, keeper, run / "tensorboard" / "rpn", distribution=distribution)
    else:
        say(f"rpn: taken from {config.start} as it is")
        history = distribution.on_chief(
            lambda: {name: [value] for name, value in (measure(0) if validation else {}).items()})
    distribution.on_chief(lambda: _keep(rpn, run, history, curves=bool(fit.epochs)))
    return history


def _finished(run: Path) -> dict | None:
    """The numbers of an RPN that is trained already."""
    found = (run / "rpn.weights.h5").exists() and (run / "rpn_metrics.json").exists()
    return files.read_json(run / "rpn_metrics.json") if found else None


def _keep(rpn: RPN, run: Path, history: dict, curves: bool) -> None:
    """Writes what a finished training leaves."""
    if curves:
        from frcnn_keras.pictures.plots import plot_curves  # brings matplotlib, which the steps before can do without

        plot_curves(run / "rpn_curves.png", history, "RPN")
    save_weights(rpn, run / "rpn.weights.h5")
    files.write_json(run / "rpn_metrics.json", history)
    (run / "rpn_state.npz").unlink(missing_ok=True)
