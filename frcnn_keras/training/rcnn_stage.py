"""The Fast R-CNN head on regions pooled from the cached features, then the whole detector in one file."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from frcnn_keras.data.batches import feature_maps, map_specs, region_batches
from frcnn_keras.data.example import Example
from frcnn_keras.data.pipeline_errors import input_errors
from frcnn_keras.data.prepared import Prepared, check_fits, open_prepared, reading
from frcnn_keras.errors import InputError, command
from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.models.rcnn import RCNN
from frcnn_keras.models.saving import load_model, load_weights, save_model
from frcnn_keras.models.settings import Detecting, Pooling, Proposing
from frcnn_keras.ops.losses import rcnn_losses
from frcnn_keras.ops.proposals import Proposals
from frcnn_keras.progress import ahead, tracked
from frcnn_keras.runs.detections import Detections
from frcnn_keras.runs.folder import PreparedFacts, weights_fingerprint
from frcnn_keras.runs.request import read_request
from frcnn_keras.settings import options
from frcnn_keras.settings.learning import HeadLossConfig
from frcnn_keras.settings.stages import RCNNConfig
from frcnn_keras.training.distribution import SINGLE, Distribution
from frcnn_keras.training.loop import History, StageModel, resolve_precision
from frcnn_keras.training.proposals import open_proposals
from frcnn_keras.training.rcnn_head import build_rcnn
from frcnn_keras.training.rpn_stage import RPNRequest, build_rpn
from frcnn_keras.training.stage import Stage

LOSSES = ("class_loss", "box_loss")


@dataclasses.dataclass(frozen=True)
class RCNNRequest:
    """What RUN/rcnn.json says."""

    config: RCNNConfig
    data: PreparedFacts
    rpn: str  # fingerprint of its weights
    val: str | None  # fingerprint of the validation images' objects, and of the pictures


@dataclasses.dataclass(frozen=True)
class Source:
    """Images of a stage: their features, and where their proposals lie."""

    prepared: Prepared
    proposals: tuple

    @classmethod
    def open(cls, prepared: Prepared, folder: Path, rpn: str) -> "Source":
        """A prep folder with the proposals that an RPN (its fingerprint) left in a folder."""
        return cls(prepared, open_proposals(folder, prepared, rpn))


@input_errors()
def train_rcnn(data: str | Path | Prepared, run: str | Path, config: RCNNConfig | None = None, *,
               val: str | Path | Prepared | None = None, fresh: bool = False,
               distribution: Distribution = SINGLE, callbacks: Sequence[keras.callbacks.Callback] = ()) -> History:
    """Trains the head on a prep folder and the run's proposals; saves the detector; returns the numbers of every epoch.

    Writes into `run`: rcnn.json (settings), rcnn_log.csv, rcnn_curves.png, rcnn_metrics.json and detector.keras, with
    `val` that of the epoch of the best AP. A second call with the same settings goes on where the first ended.
    distribution: the devices; they divide each step's images. callbacks: of Keras.

    Raises:
        InputError: a prep folder, the RPN or its proposals are missing, damaged or do not fit; or the run has other
            settings.
        FloatingPointError: the loss became NaN or infinite.
    """
    config, run = config or RCNNConfig(), Path(run)
    prepared = open_prepared(data)
    validation = open_prepared(val) if val else None
    if validation:
        check_fits(prepared, validation)
    begun = _rpn_request(run, prepared)
    rpn = build_rpn(prepared, begun.network)
    load_weights(rpn, run / "rpn.weights.h5")
    fingerprint = weights_fingerprint(rpn)
    train = Source.open(prepared, run / "proposals" / "train", fingerprint)
    measured = Source.open(validation, run / "proposals" / "val", fingerprint) if validation else None
    config = dataclasses.replace(config, fit=dataclasses.replace(
        config.fit, precision=resolve_precision(config.fit.precision)))
    stage = RCNNStage(train, measured, rpn, Proposing.of(begun.config.proposals), config, run, distribution, callbacks)
    request = RCNNRequest(config, PreparedFacts.of(prepared), fingerprint,
                          _content(validation) if validation else None)
    with reading(prepared, validation):
        return stage.train(request, fresh)


def _content(prepared: Prepared) -> str:
    return "/".join(filter(None, (prepared.features.annotations, prepared.pictures)))


def _rpn_request(run: Path, prepared: Prepared) -> RPNRequest:
    """RUN/rpn.json, checked to be of this prep folder."""
    path = run / "rpn.json"
    if not path.exists() or not (run / "rpn.weights.h5").exists():
        raise InputError(f"{run}: holds no trained RPN; run {command('train-rpn')} with this --run first")
    begun = read_request(path, RPNRequest)
    difference = options.difference(options.to_dict(begun.data), options.to_dict(PreparedFacts.of(prepared)))
    if difference:
        raise InputError(f"{path}: the RPN was trained on another prep folder than {prepared.path} ({difference}); "
                         "give the same --data to both trainers")
    return begun


def rcnn_stage_model(rcnn: RCNN, settings: HeadLossConfig) -> StageModel:
    """The head with its two losses on a batch of sampled regions (data.batches.region_batches)."""

    def losses(batch):
        shape = tf.shape(batch["labels"])  # (B, R)
        pooled = tf.reshape(batch["pooled"], (-1, *batch["pooled"].shape[2:]))  # (B * R, S, S, C)
        logits, deltas = rcnn(pooled, training=True)
        logits = tf.reshape(logits, (shape[0], shape[1], rcnn.classes))
        if deltas is not None:
            deltas = tf.reshape(deltas, (shape[0], shape[1], rcnn.classes, 4))
        classes, boxes = rcnn_losses(logits, deltas, batch["labels"], batch["deltas"], batch["valid"],
                                     beta=settings.beta)
        return {"class_loss": classes, "box_loss": boxes}

    return StageModel(rcnn, losses, LOSSES, counted=lambda batch: tf.math.count_nonzero(batch["valid"]))


class RCNNStage(Stage):
    """One training of the head."""

    title = "Fast R-CNN head"

    def __init__(self, train: Source, validation: Source | None, rpn, proposing: Proposing, config: RCNNConfig,
                 run: Path, distribution: Distribution = SINGLE, callbacks: Sequence = ()):
        """rpn, proposing: the finished RPN, and its proposals in prediction: parts of the detector to be saved."""
        super().__init__("rcnn", run, config.fit, artefact="detector.keras", images=len(train.prepared.feature_spans),
                         measures=validation is not None, distribution=distribution, callbacks=callbacks)
        self.prepared, self.proposals, self.validation = train.prepared, train.proposals, validation
        self.rpn, self.proposing, self.config = rpn, proposing, config
        levels = self.prepared.features.pooling
        self.pooling = Pooling(levels.levels, levels.min_cells, config.head.roi_op, config.head.roi_size)
        self.detecting = Detecting.of(config.detections, config.head)

    def build(self) -> StageModel:
        with self.distribution.scope():
            rcnn = build_rcnn(self.prepared, self.config.head, self.fit.precision, self.fit.seed)
        return rcnn_stage_model(rcnn, self.config.loss)

    @property
    def rcnn(self) -> RCNN:
        """The head that trains."""
        return self.model.network

    def batches(self, first: int) -> tf.data.Dataset:
        return region_batches(self.prepared, self.proposals, pooling=self.pooling, sampling=self.config.regions,
                              scales=self.detecting.scales, means=self.detecting.means, batch=self.batch,
                              seed=self.fit.seed, first_epoch=first, epochs=self.fit.epochs, dtype=self.fit.precision,
                              share=self.distribution.share(self.batch))

    def measure(self, epoch: int) -> dict[str, float]:
        """AP on the validation images from their cached features and proposals; keeps the best epoch's weights."""
        examples, detections = self.detect_validation()
        return self.keep_best(examples, detections, self.prepared.class_names, self.rcnn)

    def save(self) -> None:
        if self.measures:
            self.take_best(self.rcnn)
        extractor = load_model(self.prepared.extractor_path)
        if weights_fingerprint(extractor) != self.prepared.features.extractor:
            raise InputError(f"{self.prepared.extractor_path}: is not the extractor that the features were made with; "
                             "prepare the folder anew with --fresh")
        save_model(self.assemble(extractor), self.run / self.artefact)

    def detect_validation(self) -> tuple[list[Example], list[Detections]]:
        """Objects and detections of every validation image, in pixels of the original images."""
        self.detector.rcnn.set_weights(self.rcnn.get_weights())

        def detect_image(record):
            detected = self.detect(record["maps"], record["proposals"], record["size"])
            back = back_of(record)
            valid = detected.valid[0].numpy()
            detections = Detections.of(detected.boxes[0].numpy()[valid] * back, detected.scores[0].numpy()[valid],
                                       detected.labels[0].numpy()[valid], self.prepared.class_names)
            return example_of(record, back), detections

        found = ahead(detect_image, feature_maps(self.validation.prepared, self.validation.proposals))
        pairs = list(tracked(found, "rcnn: scoring", len(self.validation.proposals), "images"))
        return [pair[0] for pair in pairs], [pair[1] for pair in pairs]

    @functools.cached_property
    def detector(self) -> FasterRCNN:
        """The detector in float32, as yet without extractor and with a head of new weights; built once."""
        return self.assemble(None)

    @functools.cached_property
    def detect(self):
        """A graph from cached maps, proposals (P, 4) and size to detections; traced once."""

        @tf.function(input_signature=[map_specs(self.validation.prepared), tf.TensorSpec((None, 4), tf.float32),
                                      tf.TensorSpec((2,), tf.int32)])
        def detect(maps, boxes, size):
            count = tf.shape(boxes)[0]
            given = Proposals(boxes[None], tf.ones((1, count)), tf.ones((1, count), tf.bool))
            return self.detector.detect(maps, given, size[None])

        return detect

    def assemble(self, extractor) -> FasterRCNN:
        """The detector as it is now, in float32."""
        rcnn = build_rcnn(self.prepared, dataclasses.replace(self.config.head, weights="none"))
        rcnn.set_weights(self.rcnn.get_weights())
        return FasterRCNN(extractor, self.rpn, rcnn, class_names=self.prepared.class_names, name="faster_rcnn",
                          category_ids=self.prepared.features.category_ids,
                          geometry=self.prepared.geometry, preparing=self.prepared.features.preparing,
                          proposing=self.proposing, pooling=self.pooling, detecting=self.detecting)


def back_of(record: dict) -> np.ndarray:
    """(4,) float32 factors from resized to original pixels, of boxes in a feature record."""
    return np.tile((record["original"] / record["size"]).numpy()[::-1], 2).astype(np.float32)


def example_of(record: dict, back: np.ndarray) -> Example:
    """The objects of a feature record as an Example; back (4,): factors from resized to original pixels."""
    height, width = record["original"].numpy()
    return Example(id=record["id"].numpy().decode(), file="", read=bytes, height=int(height), width=int(width),
                   boxes=record["boxes"].numpy() * back, labels=record["labels"].numpy(),
                   difficult=record["ignored"].numpy() & ~record["crowd"].numpy(),
                   crowd=record["crowd"].numpy())
