"""Training of a whole detector on images, all four losses together: the trainer of `finetune` and `joint`."""

import contextlib
import dataclasses
import functools
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from frcnn_keras import files
from frcnn_keras.data.augmentation import Augmentation
from frcnn_keras.data.example import Dataset
from frcnn_keras.data.image_batches import bad_image, image_batches
from frcnn_keras.errors import InputError
from frcnn_keras.evaluation.coco import coco_metrics
from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.models.freezing import trunk_of, unfreeze, unsafe_layer
from frcnn_keras.models.precision import computing_in
from frcnn_keras.models.saving import load_weights, save_model, save_weights
from frcnn_keras.progress import say
from frcnn_keras.runs import folder as run_folder
from frcnn_keras.runs.detector import Detector
from frcnn_keras.settings import image_trainers as joint_config
from frcnn_keras.training.distribution import SINGLE, Distribution
from frcnn_keras.training.image_losses import LOSSES, RCNN_LOSSES, RPN_LOSSES, JointLosses
from frcnn_keras.training.image_step import JointModel, averaged, decay_of, make_optimizer
from frcnn_keras.training.loop import Keeper, fit_stage, resolve_precision

SCALES = (0.1, 0.1, 0.2, 0.2)  # of the head's deltas, as in the staged trainer


def files_of(stage: str) -> tuple[str, ...]:
    """What a training called `stage` makes in its run folder, beside STAGE.json."""
    return (f"{stage}_state.npz", f"{stage}_best.weights.h5", f"{stage}_log.csv", f"{stage}_curves.png",
            f"{stage}_metrics.json", "detector.keras")


def joint_losses(detector: FasterRCNN, config: joint_config.JointLossConfig, names: tuple[str, ...] = LOSSES,
                 proposer: FasterRCNN | None = None) -> JointLosses:
    """The losses of a detector by their settings; names, proposer: see JointLosses."""
    return JointLosses(
        detector, names=names, proposer=proposer, matching={"positive": config.positive, "negative": config.negative},
        anchor_sampling={"count": config.samples, "positive_fraction": config.anchor_fraction},
        proposing={"before": config.before or (6000 if len(detector.geometry["strides"]) == 1 else 2000),
                   "after": config.after},
        region_sampling={"count": config.regions, "positive_fraction": config.region_fraction,
                         "foreground": config.foreground, "background": config.background, "scales": SCALES},
        box_weight=config.box_weight, rpn_beta=config.rpn_beta, beta=config.beta,
        together=bool(tf.config.list_physical_devices("GPU")))


def has_depthwise(detector: FasterRCNN) -> bool:
    """Whether the backbone has depthwise convolutions, which TensorFlow on CPU is slower at in bfloat16 (MobileNetV2
    forward and backward: 165 ms against 109)."""
    return any(isinstance(layer, (keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D))
               for layer in detector.extractor._flatten_layers())


def settled_precision(detector: FasterRCNN, wanted: str) -> tuple[str, bool]:
    """The precision `wanted` stands for, and whether the backbone takes part in it."""
    if wanted != "auto":
        return wanted, True
    if tf.config.list_physical_devices("GPU") or resolve_precision("auto") == "float32":
        return "float32", True
    return "mixed_bfloat16", not has_depthwise(detector)


def augmentation(config: joint_config.AugmentConfig, shorter: int) -> Augmentation:
    """What is done to training images of a detector whose images have this shorter side.

    Raises:
        InputError: a range that is none.
    """
    chosen = config.jitter_shorter
    if not 0 <= config.jitter < 1:
        raise InputError(f"--jitter must be 0 or more and less than 1; received: {config.jitter:g}")
    if chosen and (len(chosen) != 2 or not 1 <= chosen[0] <= chosen[1]):
        raise InputError(f"--jitter-shorter takes LEAST,MOST pixels; received: {','.join(map(str, chosen))}")
    for name in ("brightness", "contrast", "saturation"):
        if not 0 <= getattr(config, name) <= 1:
            raise InputError(f"--{name} must be 0 to 1; received: {getattr(config, name):g}")
    if not chosen and config.jitter:
        chosen = (round(shorter * (1 - config.jitter)), round(shorter * (1 + config.jitter)))
    return Augmentation(config.mirror, chosen, config.brightness, config.contrast, config.saturation)


class JointTraining:
    """One training of a detector on images; writes into `out`, a run folder."""

    def __init__(self, stage: str, detector: FasterRCNN, dataset: Dataset, validation: Dataset | None, out: Path,
                 config: joint_config.FinetuneConfig, *, losses: tuple[str, ...] = LOSSES,
                 proposer: FasterRCNN | None = None, distribution: Distribution = SINGLE):
        """stage: names what is written. losses, proposer: see JointLosses; parts without a loss stay as they are.
        distribution: the devices, in whose scope the detector was made; they divide each step's images.

        Raises:
            InputError: settings that make no sense.
        """
        if config.fit.ema < 0:
            raise InputError(f"--ema must be 0 or more; received: {config.fit.ema:g}")
        if config.fit.backbone_rate < 0:
            raise InputError(f"--backbone-rate must be 0 or more; received: {config.fit.backbone_rate:g}")
        self.losses, self.proposer, self.distribution = losses, proposer, distribution
        self.stage, self.detector, self.dataset, self.validation = stage, detector, dataset, validation
        self.out, self.config = out, config
        self.precision, self.in_trunk = settled_precision(detector, config.fit.precision)
        self.augmentation = augmentation(config.augment, detector.preparing["shorter"])

    def run(self) -> dict:
        """Fits, saves; skips what is done; returns the last epoch's numbers."""
        done = self.distribution.on_chief(self._finished)
        if done is not None:
            say(f"{self.stage}: trained already ({self.out / 'detector.keras'})")
            return {name: values[-1] for name, values in done.items()}
        fit = dataclasses.replace(self.config.fit, precision=self.precision)
        unfreeze(self.detector, self.config.freeze_stages)
        for part, names in ((self.detector.rpn, RPN_LOSSES), (self.detector.rcnn, RCNN_LOSSES)):
            part.trainable = part.trainable and bool(set(names) & set(self.losses))
        self._refuse_unsafe()
        keras.utils.set_random_seed(fit.seed)
        batch = self._images_a_step()
        losses = joint_losses(self.detector, self.config.losses, self.losses, self.proposer)
        self.model = JointModel(losses, fit.accumulate)
        self.keeper = Keeper(self._path("state.npz"), self._path("log.csv"), self.stage,
                             len(self.dataset.examples) // batch, fit.epochs,
                             self.measure if self.validation else None)
        with computing_in(self.detector, self.precision, self.in_trunk):
            history = self._fit(fit, batch)
        self.distribution.on_chief(lambda: self._finish(history))
        return {name: values[-1] for name, values in history.items()}

    def _finished(self) -> dict | None:
        """The numbers of a training that is finished already."""
        found = (self.out / "detector.keras").exists() and self._path("metrics.json").exists()
        return files.read_json(self._path("metrics.json")) if found else None

    def _refuse_unsafe(self) -> None:
        found = unsafe_layer(self.detector)
        if found and not tf.config.list_physical_devices("GPU"):
            raise InputError(f"layer {found!r} of the backbone: TensorFlow's gradient of a 1x1 convolution of stride 2 "
                             "with so few channels writes past its memory on CPU; freeze its stage (--freeze-stages)")

    def _path(self, name: str) -> Path:
        return self.out / f"{self.stage}_{name}"

    def _images_a_step(self) -> int:
        """--batch, checked against devices, parts and the number of images."""
        fit = self.config.fit
        self.share = self.distribution.share(fit.batch)
        own = fit.batch // self.share.replicas
        if fit.accumulate < 1 or own % fit.accumulate:
            raise InputError(f"--batch {fit.batch}: {own} images a device cannot be divided into --accumulate "
                             f"{fit.accumulate} equal parts")
        if len(self.dataset.examples) < fit.batch:
            raise InputError(f"{self.dataset.name}: {len(self.dataset.examples)} images are less than --batch "
                             f"{fit.batch}")
        return fit.batch

    def _fit(self, fit, batch: int) -> dict[str, list[float]]:
        """Trains; a bad image that TensorFlow meets on the way becomes one line."""
        build = functools.partial(make_optimizer, fit, trunk_of(self.detector).trainable_variables,
                                  decay_of(fit.ema, self.keeper.steps))
        try:
            return fit_stage(self.model, lambda first: self.batches(first, batch), fit, self.keeper,
                             self.out / "tensorboard" / self.stage, build, an_execution=1,
                             distribution=self.distribution)
        except tf.errors.OpError as error:
            raise bad_image(error) or error from error

    def batches(self, first: int, batch: int) -> tf.data.Dataset:
        """Training images from epoch `first` on."""
        fit = self.config.fit
        run_folder.announce(self.stage, first, fit.epochs)
        return image_batches(self.dataset.examples, preparing=self.detector.preparing, augmentation=self.augmentation,
                             batch=batch, seed=fit.seed, first_epoch=first, epochs=fit.epochs, share=self.share)

    def measure(self, epoch: int) -> dict[str, float]:
        """AP on the validation images, in float32; keeps the best epoch's weights."""
        examples = self.validation.examples
        with self.distribution.scope(), computing_in(self.detector, "float32"), self._averaged():
            detections = list(self.inference.stream(example.read() for example in examples))
            found = coco_metrics(examples, detections, self.detector.class_names)
            best = np.nanmax([-np.inf, *self.keeper.history.get("AP", ())])
            if not found["AP"] <= best:  # the first epoch too, where AP is NaN
                save_weights(self.detector, self._path("best.weights.h5"))
        say(f"epoch {epoch + 1}: AP {found['AP']:.3f}  AP50 {found['AP50']:.3f}")
        return {"AP": found["AP"], "AP50": found["AP50"]}

    def _averaged(self):
        return averaged(self.model.optimizer, self.detector.trainable_variables)

    @functools.cached_property
    def inference(self) -> Detector:
        """The detector as users call it; traced once, in float32."""
        return Detector(self.detector)

    def _finish(self, history) -> None:
        """Writes what a finished training leaves: curves, the detector, the numbers."""
        from frcnn_keras.pictures.plots import plot_curves  # brings matplotlib, which the steps before can do without

        plot_curves(self._path("curves.png"), history, self.stage)
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.distribution.scope())
            if self.validation:
                load_weights(self.detector, self._path("best.weights.h5"))
            else:
                stack.enter_context(self._averaged())
            save_model(self.detector, self.out / "detector.keras")
        files.write_json(self._path("metrics.json"), history)
        for name in ("state.npz", "best.weights.h5"):
            self._path(name).unlink(missing_ok=True)
