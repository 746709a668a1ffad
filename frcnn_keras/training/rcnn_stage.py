"""Stage 2: the Fast R-CNN head on regions pooled from the cached features, then the whole detector in one file."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
import tensorflow as tf

from frcnn_keras import files
from frcnn_keras.data.batches import feature_maps, map_specs, region_batches
from frcnn_keras.data.example import Example
from frcnn_keras.data.prepared import Prepared, check_fits, open_prepared
from frcnn_keras.errors import InputError, command
from frcnn_keras.evaluation.coco import coco_metrics
from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.models.saving import load_model, load_weights, save_model, save_weights
from frcnn_keras.ops.losses import rcnn_losses
from frcnn_keras.ops.proposals import Proposals
from frcnn_keras.parallel import ahead
from frcnn_keras.progress import say
from frcnn_keras.runs import folder as run_folder
from frcnn_keras.runs.detections import Detections
from frcnn_keras.settings import options
from frcnn_keras.settings import stages as configs
from frcnn_keras.training.distribution import SINGLE, Distribution
from frcnn_keras.training.loop import Keeper, StageModel, fit_stage, resolve_precision
from frcnn_keras.training.proposals import geometry_of, open_proposals
from frcnn_keras.training.rcnn_head import build_rcnn
from frcnn_keras.training.rpn_stage import build_rpn

FILES = ("rcnn_state.npz", "rcnn_best.weights.h5", "rcnn_log.csv", "rcnn_curves.png", "rcnn_metrics.json",
         "detector.keras")
LOSSES = ("class_loss", "box_loss")
SCALES = (0.1, 0.1, 0.2, 0.2)  # of the head's deltas (arXiv 1504.08083: targets of unit variance)


def train_rcnn(data: str | Path, run: str | Path, config: configs.RCNNConfig | None = None, *,
               val: str | Path | None = None, fresh: bool = False, distribution: Distribution = SINGLE) -> dict:
    """Trains the head on a prep folder and the run's proposals; saves the detector; returns the last numbers.

    Writes into `run`: rcnn.json (settings), rcnn_log.csv, rcnn_curves.png, rcnn_metrics.json and detector.keras, with
    `val` that of the epoch of the best AP. A second call with the same settings goes on where the first ended.
    distribution: the devices; they divide each step's images.

    Raises:
        InputError: a prep folder, the RPN or its proposals are missing or do not fit; or the run has other settings.
        FloatingPointError: the loss became NaN or infinite.
    """
    config, run = config or configs.RCNNConfig(), Path(run)
    prepared = open_prepared(data)
    validation = open_prepared(val) if val else None
    if validation:
        check_fits(prepared, validation)
    rpn_file = files.read_json(_rpn_file(run, prepared))
    rpn_settings = options.from_dict(configs.RPNConfig, rpn_file["config"])
    rpn = build_rpn(prepared, **rpn_file["network"])
    load_weights(rpn, run / "rpn.weights.h5")
    fingerprint = run_folder.weights_fingerprint(rpn)
    proposals = open_proposals(run / "proposals" / "train", prepared, fingerprint)
    val_proposals = open_proposals(run / "proposals" / "val", validation, fingerprint) if validation else None
    config = dataclasses.replace(config, fit=dataclasses.replace(
        config.fit, precision=resolve_precision(config.fit.precision)))
    request = {"config": options.to_dict(config), "data": run_folder.data_facts(prepared), "rpn": fingerprint,
               "val": validation.features["annotations"] if validation else None}
    distribution.on_chief(lambda: run_folder.begin(run, "rcnn", request, FILES, fresh))
    stage = _Stage(prepared, proposals, validation, val_proposals, rpn, rpn_settings, config, run, distribution)
    return stage.run_all()


def _rpn_file(run: Path, prepared: Prepared) -> Path:
    """RUN/rpn.json, checked to be of this prep folder."""
    path = run / "rpn.json"
    if not path.exists() or not (run / "rpn.weights.h5").exists():
        raise InputError(f"{run}: holds no trained RPN; run {command('train-rpn')} with this --run first")
    facts = files.read_json(path)["data"]
    found = options.difference(facts, run_folder.data_facts(prepared))
    if found:
        raise InputError(f"{path}: the RPN was trained on another prep folder than {prepared.path} ({found}); give the "
                         "same --data to both trainers")
    return path


class _Stage:
    """One training of the head."""

    def __init__(self, prepared, proposals, validation, val_proposals, rpn, rpn_settings, config, run,
                 distribution=SINGLE):
        self.prepared, self.proposals = prepared, proposals
        self.validation, self.val_proposals = validation, val_proposals
        self.rpn, self.rpn_settings, self.config, self.run = rpn, rpn_settings, config, run
        self.distribution = distribution
        self.geometry = geometry_of(prepared)
        self.pooling = {"op": config.roi_op, "size": config.roi_size, **prepared.features["pooling"]}
        self.best = -np.inf

    def run_all(self) -> dict:
        """Fits, assembles, saves; skips what is done."""
        done = self.distribution.on_chief(self.finished)
        if done is not None:
            say(f"rcnn: trained already ({self.run / 'detector.keras'})")
            return {name: values[-1] for name, values in done.items()}
        fit = self.config.fit
        with self.distribution.scope():
            self.rcnn = build_rcnn(self.prepared, self.config, fit.precision, fit.seed)
        batch = min(fit.batch, len(self.prepared.feature_spans))
        keeper = Keeper(self.run / "rcnn_state.npz", self.run / "rcnn_log.csv", "rcnn",
                        len(self.prepared.feature_spans) // batch, fit.epochs,
                        (lambda epoch: self.measure(epoch, keeper)) if self.validation else None)
        history = fit_stage(self.stage_model(), lambda first: self.dataset(first, batch), fit, keeper,
                            self.run / "tensorboard" / "rcnn", distribution=self.distribution)
        self.distribution.on_chief(lambda: self.finish(history))
        return {name: values[-1] for name, values in history.items()}

    def finished(self) -> dict | None:
        """The numbers of a head that is trained already."""
        path = self.run / "rcnn_metrics.json"
        return files.read_json(path) if path.exists() and (self.run / "detector.keras").exists() else None

    def finish(self, history: dict) -> None:
        """Writes what a finished training leaves: curves, the detector, the numbers."""
        from frcnn_keras.pictures.plots import plot_curves  # brings matplotlib, which the steps before can do without

        plot_curves(self.run / "rcnn_curves.png", history, "Fast R-CNN head")
        if self.validation:
            with self.distribution.scope():
                load_weights(self.rcnn, self.run / "rcnn_best.weights.h5")
        save_model(self.assemble(load_model(self.prepared.extractor_path)), self.run / "detector.keras")
        files.write_json(self.run / "rcnn_metrics.json", history)
        for name in ("rcnn_state.npz", "rcnn_best.weights.h5"):
            (self.run / name).unlink(missing_ok=True)

    def dataset(self, first: int, batch: int):
        """Sampled and pooled regions from epoch `first` on."""
        config, fit = self.config, self.config.fit
        run_folder.announce("rcnn", first, fit.epochs)
        sampling = {"count": config.regions, "positive_fraction": config.positive_fraction,
                    "foreground": config.foreground, "background": config.background, "scales": SCALES}
        return region_batches(self.prepared, self.proposals, strides=self.geometry["strides"],
                              offsets=self.geometry["offsets"], pooling=self.pooling, sampling=sampling, batch=batch,
                              seed=fit.seed, first_epoch=first, epochs=fit.epochs, dtype=fit.precision,
                              share=self.distribution.share(batch))

    def stage_model(self) -> StageModel:
        """The head with its two losses on a batch of sampled regions."""
        rcnn, beta = self.rcnn, self.config.beta

        def losses(batch):
            shape = tf.shape(batch["labels"])  # (B, R)
            pooled = tf.reshape(batch["pooled"], (-1, *batch["pooled"].shape[2:]))  # (B * R, S, S, C)
            logits, deltas = rcnn(pooled, training=True)
            logits = tf.reshape(logits, (shape[0], shape[1], rcnn.classes))
            deltas = tf.reshape(deltas, (shape[0], shape[1], rcnn.classes, 4))
            classes, boxes = rcnn_losses(logits, deltas, batch["labels"], batch["deltas"], batch["valid"], beta=beta)
            return {"class_loss": classes, "box_loss": boxes}

        return StageModel(rcnn, losses, LOSSES, counted=lambda batch: tf.math.count_nonzero(batch["valid"]))

    def measure(self, epoch: int, keeper: Keeper) -> dict[str, float]:
        """AP on the validation images from their cached features and proposals; keeps the best epoch's weights."""
        examples, detections = self.detect_validation()
        found = coco_metrics(examples, detections, self.prepared.class_names)
        best = np.nanmax([-np.inf, *keeper.history.get("AP", ())])
        if not found["AP"] <= best:  # the first epoch too, where AP is NaN
            save_weights(self.rcnn, self.run / "rcnn_best.weights.h5")
        say(f"epoch {epoch + 1}: AP {found['AP']:.3f}  AP50 {found['AP50']:.3f}")
        return {"AP": found["AP"], "AP50": found["AP50"]}

    def detect_validation(self) -> tuple[list[Example], list[Detections]]:
        """Objects and detections of every validation image, in pixels of the original images."""
        self.detector.rcnn.set_weights(self.rcnn.get_weights())

        def one(record):
            found = self.detect(record["maps"], record["proposals"], record["size"])
            back = np.tile((record["original"] / record["size"]).numpy()[::-1], 2).astype(np.float32)
            valid = found.valid[0].numpy()
            detections = Detections.of(found.boxes[0].numpy()[valid] * back, found.scores[0].numpy()[valid],
                                       found.labels[0].numpy()[valid], self.prepared.class_names)
            return example_of(record, back), detections

        pairs = list(ahead(one, feature_maps(self.validation, self.val_proposals)))
        return [pair[0] for pair in pairs], [pair[1] for pair in pairs]

    @functools.cached_property
    def detector(self) -> FasterRCNN:
        """The detector in float32, as yet without extractor and with a head of new weights; built once."""
        return self.assemble(None)

    @functools.cached_property
    def detect(self):
        """A graph from cached maps, proposals (P, 4) and size to detections; traced once."""

        @tf.function(input_signature=[map_specs(self.validation), tf.TensorSpec((None, 4), tf.float32),
                                      tf.TensorSpec((2,), tf.int32)])
        def detect(maps, boxes, size):
            count = tf.shape(boxes)[0]
            given = Proposals(boxes[None], tf.ones((1, count)), tf.ones((1, count), tf.bool))
            return self.detector.detect(maps, given, size[None])

        return detect

    def assemble(self, extractor) -> FasterRCNN:
        """The detector as it is now, in float32."""
        rcnn = build_rcnn(self.prepared, dataclasses.replace(self.config, head_weights="none"))
        rcnn.set_weights(self.rcnn.get_weights())
        rpn, config, features = self.rpn_settings, self.config, self.prepared.features
        return FasterRCNN(
            extractor, self.rpn, rcnn, class_names=self.prepared.class_names, geometry=self.geometry,
            preparing={"shorter": self.prepared.config.images.shorter, "longer": self.prepared.config.images.longer,
                       "preprocessing": features["preprocessing"], "pad_multiple": features["pad_multiple"]},
            proposing={"before": rpn.eval_before, "after": rpn.eval_after, "iou_threshold": rpn.nms,
                       "min_size": rpn.min_size},
            pooling=self.pooling, name="faster_rcnn",
            detecting={"score_threshold": config.score_threshold, "iou_threshold": config.nms, "limit": config.limit})


def example_of(record: dict, back: np.ndarray) -> Example:
    """The objects of a feature record as an Example; back (4,): factors from resized to original pixels."""
    height, width = record["original"].numpy()
    return Example(id=record["id"].numpy().decode(), file="", read=bytes, height=int(height), width=int(width),
                   boxes=record["boxes"].numpy() * back, labels=record["labels"].numpy(),
                   difficult=record["ignored"].numpy() & ~record["crowd"].numpy(),
                   crowd=record["crowd"].numpy())
