"""The offline stage as a function: data set and config in, prep folder out."""

import shutil
from pathlib import Path

from data_prep.local import Driver, disk_needed, is_finished, request_of
from frcnn_keras.data.example import Dataset
from frcnn_keras.data.prepared import Prepared, open_prepared
from frcnn_keras.errors import InputError, command
from frcnn_keras.models.backbones import load_backbone
from frcnn_keras.models.neck import extractor as build_extractor
from frcnn_keras.models.projection import project
from frcnn_keras.models.receptive_field import map_sizes
from frcnn_keras.models.saving import load_model
from frcnn_keras.ops.images import padded_size
from frcnn_keras.progress import say
from frcnn_keras.runs import parts as trained_parts
from frcnn_keras.settings import stages as configs


def prepare(dataset: Dataset, config: configs.PrepConfig, out: str | Path, *, like: Prepared | None = None,
            eval_only: bool = False, write_tiles: bool = False, skip_bad: bool = False, workers: int = 2,
            fresh: bool = False) -> Prepared:
    """Prepares a settled data set (data.validation.settle) and opens the finished folder.

    like: an earlier folder whose extractor is used as it is; `config` must then be its config. eval_only: no mirror
    images and no minibatches. A second call with the same arguments goes on where the first was stopped.

    Raises:
        InputError: OUT is of another config; an image cannot be decoded; the disk is too small.
    """
    out = Path(out)
    if write_tiles and eval_only:
        raise InputError("--write-tiles writes minibatches, and --eval-only makes none; leave one out")
    request = request_of(dataset, config, eval_only, write_tiles)
    request["like"] = like.features["extractor"] if like else None
    if is_finished(out, request, fresh):
        say(f"data_prep: {out} is finished already")
        return open_prepared(out)
    facts, make_extractor, top = _like(like) if like else _from_backbone(config.backbone, config.neck.channels)
    driver = Driver(dataset, config, facts, make_extractor, eval_only=eval_only, write_tiles=write_tiles,
                    skip_bad=skip_bad, workers=workers)
    model = make_extractor(None, None)
    channels = int(model.compute_output_shape((None, None, None, 3))[-1][-1])
    if config.neck.channels and not like:
        channels = min(config.neck.channels, channels)

    def map_size(size):
        return map_sizes(model, *padded_size(*size, facts["pad_multiple"]))

    out.parent.mkdir(parents=True, exist_ok=True)
    disk_needed(driver, map_size, channels, shutil.disk_usage(out.parent).free)
    try:
        driver.run(out, request, top)
    except InputError:
        partial = out.with_name(out.name + ".partial")
        if not any(partial.rglob("*.tfrecord")):  # nothing is done that a second start could go on from
            shutil.rmtree(partial, ignore_errors=True)
        raise
    for line in sorted(driver.skipped):
        say(f"left out: {line}")
    following = f"--data {like.path} --val {out}" if eval_only and like else f"--data {out}"
    say(f"data_prep: {out} is finished; next: {command('train-rpn')} {following} --run RUN")
    return open_prepared(out)


def _like(like: Prepared):
    """Facts and extractor of an earlier folder."""
    model = load_model(like.extractor_path)
    facts = {"preprocessing": like.features["preprocessing"], "pad_multiple": like.features["pad_multiple"],
             "strides": [level.stride for level in like.levels], "offsets": [level.offset for level in like.levels],
             "stride_rule": like.features["stride_rule"], "pooling": like.features["pooling"]}
    return facts, lambda kernel, bias: model, None


def _from_backbone(chosen: configs.BackboneConfig, neck_channels: int):
    """Facts and extractor builder of a backbone, and the rest of the network where a head could go on with it."""
    if trained_parts.is_run(chosen.name):
        return _from_run(chosen)
    if chosen.pyramid:
        raise InputError("--pyramid: a new feature pyramid's weights are random, and frozen they would stay so; train "
                         f"it first: {command('joint')} --backbone {chosen.name} --pyramid {chosen.pyramid} "
                         "... --out RUN; then prepare with --backbone RUN")
    backbone = load_backbone(chosen.name, None if chosen.weights == "none" else chosen.weights,
                             chosen.feature_layers or None, chosen.preprocess or None)
    facts = {"preprocessing": backbone.preprocess, "pad_multiple": backbone.pad_multiple,
             "strides": [float(backbone.strides[-1])], "offsets": [float(backbone.offsets[-1])],
             "stride_rule": "given", "pooling": {}}
    top = None
    if not neck_channels and len(backbone.layers) == 1:
        try:
            top = backbone.top()
        except InputError as error:
            say(f"note: no --head backbone_top from this folder: {error}")
    return facts, lambda kernel, bias: build_extractor(backbone, kernel, bias), top


def _from_run(chosen: configs.BackboneConfig):
    """Facts and extractor builder of a finished run: its own extractor, with a neck behind it where one is fitted."""
    for flag, value in (("feature-layers", chosen.feature_layers), ("preprocess", chosen.preprocess),
                        ("pyramid", chosen.pyramid)):
        if value:
            raise InputError(f"--backbone {chosen.name} is a run, whose features are taken as they are; leave "
                             f"--{flag} out")
    found = trained_parts.run_facts(chosen.name)
    geometry, preparing = found["geometry"], found["preparing"]
    model = trained_parts.load_detector(chosen.name).extractor
    facts = {"preprocessing": preparing["preprocessing"], "pad_multiple": preparing["pad_multiple"],
             "strides": [float(stride) for stride in geometry["strides"]],
             "offsets": [float(offset) for offset in geometry["offsets"]],
             "stride_rule": geometry.get("stride_rule", "given"),
             "pooling": {name: found["pooling"][name] for name in ("levels", "min_cells") if name in found["pooling"]}}
    return facts, lambda kernel, bias: project(model, kernel, bias), None
