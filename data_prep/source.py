"""Where the features of a prep folder come from: a backbone, a finished run, or an earlier folder's extractor."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import google_crc32c
import keras

from frcnn_keras.data.prepared import Prepared
from frcnn_keras.errors import InputError, command
from frcnn_keras.files import fingerprint
from frcnn_keras.models.backbones import load_backbone
from frcnn_keras.models.neck import extractor as build_extractor
from frcnn_keras.models.projection import project
from frcnn_keras.models.saving import load_model
from frcnn_keras.models.settings import Geometry, LevelPooling, Preparing
from frcnn_keras.progress import say
from frcnn_keras.runs import parts
from frcnn_keras.settings.stages import PrepConfig


@dataclasses.dataclass(frozen=True)
class FeatureSource:
    """What makes the features, and what they mean for anchors and regions."""

    preparing: Preparing
    geometry: Geometry
    pooling: LevelPooling
    make_extractor: Callable[..., keras.Model]  # (kernel, bias) of the neck, or (None, None) for none
    fits_neck: bool  # whether a neck is to be fitted
    top: keras.Model | None = None  # the rest of the network, where a head could go on with it


def source_fingerprint(config: PrepConfig) -> str:
    """That of the file that a backbone or its weights come from: other weights of the same name are noticed."""
    chosen = config.backbone
    paths = [Path(chosen.name, "detector.keras") if parts.is_run(chosen.name) else Path(chosen.name),
             Path(chosen.weights)]
    try:
        found = [google_crc32c.value(path.read_bytes()) for path in paths if path.is_file()]
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror})") from error
    return fingerprint(found) if found else ""


def feature_source(config: PrepConfig, like: Prepared | None) -> FeatureSource:
    """The source that the settings name; that of an earlier folder where there is one.

    Raises:
        InputError: no such backbone, weights, layer or run.
    """
    if like:
        model = load_model(like.extractor_path)
        return FeatureSource(like.features.preparing, like.geometry, like.features.pooling,
                             lambda kernel, bias: model, fits_neck=False)
    return _from_run(config) if parts.is_run(config.backbone.name) else _from_backbone(config)


def _preparing(config: PrepConfig, preprocessing: str, pad_multiple: int) -> Preparing:
    return Preparing(config.images.shorter, config.images.longer, preprocessing, pad_multiple)


def _from_backbone(config: PrepConfig) -> FeatureSource:
    """A network cut at its feature layers."""
    chosen = config.backbone
    if chosen.pyramid:
        raise InputError("--pyramid: a new feature pyramid's weights are random, and frozen they would stay so; train "
                         f"it first: {command('joint')} --backbone {chosen.name} --pyramid {chosen.pyramid} "
                         "... --out RUN; then prepare with --backbone RUN")
    keras.utils.set_random_seed(config.seed)  # of a backbone without weights: every start prepares with the same
    backbone = load_backbone(chosen.name, None if chosen.weights == "none" else chosen.weights,
                             chosen.feature_layers or None, chosen.preprocess or None)
    top = None
    if not config.neck.channels and len(backbone.layers) == 1:
        try:
            top = backbone.top()
        except InputError as error:
            say(f"note: no --head backbone_top from this folder: {error}")
    rule = config.anchors.stride
    geometry = Geometry.of([float(backbone.strides[-1])], [float(backbone.offsets[-1])], config.anchors, rule)
    return FeatureSource(_preparing(config, backbone.preprocess, backbone.padding(rule)), geometry, LevelPooling(),
                         lambda kernel, bias: build_extractor(backbone, kernel, bias), bool(config.neck.channels), top)


def _from_run(config: PrepConfig) -> FeatureSource:
    """A finished run's own extractor, with a neck behind it where one is fitted."""
    chosen = config.backbone
    for flag, value in (("feature-layers", chosen.feature_layers), ("preprocess", chosen.preprocess),
                        ("pyramid", chosen.pyramid)):
        if value:
            raise InputError(f"--backbone {chosen.name} is a run, whose features are taken as they are; leave "
                             f"--{flag} out")
    detector = parts.load_detector(chosen.name)
    run_geometry, model, pooling = detector.geometry, detector.extractor, detector.pooling
    rule = config.anchors.stride
    if rule == "fraction" and detector.preparing.pad_multiple > 1:
        raise InputError(f"--anchor-stride fraction takes images without padding, and {chosen.name} pads them to "
                         f"multiples of {detector.preparing.pad_multiple} pixels; leave it out")
    if rule == "given" and not run_geometry.by_image:
        rule = run_geometry.stride_rule
    geometry = Geometry.of(list(map(float, run_geometry.strides)), list(map(float, run_geometry.offsets)),
                           config.anchors, rule)
    preparing = _preparing(config, detector.preparing.preprocessing, detector.preparing.pad_multiple)
    return FeatureSource(preparing, geometry, LevelPooling(pooling.levels, pooling.min_cells),
                         lambda kernel, bias: project(model, kernel, bias), bool(config.neck.channels))
