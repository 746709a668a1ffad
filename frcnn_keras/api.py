"""The package from Python. Settings are optional everywhere; errors name arguments where the commands' name flags.

    frcnn_keras.train("DIR", "work/run").metrics["coco"]["AP50"]

or stage by stage:

    data = frcnn_keras.read_voc("DIR", "trainval")
    prep = frcnn_keras.prepare(data, "work/prep")
    frcnn_keras.train_rpn(prep.path, "work/run")
    frcnn_keras.train_rcnn(prep.path, "work/run")
    frcnn_keras.evaluate("work/run", frcnn_keras.read_voc("DIR", "test"))["coco"]["AP50"]
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from data_prep.prepare import prepare as _prepare
from frcnn_keras.data.example import Dataset, Example, Problem
from frcnn_keras.data.prepared import Prepared, open_prepared
from frcnn_keras.errors import InputError, in_words
from frcnn_keras.inspection.report import AnchorGrid, DatasetReport, report
from frcnn_keras.pipeline import train as _pipeline
from frcnn_keras.pipeline.settings import TrainConfig
from frcnn_keras.pipeline.trained import Trained
from frcnn_keras.readers.splits import Splits
from frcnn_keras.readers.validation import settle
from frcnn_keras.runs import detector as detectors
from frcnn_keras.runs.detections import Detections
from frcnn_keras.runs.detector import Detector
from frcnn_keras.serving.comparison import Exported
from frcnn_keras.serving.export import export as _export
from frcnn_keras.settings.arguments import in_arguments
from frcnn_keras.settings.image_trainers import FinetuneConfig, JointConfig
from frcnn_keras.settings.ranges import require
from frcnn_keras.settings.stages import CheckConfig, PrepConfig, RCNNConfig, RPNConfig
from frcnn_keras.torchvision import importing
from frcnn_keras.training import finetune as _finetune
from frcnn_keras.training import joint as _joint
from frcnn_keras.training import rcnn_stage, rpn_stage
from frcnn_keras.training.distribution import SINGLE, Distribution
from frcnn_keras.training.image_losses import LOSSES
from frcnn_keras.training.loop import History

__all__ = [
    "CheckConfig", "Dataset", "DatasetReport", "Detections", "Detector", "Example", "Exported", "FinetuneConfig",
    "InputError", "JointConfig", "PrepConfig", "Prepared", "Problem", "RCNNConfig", "RPNConfig", "TrainConfig",
    "Trained", "check", "export", "finetune", "load", "load_torchvision", "prepare",
    "train", "train_joint", "train_rcnn", "train_rpn",
]

FilePath = str | Path
Callbacks = Sequence[keras.callbacks.Callback]


@in_words(partial(in_arguments, settings=CheckConfig))
def check(dataset: Dataset, config: CheckConfig | None = None, *, backbone: str = "mobilenet_v2",
          grid: AnchorGrid | None = None, skip_bad: bool = False, decode: bool = True) -> DatasetReport:
    """Inspects a data set: problems, classes, object sizes, and how its objects suit the anchors.

    backbone: whose grid the anchors are laid on; grid: that of one of your own, AnchorGrid(stride, offset). decode:
    whether to decode every image, which finds damage behind the headers, and duplicates.

    Raises:
        InputError: a backbone whose grid is not known.
    """
    return report(dataset, config or CheckConfig(), grid or AnchorGrid.of(backbone), skip_bad=skip_bad, decode=decode)


@in_words(in_arguments)
def train(data: FilePath | Dataset | Splits | Iterable[Any], out: FilePath, config: TrainConfig | None = None, *,
          val: FilePath | Dataset | Iterable[Any] | None = None, holdout: str | float | None = None,
          skip_bad: bool = False, fresh: bool = False, callbacks: Callbacks = ()) -> Trained:
    """From images with boxes to a scored detector: check, prepare, train_rpn, train_rcnn, evaluate in one process.

    data: a folder or file of any form (see `read`), a Dataset, items as `from_items` takes them, or Splits. val: images
    to measure on, of any form too; else the data set's own, else `holdout` of it ("20%" by default). OUT is what the
    stages' own functions make, with prep/ in it. callbacks: of Keras, for both trainers. A second call goes on where
    the first was stopped.

    Raises:
        InputError: the data set is bad, val and holdout are both given, or `out` was begun with other settings.
        FloatingPointError: the loss became NaN or infinite.
    """
    return _pipeline.train(_pipeline.splits_of(data, val, holdout), out, config, skip_bad=skip_bad, fresh=fresh,
                           callbacks=callbacks)


@in_words(partial(in_arguments, settings=PrepConfig))
def prepare(dataset: Dataset, out: FilePath, config: PrepConfig | None = None, *,
            like: FilePath | Prepared | None = None, eval_only: bool = False, write_tiles: bool = False,
            skip_bad: bool = False, workers: int | None = None, fresh: bool = False) -> Prepared:
    """Runs the frozen backbone once over a data set and draws the RPN's minibatches; opens the folder `out`.

    like: an earlier prep folder, whose extractor and settings are taken: for images to measure on (with eval_only: no
    mirror images, no minibatches). write_tiles: whole minibatches too, for training an RPN elsewhere. skip_bad: leave
    bad images and objects out instead of stopping. workers: images at a time. A second call goes on where the first was
    stopped; fresh: start over.

    Raises:
        InputError: the data set is bad, `out` holds something else, or the disk is too small.
    """
    require("workers", workers or 0, int, least=0, most=1024)
    prepared = like if like is None or isinstance(like, Prepared) else open_prepared(like)
    return _prepare(settle(dataset, skip_bad), out, config, like=prepared, eval_only=eval_only, write_tiles=write_tiles,
                    skip_bad=skip_bad, workers=workers, fresh=fresh)


@in_words(partial(in_arguments, settings=RPNConfig))
def train_rpn(data: FilePath, run: FilePath, config: RPNConfig | None = None, *, val: FilePath | None = None,
              from_tiles: bool = False, fresh: bool = False, callbacks: Callbacks = (),
              distribution: Distribution = SINGLE) -> History:
    """Trains the region proposal network on a prep folder; writes RUN/rpn.weights.h5 and every image's proposals.

    val: a prep folder to measure the proposals' recall on after every epoch. from_tiles: read the tiles that `prepare`
    wrote with write_tiles. callbacks: of Keras (early stopping, W&B, MLflow, ...); they find loss and measures in an
    epoch's logs. distribution: several devices (training.distribution.start). A second call goes on where the first was
    stopped.

    Returns:
        Every number of every epoch, by name.

    Raises:
        InputError: a prep folder is missing or does not fit; the run was begun with other settings.
        FloatingPointError: the loss became NaN or infinite.
    """
    return rpn_stage.train_rpn(data, run, config, val=val, from_tiles=from_tiles, fresh=fresh, callbacks=callbacks,
                               distribution=distribution)


@in_words(partial(in_arguments, settings=RCNNConfig))
def train_rcnn(data: FilePath, run: FilePath, config: RCNNConfig | None = None, *, val: FilePath | None = None,
               fresh: bool = False, callbacks: Callbacks = (), distribution: Distribution = SINGLE) -> History:
    """Trains the Fast R-CNN head on the run's proposals; writes RUN/detector.keras. See `train_rpn`.

    val: the prep folder that train_rpn had: every epoch ends with its AP, and the best is kept.
    """
    return rcnn_stage.train_rcnn(data, run, config, val=val, fresh=fresh, callbacks=callbacks,
                                 distribution=distribution)


@in_words(partial(in_arguments, settings=FinetuneConfig))
def finetune(run: FilePath, dataset: Dataset, out: FilePath, config: FinetuneConfig | None = None, *,
             validation: Dataset | None = None, skip_bad: bool = False, fresh: bool = False,
             callbacks: Callbacks = (), distribution: Distribution = SINGLE) -> History:
    """Trains a finished run's detector further on images, its backbone included; writes OUT/detector.keras.

    validation: images to measure AP on after every epoch; the best is kept. See `train_rpn` for the rest.
    """
    return _finetune.finetune(run, settle(dataset, skip_bad), out, config, fresh=fresh, callbacks=callbacks,
                              distribution=distribution,
                              validation=settle(validation, skip_bad) if validation else None)


@in_words(partial(in_arguments, settings=JointConfig))
def train_joint(dataset: Dataset, out: FilePath, config: JointConfig | None = None, *,
                validation: Dataset | None = None, losses: tuple[str, ...] = LOSSES, proposals: FilePath | None = None,
                skip_bad: bool = False, fresh: bool = False, callbacks: Callbacks = (),
                distribution: Distribution = SINGLE) -> History:
    """Trains a detector on images from an ImageNet backbone, all four losses together; writes OUT/detector.keras.

    losses, proposals: a part of a detector alone, as alternating training does; see training.joint. See `finetune` for
    the rest.
    """
    return _joint.train_joint(settle(dataset, skip_bad), out, config, fresh=fresh, callbacks=callbacks, losses=losses,
                              proposals=proposals, distribution=distribution,
                              validation=settle(validation, skip_bad) if validation else None)


@in_words(in_arguments)
def load(run: FilePath, *, score_threshold: float | str | None = None, nms: float | None = None,
         limit: int | None = None, precision: str | None = None) -> Detector:
    """The detector of a run folder, or of a `.keras` file.

    score_threshold, nms, limit: in place of the run's own: the score that a detection must pass (`best`: what
    `thresholds` chose for each class), the IoU above which a better one of its class removes it, and how many an image
    may have. precision: `float32` or `bfloat16` products.

    Raises:
        InputError: there is no finished detector, or no such precision.
    """
    return detectors.load(run, score_threshold=score_threshold, nms=nms, limit=limit, precision=precision)


@in_words(in_arguments)
def load_torchvision(weights: FilePath | Mapping[str, np.ndarray], model: str | None = "fasterrcnn_resnet50_fpn",
                     num_classes: int = 91, min_size: int | None = None, max_size: int | None = None,
                     class_names: Sequence[str] | None = None, keep_classes: Sequence[str] | None = None,
                     precision: str | None = None, bn_epsilon: float | None = None) -> Detector:
    """A detector with the weights of one of torchvision's Faster R-CNN models; its detections are torchvision's.

    weights: a file (.pth, .safetensors, .npz), or tensors by their state_dict's names. model: None to tell it by the
    weights. num_classes: of the weights, with the background. min_size, max_size: of the resized image, the model's own
    by default. class_names: of weights that are not COCO's. keep_classes: find these alone. bn_epsilon: in batch
    normalisation; 0 for torchvision's COCO file of fasterrcnn_resnet50_fpn, known by its hash, else 1e-5 by default.

    Raises:
        InputError: the file cannot be read, its tensors are not those of the model, or a name is unknown.
    """
    return importing.load_torchvision(weights, model, num_classes, min_size, max_size, class_names, keep_classes,
                                      precision, bn_epsilon)


@in_words(in_arguments)
def export(run: FilePath | Detector, out: FilePath, format: str = "savedmodel", *,
           check_images: Sequence[FilePath | bytes | np.ndarray] = (), version: int | None = None,
           overwrite: bool = False, image_size: tuple[int, int] | None = None,
           max_pixels: int | None = None, signatures: Sequence[str] | None = None) -> Exported:
    """Writes a detector for TensorFlow Serving (`savedmodel`: OUT/VERSION), as `onnx` or as `litert` (the file OUT).

    It gets its name only when its answers have been compared with `predict`'s, on drawn pictures and on check_images.
    image_size: (height, width) of a file for images of one size. max_pixels: a SavedModel refuses an encoded image of
    more before it decodes it; 50 million by default. signatures: of a SavedModel, one or more of `ours` (the default),
    `od-api:image_tensor`, `od-api:encoded_image` and `od-api:tf_example`, which clients of the TF Object Detection API
    know; the first is its serving_default.

    Raises:
        InputError: no such format, a setting of another format, a package that it needs is missing, or `out` exists.
        RuntimeError: the answers differ; nothing is left then.
    """
    detector = run if isinstance(run, Detector) else detectors.load(run)
    return _export(detector, out, format, check_images=check_images, version=version, overwrite=overwrite,
                   image_size=image_size, max_pixels=max_pixels, signatures=signatures)
