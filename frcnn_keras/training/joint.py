"""Joint training from an ImageNet backbone (arXiv 1506.01497, section 3.2): neck fitted to the user's images, RPN and
head with new weights, then all four losses together."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import keras

from frcnn_keras.data.example import Dataset
from frcnn_keras.data.extraction import fit_neck, image_maps, map_function
from frcnn_keras.errors import InputError, command
from frcnn_keras.models.backbones import Backbone, load_backbone
from frcnn_keras.models.detector import FasterRCNN
from frcnn_keras.models.fpn import chosen_levels, pyramid_extractor, pyramid_geometry
from frcnn_keras.models.neck import extractor
from frcnn_keras.models.rcnn import RCNN, two_fc
from frcnn_keras.models.rpn import RPN
from frcnn_keras.models.settings import Detecting, Geometry, Pooling, Preparing, Proposing
from frcnn_keras.runs.folder import DatasetFacts, weights_fingerprint
from frcnn_keras.runs.parts import is_run, load_detector
from frcnn_keras.settings.detector import settled
from frcnn_keras.settings.image_trainers import JointConfig
from frcnn_keras.training.distribution import SINGLE, Distribution
from frcnn_keras.training.image_losses import LOSSES, RCNN_LOSSES
from frcnn_keras.training.image_trainer import ImageTrainer
from frcnn_keras.training.loop import History

WORKERS = 2


@dataclasses.dataclass(frozen=True)
class JointRequest:
    """What OUT/joint.json says."""

    config: JointConfig
    trunk: str  # fingerprint of the backbone's weights
    data: DatasetFacts
    val: DatasetFacts | None
    losses: tuple[str, ...]
    proposals: str | None  # fingerprint of the detector that makes them


def train_joint(dataset: Dataset, out: str | Path, config: JointConfig | None = None, *,
                validation: Dataset | None = None, fresh: bool = False, losses: tuple[str, ...] = LOSSES,
                proposals: str | Path | None = None, distribution: Distribution = SINGLE,
                callbacks: Sequence[keras.callbacks.Callback] = ()) -> History:
    """Builds a detector for a settled data set and trains it whole; returns the numbers of every epoch.

    losses: RPN_LOSSES or RCNN_LOSSES trains backbone and RPN, or backbone and head, alone (steps 1 and 2 of alternating
    training); the rest keeps its new weights. proposals: a run whose proposals the head learns on, instead of those of
    the new detector. distribution: the devices; they divide each step's images. callbacks: of Keras.

    Writes into `out`: joint.json (settings), joint_log.csv, joint_curves.png, joint_metrics.json and detector.keras,
    with `validation` that of the epoch of the best AP. A second call with the same settings goes on where the first
    ended.

    Raises:
        InputError: the backbone cannot be had; other classes to measure on; OUT has other settings; an image is bad.
        FloatingPointError: the loss became NaN or infinite.
    """
    config, out = config or JointConfig(), Path(out)
    if validation and losses != LOSSES:
        raise InputError("--losses trains a part of a detector, which has no AP yet; leave --val-... out")
    if (losses == RCNN_LOSSES) != (proposals is not None):
        raise InputError("--losses rcnn and --proposals RUN belong together: a head learns on a trained RPN's")
    with distribution.scope():
        detector = new_detector(dataset, config)
        proposer = _proposer(proposals, detector) if proposals else None
    trainer = ImageTrainer("joint", detector, dataset, validation, out, config.training, losses=losses,
                           proposer=proposer, distribution=distribution, callbacks=callbacks)
    settled_config = dataclasses.replace(config, training=dataclasses.replace(config.training, fit=trainer.fit))
    request = JointRequest(settled_config, weights_fingerprint(detector.extractor.trunk), DatasetFacts.of(dataset),
                           DatasetFacts.of(validation), losses, proposer and weights_fingerprint(proposer))
    return trainer.train(request, fresh)


def _proposer(run: str | Path, detector: FasterRCNN) -> FasterRCNN:
    """The detector of `run`, frozen; InputError unless it takes images prepared as `detector` takes them."""
    proposer = load_detector(run)
    for field in dataclasses.fields(Preparing):
        theirs, ours = getattr(proposer.preparing, field.name), getattr(detector.preparing, field.name)
        if theirs != ours:
            raise InputError(f"--proposals {run}: it has {field.name} {theirs}, the new detector {ours}; give both the "
                             "same backbone and --shorter, --longer")
    proposer.trainable = False
    return proposer


def new_detector(dataset: Dataset, config: JointConfig) -> FasterRCNN:
    """The detector that a joint training starts from; weights of RPN and head are drawn from the settings' seed.

    Raises:
        InputError: an unknown backbone, weights that do not fit it, or a bad image among those the neck is fitted on.
    """
    chosen = config.backbone
    if is_run(chosen.name):
        raise InputError(f"--backbone {chosen.name} is a run; to train its detector further: "
                         f"{command('finetune')} --run {chosen.name}")
    keras.utils.set_random_seed(config.training.fit.seed)  # of a new pyramid, and of a backbone without weights
    backbone = load_backbone(chosen.name, None if chosen.weights == "none" else chosen.weights,
                             chosen.feature_layers or None, chosen.preprocess or None, pyramid=chosen.pyramid > 0)
    if chosen.pyramid:
        backbone, extra = chosen_levels(backbone, chosen.pyramid_levels)
        strides, offsets = pyramid_geometry(backbone, extra)
        return assemble(pyramid_extractor(backbone, chosen.pyramid, extra), list(map(float, strides)),
                        list(map(float, offsets)), backbone, dataset, config)
    kernel, bias = _fitted_neck(backbone, dataset, config) if config.neck.channels else (None, None)
    return assemble(extractor(backbone, kernel, bias), [float(backbone.strides[-1])], [float(backbone.offsets[-1])],
                    backbone, dataset, config)


def _fitted_neck(backbone: Backbone, dataset: Dataset, config: JointConfig):
    """Kernel and bias of the neck, fitted as prep fits it."""
    preparing = _preparing(backbone, config)
    function = map_function(extractor(backbone), preparing)

    def maps_of(example):
        return image_maps(function, example, preparing.size(example.height, example.width))

    return fit_neck(dataset.examples, maps_of, config.neck.channels, config.neck.sample, WORKERS)


def _preparing(backbone: Backbone, config: JointConfig) -> Preparing:
    padding = backbone.padding(config.anchors.stride, config.backbone.pyramid > 0)
    return Preparing(config.images.shorter, config.images.longer, backbone.preprocess, padding)


def assemble(features: keras.Model, strides: Sequence[float], offsets: Sequence[float], backbone: Backbone,
             dataset: Dataset, config: JointConfig) -> FasterRCNN:
    """A detector of a data set's classes on a feature extractor of these levels, with a new RPN and a new head."""
    head, levels = config.head, len(strides)
    keras.utils.set_random_seed(config.training.fit.seed)
    channels = int(features.compute_output_shape((None, None, None, 3))[0][-1])
    geometry, network = Geometry.of(strides, offsets, config.anchors, config.anchors.stride), config.network
    rpn = RPN(geometry.anchors_per_position, config.rpn_channels, network.depth, network.activation, network.initial,
              name="rpn")
    rpn.build((None, None, None, channels))
    rcnn = RCNN(two_fc(head.roi_size, channels, head.width, head.dropout), len(dataset.class_names) + 1, head.box_head,
                name="rcnn")
    rcnn.build((None, head.roi_size, head.roi_size, channels))
    return FasterRCNN(
        features, rpn, rcnn, class_names=dataset.class_names, category_ids=dataset.category_ids, name="faster_rcnn",
        geometry=geometry,
        preparing=_preparing(backbone, config),
        proposing=Proposing.of(settled(config.proposals, levels)),
        # regions are pooled from the backbone's own levels (arXiv 1612.03144, section 4.2)
        pooling=Pooling(len(backbone.layers) if config.backbone.pyramid else 1, op=head.roi_op, size=head.roi_size),
        detecting=Detecting.of(config.detections, head))
