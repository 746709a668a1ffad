"""The offline stage on one machine: shards of features and minibatches, resumable shard by shard.

Everything is made in `OUT.partial` and renamed to `OUT` when it is whole. A shard depends on its images alone, and
every draw on (seed, image, draw), so a run that was killed and resumed leaves the same bytes as an undisturbed one.
"""

import itertools
import os
import shutil
from pathlib import Path

import numpy as np

from data_prep import minibatches as minibatch_pass
from frcnn_keras import files
from frcnn_keras.data import records
from frcnn_keras.data.example import Dataset, Example
from frcnn_keras.data.extraction import fit_neck, image_maps, map_function
from frcnn_keras.errors import InputError
from frcnn_keras.models.saving import load_model, save_model
from frcnn_keras.models.settings import detector_geometry
from frcnn_keras.ops import boxes as box_ops
from frcnn_keras.ops.images import resized_size
from frcnn_keras.ops.pyramid import anchors_per_position
from frcnn_keras.ops.tiles import cut_tiles
from frcnn_keras.parallel import ahead
from frcnn_keras.progress import Progress, say
from frcnn_keras.settings import options
from frcnn_keras.settings import stages as configs

SHARD_IMAGES = 32  # what a kill loses at most
FLOAT16_MAX = 65504.0


def request_of(dataset: Dataset, config: configs.PrepConfig, eval_only: bool, write_tiles: bool) -> dict:
    """What a prep folder is asked to hold: a second start compares this."""
    arrays = [part for example in dataset.examples for part in
              (str(example.id).encode(), example.boxes, example.labels, example.difficult, example.crowd)]
    return {"prep": options.to_dict(config), "eval_only": eval_only, "write_tiles": write_tiles,
            "classes": list(dataset.class_names), "images": len(dataset.examples),
            "annotations": records.fingerprint(*arrays)}


def is_finished(out: Path, request: dict, fresh: bool) -> bool:
    """Whether OUT already holds just this; InputError where it, or what was begun, is of another config."""
    partial = out.with_name(out.name + ".partial")
    if fresh:
        shutil.rmtree(partial, ignore_errors=True)
        return False
    for folder in (out, partial):
        if (folder / "config.json").exists():
            found = options.difference(files.read_json(folder / "config.json"), request)
            if found:
                raise InputError(f"{out}: was begun with another config ({found}); give that config, another --out, "
                                 "or --fresh to start over")
            if folder == out:
                return True
        elif folder.exists() and any(folder.iterdir()):
            raise InputError(f"{folder}: is not empty and no prep folder; give another --out")
    return False


class Driver:
    """One run of data_prep over one data set."""

    def __init__(self, dataset: Dataset, config: configs.PrepConfig, backbone: dict, extractor_maker, *,
                 eval_only: bool, write_tiles: bool, skip_bad: bool, workers: int):
        """backbone: plain facts (preprocessing, pad_multiple, strides, offsets, stride_rule, pooling);
        extractor_maker(kernel, bias) builds the feature extractor (None, None: without a neck)."""
        self.dataset, self.config, self.facts, self.make_extractor = dataset, config, backbone, extractor_maker
        self.eval_only, self.write_tiles, self.skip_bad, self.workers = eval_only, write_tiles, skip_bad, workers
        self.mirrors = (False, True) if config.mirror and not eval_only else (False,)
        self.geometry = detector_geometry(backbone["strides"], backbone["offsets"], backbone["stride_rule"],
                                          config.anchors)
        self.skipped: set[str] = set()

    def size(self, example: Example) -> tuple[int, int]:
        return resized_size(example.height, example.width, self.config.images.shorter, self.config.images.longer)

    def fit_neck(self) -> tuple[np.ndarray, np.ndarray]:
        """Fits the projection (kernel, bias) on evenly spread images, in one streamed pass."""
        function = map_function(self.make_extractor(None, None), self.facts["preprocessing"],
                                             self.facts["pad_multiple"])
        neck = self.config.neck
        return fit_neck(self.dataset.examples, lambda example: self._maps(function, example), neck.channels,
                        neck.sample, self.workers)

    def _maps(self, function, example: Example, mirror: bool = False):
        """An image's maps; None for a bad image that --skip-bad passes over."""
        try:
            return image_maps(function, example, self.size(example), mirror)
        except InputError as error:
            if not self.skip_bad:
                raise
            self.skipped.add(str(error))
            return None

    def extractor(self, partial: Path, request: dict):
        """The fitted extractor: loaded where an earlier start had fitted it, so that a resume uses the same one."""
        path = partial / "features" / "extractor.keras"
        if not path.exists():
            fits = self.config.neck.channels and not request["like"]
            kernel, bias = self.fit_neck() if fits else (None, None)
            save_model(self.make_extractor(kernel, bias), path)
        return load_model(path)

    def prepare_image(self, functions, example: Example, mirror: bool) -> dict[str, list[bytes]] | None:
        """Records of one image or of its mirror image, by artefact; None where it is bad and may be skipped."""
        maps = self._maps(functions[0], example, mirror)
        if maps is None:
            return None
        maps = as_float16(maps)
        height, width = size = self.size(example)
        boxes = box_ops.rescale(example.boxes, width / example.width, height / example.height)
        boxes = (box_ops.flip(boxes, width) if mirror else boxes).numpy()
        made = {"features": [records.feature_record(
            image_id=example.id, mirror=mirror, maps=maps, size=size, original=(example.height, example.width),
            boxes=boxes, labels=example.labels, difficult=example.difficult, crowd=example.crowd)]}
        return made if self.eval_only else made | self._draws(functions[1], example, mirror, maps, boxes, size)

    def _draws(self, function, example, mirror, maps, boxes, size) -> dict[str, list[bytes]]:
        """The minibatch record, and the tile records where they are asked for."""
        seeds = minibatch_pass.draw_seeds(self.config.seed, example.id, mirror, self.config.minibatches.draws)
        shapes = np.array([level.shape[:2] for level in maps], np.int32)
        indices, labels, deltas, reached = (
            part.numpy() for part in function(boxes, example.ignored, np.array(size, np.int32), shapes, seeds))
        for number in np.flatnonzero(~reached & ~example.ignored) if not mirror else ():
            say(f"note: {example.file}: object {number + 1} makes no anchor positive: none inside the image overlaps "
                "it (smaller --anchor-sizes would)")
        tiles = []
        for draw in range(len(seeds) if self.write_tiles else 0):
            cut, slots = cut_tiles(maps, indices[draw], anchors_per_position(self.geometry))
            tiles.append(records.tile_record(image_id=example.id, mirror=mirror, draw=draw, tiles=cut.numpy(),
                                             anchors=slots.numpy(), labels=labels[draw], deltas=deltas[draw]))
        drawn = records.minibatch_record(image_id=example.id, mirror=mirror, indices=indices, labels=labels,
                                         deltas=deltas)
        return {"minibatches": [drawn], "tiles": tiles}

    def artefacts(self) -> tuple[str, ...]:
        kinds = ("features",) if self.eval_only else ("features", "minibatches")
        return (*kinds, "tiles") if self.write_tiles else kinds

    def run(self, out: Path, request: dict, top=None) -> None:
        """Makes OUT, going on with OUT.partial where there is one. top: the rest of the backbone, saved beside."""
        partial = out.with_name(out.name + ".partial")
        for kind in self.artefacts():
            (partial / kind).mkdir(parents=True, exist_ok=True)
        files.write_json(partial / "config.json", request)
        extractor = self.extractor(partial, request)
        if top is not None:
            save_model(top, partial / "features" / "top.keras")
        settings = self.config.minibatches
        functions = (
            map_function(extractor, self.facts["preprocessing"], self.facts["pad_multiple"]),
            minibatch_pass.minibatch_function(
                self.geometry, positive=settings.positive, negative=settings.negative, count=settings.count,
                positive_fraction=settings.positive_fraction))
        names = self._write_shards(partial, functions)
        self._write_manifests(partial, names, extractor, request)
        if out.exists():
            shutil.rmtree(out)
        os.replace(partial, out)

    def _write_shards(self, partial: Path, functions) -> list[str]:
        """Prepares the images of the shards that are not written yet; returns all shards' names."""
        examples = self.dataset.examples
        count = -(-len(examples) // SHARD_IMAGES)
        names = [records.shard_name(index, count) for index in range(count)]
        kinds = self.artefacts()
        todo = [i for i, name in enumerate(names) if not all((partial / kind / name).exists() for kind in kinds)]
        groups = [examples[i * SHARD_IMAGES:(i + 1) * SHARD_IMAGES] for i in todo]
        wanted = [list(itertools.product(group, self.mirrors)) for group in groups]
        left, total = sum(map(len, wanted)), len(examples) * len(self.mirrors)
        if left < total:
            say(f"resuming: {total - left} of {total} images (mirror images counted) are done")
        results = ahead(lambda item: self.prepare_image(functions, *item), itertools.chain(*wanted), self.workers)
        with Progress("features", total, "images", start=total - left) as bar:
            for index, group in zip(todo, wanted, strict=True):
                written = {kind: [] for kind in kinds}
                for made in itertools.islice(results, len(group)):
                    bar.advance()
                    for kind in kinds if made else ():
                        written[kind] += made[kind]
                for kind in kinds:
                    records.write_shard(partial / kind / names[index], written[kind])
        return names

    def _write_manifests(self, partial: Path, names, extractor, request) -> None:
        """Says beside each artefact's shards what they hold and what they were made from."""
        weights = records.fingerprint(*[np.asarray(weight) for weight in extractor.weights])
        channels = [int(shape[-1]) for shape in extractor.compute_output_shape((None, None, None, 3))]
        levels = [{"stride": stride, "offset": offset, "channels": depth} for stride, offset, depth in
                  zip(self.facts["strides"], self.facts["offsets"], channels, strict=True)]
        shared = {"format": records.FORMAT, "shards": names, "extractor": weights, "levels": levels,
                  "annotations": request["annotations"]}
        for kind in self.artefacts():
            count = len(records.spans(partial / kind / name for name in names))
            manifest = shared | {"kind": kind, "records": count}
            if kind == "features":
                manifest |= {"class_names": list(self.dataset.class_names), "mirror": len(self.mirrors) > 1,
                             "category_ids": list(self.dataset.category_ids), "source": self.dataset.name,
                             "preprocessing": self.facts["preprocessing"], "pad_multiple": self.facts["pad_multiple"],
                             "stride_rule": self.facts["stride_rule"], "pooling": self.facts["pooling"]}
            files.write_json(partial / kind / "manifest.json", manifest)


def disk_needed(driver: Driver, map_size, channels: int, free: int) -> int:
    """Bytes that the finished folder will take, said before it starts; InputError where the disk has less.

    map_size: (height, width) of an image -> tuple over levels of (rows, columns). free: bytes left on the disk.
    """
    sizes: dict[tuple[int, int], int] = {}
    for example in driver.dataset.examples:
        sizes[driver.size(example)] = sizes.get(driver.size(example), 0) + 1
    cells = sum(count * sum(rows * columns for rows, columns in map_size(size)) for size, count in sizes.items())
    maps = cells * channels * 2 * len(driver.mirrors)
    settings = driver.config.minibatches
    drawn = 0 if driver.eval_only else len(driver.dataset.examples) * len(driver.mirrors) * settings.draws
    draws = drawn * settings.count * (4 + 1 + 16)
    tiles = drawn * settings.count * (9 * channels * 2 + 24) if driver.write_tiles else 0
    total = maps + draws + tiles
    say(f"disk: {total / 1e6:.0f} MB (features {maps / 1e6:.0f}, minibatches {draws / 1e6:.1f}"
        f"{f', tiles {tiles / 1e6:.0f}' if tiles else ''}); free: {free / 1e6:.0f} MB")
    if total > free:
        raise InputError(f"the disk has {free / 1e6:.0f} MB free and {total / 1e6:.0f} MB are needed; free space, or "
                         "lower --neck-channels, --shorter or --max-images")
    return total


def as_float16(maps) -> tuple[np.ndarray, ...]:
    """Maps as they are stored; values beyond float16 become its largest."""
    return tuple(np.clip(level, -FLOAT16_MAX, FLOAT16_MAX).astype(np.float16) for level in maps)
