"""The offline stage as a function: data set and settings in, prep folder out."""

import shutil
from pathlib import Path

from data_prep.shards import Preparation, PrepRequest
from data_prep.source import FeatureSource, feature_source
from frcnn_keras.data.example import Dataset
from frcnn_keras.data.prepared import REQUEST, Prepared, open_prepared
from frcnn_keras.errors import InputError, command
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
    out = Path(out)
    config = _settled(config, like)
    if write_tiles and eval_only:
        raise InputError("--write-tiles writes minibatches, and --eval-only makes none; leave one out")
    request = PrepRequest(config, eval_only, write_tiles, tuple(dataset.class_names), len(dataset.examples),
                          dataset.fingerprint(), like.features.extractor if like else None)
    if is_finished(out, request, fresh):
        say(f"prep: {out} is finished already")
        return open_prepared(out)
    source = feature_source(config, like)
    out.parent.mkdir(parents=True, exist_ok=True)
    disk_needed(dataset, request, source, shutil.disk_usage(out.parent).free)
    preparation = Preparation(dataset, request, source, skip_bad=skip_bad, workers=workers or WORKERS)
    try:
        preparation.run(out)
    except InputError:
        partial = out.with_name(out.name + ".partial")
        if not any(partial.rglob("*.tfrecord")):  # nothing is done that a second start could go on from
            shutil.rmtree(partial, ignore_errors=True)
        raise
    for line in sorted(preparation.skipped):
        say(f"left out: {line}")
    following = f"--data {like.path} --val {out}" if eval_only and like else f"--data {out}"
    say(f"prep: {out} is finished; next: {command('train-rpn')} {following} --run RUN")
    return open_prepared(out)


def _settled(config: PrepConfig | None, like: Prepared | None) -> PrepConfig:
    """The settings to prepare with: those of the folder to be like, which others must not contradict."""
    if like is None:
        return config or PrepConfig()
    if config is not None and config != like.config:
        raise InputError(f"{like.path}: fixes the settings of a folder that is like it; give none besides")
    return like.config


def is_finished(out: Path, request: PrepRequest, fresh: bool) -> bool:
    """Whether OUT already holds just this; InputError where it, or what was begun, is of another config."""
    partial = out.with_name(out.name + ".partial")
    if fresh:
        shutil.rmtree(partial, ignore_errors=True)
        return False
    for folder in (out, partial):
        if (folder / REQUEST).exists():
            requests.begin(folder / REQUEST, request, begun=True, flag="--out")
            if folder == out:
                return True
        elif folder.exists() and any(not path.name.startswith(".") for path in folder.iterdir()):
            raise InputError(f"{folder}: is not empty and no prep folder; give another --out")
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
