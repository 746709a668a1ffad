"""The offline stage as a function: data set and settings in, prep folder out."""

import contextlib
import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path

from data_prep.shards import Preparation, PrepRequest
from data_prep.source import FeatureSource, feature_source, source_fingerprint
from frcnn_keras.data.example import Dataset, Example
from frcnn_keras.data.originals import NAME, require_unchanged
from frcnn_keras.data.prepared import LAYOUT, REQUEST, Prepared, open_prepared
from frcnn_keras.errors import InputError
from frcnn_keras.files.folders import discard, is_empty, recover, require_place, settled
from frcnn_keras.files.locks import alone, shared
from frcnn_keras.inspection.anchor_choice import USUAL, choose_sizes
from frcnn_keras.models.receptive_field import map_sizes
from frcnn_keras.ops.images import padded_size
from frcnn_keras.progress import WORKERS, say
from frcnn_keras.runs import request as requests
from frcnn_keras.settings.stages import PrepConfig


def prepare(dataset: Dataset, out: str | Path, config: PrepConfig | None = None, *, like: Prepared | None = None,
            eval_only: bool = False, write_tiles: bool = False, skip_bad: bool = False, workers: int | None = None,
            fresh: bool = False) -> Prepared:
    """Prepares a settled data set (data.validation.settle) and opens the finished folder.

    like: an earlier folder whose extractor is used as it is, and whose settings are taken. eval_only: no mirror images
    and no minibatches. write_tiles: whole minibatches too, for training an RPN elsewhere. workers: images at a time. A
    second call with the same arguments goes on where the first was stopped.

    Raises:
        InputError: OUT is of other settings; an image cannot be decoded; the disk is too small.
    """
    out = settled(out)
    config = _settled(config, like)
    source = None
    if not (config.anchors.sizes or config.anchors.scales):
        config, source = _with_sizes(config, dataset)
    if write_tiles and eval_only:
        raise InputError("--write-tiles writes minibatches, and --eval-only makes none; leave one out")
    request = PrepRequest(config, eval_only, write_tiles, tuple(dataset.class_names), len(dataset.examples),
                          dataset.fingerprint(), like.features.extractor if like else None,
                          "" if like else source_fingerprint(config))
    require_place(out, "--out", {Path(example.path).parent for example in dataset.examples if example.path})
    with contextlib.ExitStack() as held:
        if like:
            if out.resolve() == like.path.resolve():
                raise InputError(f"--out {out}: is the folder to be like; give another --out")
            held.enter_context(shared(like.path))
        held.enter_context(alone(_partial(out), called=out))
        recover(out, LAYOUT)  # what a killed process left on its last step
        if is_finished(out, request, fresh, dataset.examples):
            say(f"prep: {out} is finished already")
            discard(_partial(out), LAYOUT)
            return open_prepared(out)
        if out.exists():
            held.enter_context(alone(out))
        skipped = _make(dataset, out, request, source or feature_source(config, like), skip_bad, workers or WORKERS)
    for line in sorted(skipped):
        say(f"left out: {line}")
    say(f"prep: {out} is finished")
    return open_prepared(out)


def _partial(out: Path) -> Path:
    return out.with_name(out.name + ".partial")


def _make(dataset: Dataset, out: Path, request: PrepRequest, source: FeatureSource, skip_bad: bool,
          workers: int) -> set[str]:
    """Makes the folder; returns a line for every image that was left out."""
    disk_needed(dataset, request, source, shutil.disk_usage(out.parent).free)
    preparation = Preparation(dataset, request, source, skip_bad=skip_bad, workers=workers)
    try:
        preparation.run(out)
    except InputError:
        if not any(_partial(out).rglob("*.tfrecord")):  # nothing is done that a second start could go on from
            discard(_partial(out), LAYOUT)
        raise
    return preparation.skipped


def _settled(config: PrepConfig | None, like: Prepared | None) -> PrepConfig:
    """The settings to prepare with: those of the folder to be like, which others must not contradict."""
    if like is None:
        return config or PrepConfig()
    if config is not None and config != like.config:
        raise InputError(f"{like.path}: fixes the settings of a folder that is like it; give none besides")
    return like.config


def _with_sizes(config: PrepConfig, dataset: Dataset) -> tuple[PrepConfig, FeatureSource]:
    """Settings with numbers in place of `auto`, so that the folder, a resume and --like are of these and no others."""
    usual = dataclasses.replace(config.anchors, sizes=USUAL)
    source = feature_source(dataclasses.replace(config, anchors=usual), None)
    geometry = source.geometry
    choice = choose_sizes(dataset, config.images, usual, geometry.strides, geometry.offsets)
    say(f"anchors: {choice.reason}")
    anchors = dataclasses.replace(usual, sizes=choice.sizes)
    geometry = dataclasses.replace(geometry, anchor_sizes=(choice.sizes,))
    return dataclasses.replace(config, anchors=anchors), dataclasses.replace(source, geometry=geometry)


def is_finished(out: Path, request: PrepRequest, fresh: bool, examples: Sequence[Example] = ()) -> bool:
    """Whether OUT already holds just this; InputError where it, or what was begun, is of another config or of pictures
    or objects that have changed since."""
    for folder in (out, _partial(out)):
        if fresh:
            if not is_empty(folder) and not LAYOUT.marked(folder):
                raise InputError(f"{folder}: is not empty and no prep folder of this package, so --fresh removes "
                                 "nothing there; give another --out")
        elif (folder / REQUEST).exists():
            if examples:
                require_unchanged(folder / NAME, examples, "--out")
            requests.begin(folder / REQUEST, request, begun=True, flag="--out")
            if folder == out:
                return True
        elif not is_empty(folder):
            raise InputError(f"{folder}: is not empty and no prep folder; give another --out")
    if fresh:
        discard(_partial(out), LAYOUT)
    return False


def disk_needed(dataset: Dataset, request: PrepRequest, source: FeatureSource, free: int) -> int:
    """Bytes that the finished folder will take, said before it starts; InputError where the disk has less.

    free: bytes left on the disk.
    """
    model, preparing, images = source.make_extractor(None, None), source.preparing, len(request.mirrors)
    channels = int(model.compute_output_shape((None, None, None, 3))[-1][-1])
    if source.fits_neck:
        channels = min(request.prep.neck.channels, channels)
    sizes: dict[tuple[int, int], int] = {}
    for example in dataset.examples:
        size = preparing.size(example.height, example.width)
        sizes[size] = sizes.get(size, 0) + 1
    cells = sum(count * sum(rows * columns for rows, columns in
                            map_sizes(model, *padded_size(*size, preparing.pad_multiple)))
                for size, count in sizes.items())
    maps = cells * channels * 2 * images
    settings = request.prep.minibatches
    drawn = 0 if request.eval_only else len(dataset.examples) * images * settings.draws
    draws = drawn * settings.count * (4 + 1 + 16)
    tiles = drawn * settings.count * (9 * channels * 2 + 24) if request.write_tiles else 0
    total = maps + draws + tiles
    say(f"disk: {total / 1e6:.0f} MB (features {maps / 1e6:.0f}, minibatches {draws / 1e6:.1f}"
        f"{f', tiles {tiles / 1e6:.0f}' if tiles else ''}); free: {free / 1e6:.0f} MB")
    if total > free:
        raise InputError(f"the disk has {free / 1e6:.0f} MB free and {total / 1e6:.0f} MB are needed; free space, or "
                         "lower --neck-channels, --shorter or --max-images")
    return total
