"""Training of a whole detector on images, all four losses together: the trainer of `finetune` and `joint`."""

import contextlib
import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from frcnn_keras.data import originals
from frcnn_keras.data.augmentation import Augmentation
from frcnn_keras.data.example import Dataset
from frcnn_keras.data.image_batches import image_batches
from frcnn_keras.data.pipeline_errors import input_errors
from frcnn_keras.errors import InputError
from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.models.freezing import trunk_of, unfreeze, unsafe_layer
from frcnn_keras.models.keras_internals import flatten_layers
from frcnn_keras.models.precision import computing_in, warn_if_slower
from frcnn_keras.models.saving import save_model
from frcnn_keras.progress import tracked
from frcnn_keras.runs.detector import Detector
from frcnn_keras.settings.image_trainers import AugmentConfig, FinetuneConfig
from frcnn_keras.training.distribution import SINGLE, Distribution
from frcnn_keras.training.image_losses import LOSSES, RCNN_LOSSES, RPN_LOSSES, ImageLosses
from frcnn_keras.training.image_step import ImageStepModel, averaged, decay_of, make_optimizer
from frcnn_keras.training.loop import History, StageModel, resolve_precision
from frcnn_keras.training.stage import Stage


def has_depthwise(detector: FasterRCNN) -> bool:
    """Whether the backbone has depthwise convolutions, which TensorFlow on CPU is slower at in bfloat16 (MobileNetV2
    forward and backward: 165 ms against 109)."""
    return any(isinstance(layer, (keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D))
               for layer in flatten_layers(detector.extractor))


def settled_precision(detector: FasterRCNN, wanted: str) -> tuple[str, bool]:
    """The precision `wanted` stands for, and whether the backbone takes part in it."""
    if wanted != "auto":
        warn_if_slower(wanted)
        return wanted, True
    if tf.config.list_physical_devices("GPU") or resolve_precision("auto") == "float32":
        return "float32", True
    return "bfloat16", not has_depthwise(detector)


def augmentation(config: AugmentConfig, shorter: int) -> Augmentation:
    """What is done to training images of a detector whose images have this shorter side."""
    chosen = config.jitter_shorter
    if not chosen and config.jitter:
        chosen = (round(shorter * (1 - config.jitter)), round(shorter * (1 + config.jitter)))
    return Augmentation(config.mirror, chosen, config.brightness, config.contrast, config.saturation)


class ImageTrainer(Stage):
    """One training of a detector on images; writes into a run folder."""

    flag = "--out"

    def __init__(self, name: str, detector: FasterRCNN, dataset: Dataset, validation: Dataset | None, out: Path,
                 config: FinetuneConfig, *, losses: tuple[str, ...] = LOSSES, proposer: FasterRCNN | None = None,
                 distribution: Distribution = SINGLE, callbacks: Sequence[keras.callbacks.Callback] = ()):
        """losses, proposer: see ImageLosses; parts without a loss stay as they are. distribution: the devices, in whose
        scope the detector was made; they divide each step's images.
        """
        precision, self.in_trunk = settled_precision(detector, config.fit.precision)
        super().__init__(name, out, dataclasses.replace(config.fit, precision=precision), artefact="detector.keras",
                         images=len(dataset.examples), measures=validation is not None, distribution=distribution,
                         callbacks=callbacks)
        self.losses, self.proposer = losses, proposer
        self.detector, self.dataset, self.validation, self.config = detector, dataset, validation, config
        self.augmentation = augmentation(config.augment, detector.preparing.shorter)

    @property
    def reads(self) -> set[Path]:
        return {Path(example.path).parent for example in self.dataset.examples if example.path}

    def _begin(self, request: Any, fresh: bool, held: contextlib.ExitStack) -> None:
        """The pictures are those of an earlier start that got anywhere; else they are recorded."""
        super()._begin(request, fresh, held)
        path = self._path(originals.NAME)
        examples = [*self.dataset.examples, *(self.validation.examples if self.validation else ())]
        if any(self._path(name).exists() for name in ("state.npz", "metrics.json")):
            originals.require_unchanged(path, examples, self.flag)
        else:
            path.unlink(missing_ok=True)
            found = originals.originals(examples)
            if found:
                originals.write_originals(path, found)

    @property
    def batch(self) -> int:
        """--batch, which an epoch must fill at least once."""
        return self.fit.batch

    def build(self) -> StageModel:
        """The detector with its losses; what is frozen is settled here.

        Raises:
            InputError: a layer that must not train, or images that cannot be divided.
        """
        unfreeze(self.detector, self.config.freeze_stages)
        for part, names in ((self.detector.rpn, RPN_LOSSES), (self.detector.rcnn, RCNN_LOSSES)):
            part.trainable = part.trainable and bool(set(names) & set(self.losses))
        self._refuse_unsafe()
        keras.utils.set_random_seed(self.fit.seed)
        self._check_division()
        # anchors that follow from an image's size follow from its own maps, not from those of a batch
        together = bool(tf.config.list_physical_devices("GPU")) and not self.detector.geometry.by_image
        losses = ImageLosses(self.detector, self.config.losses, names=self.losses, proposer=self.proposer,
                             together=together)
        return ImageStepModel(losses, self.fit.accumulate)

    def _refuse_unsafe(self) -> None:
        layer = unsafe_layer(self.detector)
        if layer and not tf.config.list_physical_devices("GPU"):
            raise InputError(f"layer {layer!r} of the backbone: TensorFlow's gradient of a 1x1 convolution of stride 2 "
                             "with so few channels writes past its memory on CPU; freeze its stage (--freeze-stages)")

    def _check_division(self) -> None:
        """InputError unless a step's images can be divided among devices and parts, and fill a step."""
        fit = self.fit
        replica_batch = fit.batch // self.distribution.share(fit.batch).replicas
        if replica_batch % fit.accumulate:
            raise InputError(f"--batch {fit.batch}: {replica_batch} images a device cannot be divided into "
                             f"--accumulate {fit.accumulate} equal parts")
        if self.images < fit.batch:
            raise InputError(f"{self.dataset.name}: {self.images} images are less than --batch {fit.batch}")

    def fit_model(self) -> History:
        """Trains; a bad image that TensorFlow meets on the way becomes one line."""
        build = functools.partial(make_optimizer, self.fit, trunk_of(self.detector).trainable_variables,
                                  decay_of(self.fit.ema, self.keeper.steps))
        with input_errors(), computing_in(self.detector, self.fit.precision, self.in_trunk):
            return super().fit_model(build=build, an_execution=1)

    def batches(self, first: int) -> tf.data.Dataset:
        fit = self.fit
        return image_batches(self.dataset.examples, preparing=self.detector.preparing, augmentation=self.augmentation,
                             batch=fit.batch, seed=fit.seed, first_epoch=first, epochs=fit.epochs,
                             share=self.distribution.share(fit.batch))

    def measure(self, epoch: int) -> dict[str, float]:
        """AP on the validation images, in float32; keeps the best epoch's weights."""
        examples = self.validation.examples
        with self.distribution.scope(), computing_in(self.detector, "float32"), self._averaged():
            found = self.inference.stream(example.read() for example in examples)
            detections = list(tracked(found, f"{self.name}: scoring", len(examples), "images"))
            return self.keep_best(examples, detections, self.detector.class_names, self.detector)

    def _averaged(self):
        return averaged(self.model.optimizer, self.detector.trainable_variables)

    @functools.cached_property
    def inference(self) -> Detector:
        """The detector as users call it; traced once, in float32."""
        return Detector(self.detector)

    def save(self) -> None:
        if self.measures:
            self.take_best(self.detector)
            save_model(self.detector, self.run / self.artefact)
        else:
            with self.distribution.scope(), self._averaged():
                save_model(self.detector, self.run / self.artefact)
