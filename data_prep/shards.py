"""The artefacts of a prep folder on one machine: shards of features and minibatches, resumable shard by shard.

Everything is made in `OUT.partial` and renamed to `OUT` when it is whole. A shard depends on its images alone, and
every draw on (seed, image, draw), so a run that was killed and resumed leaves the same bytes as an undisturbed one.
"""

import dataclasses
import itertools
from pathlib import Path

from data_prep.image_records import MapMaker, RecordMaker
from data_prep.source import FeatureSource
from frcnn_keras.data import originals, records
from frcnn_keras.data.checksums import write_checksums
from frcnn_keras.data.example import Dataset
from frcnn_keras.data.extraction import fit_neck
from frcnn_keras.data.manifests import FeatureManifest, Manifest, write_manifest
from frcnn_keras.data.prepared import LAYOUT, REQUEST
from frcnn_keras.files import seal, write_json
from frcnn_keras.files.folders import keep_folder
from frcnn_keras.models.saving import load_model, save_model
from frcnn_keras.progress import Progress, ahead, say
from frcnn_keras.runs import request as requests
from frcnn_keras.runs.folder import weights_fingerprint
from frcnn_keras.settings.stages import PrepConfig

SHARD_IMAGES = 32  # what a kill loses at most


@dataclasses.dataclass(frozen=True)
class PrepRequest:
    """What a prep folder is asked to hold; PREP/config.json."""

    prep: PrepConfig
    eval_only: bool
    write_tiles: bool
    classes: tuple[str, ...]
    images: int
    annotations: str
    like: str | None  # fingerprint of the extractor that is taken over
    backbone: str = ""  # fingerprint of the file that it comes from; empty for one of Keras's own weights

    @property
    def mirrors(self) -> tuple[bool, ...]:
        """False for every image itself, True for its mirror image."""
        return (False, True) if self.prep.mirror and not self.eval_only else (False,)

    @property
    def artefacts(self) -> tuple[str, ...]:
        """The folders that are made."""
        kinds = ("features",) if self.eval_only else ("features", "minibatches")
        return (*kinds, "tiles") if self.write_tiles else kinds


class Preparation:
    """One run of prep over one data set."""

    def __init__(self, dataset: Dataset, request: PrepRequest, source: FeatureSource, *, skip_bad: bool, workers: int):
        self.dataset, self.request, self.source = dataset, request, source
        self.skip_bad, self.workers = skip_bad, workers
        self.skipped: set[str] = set()

    def run(self, out: Path) -> None:
        """Makes OUT, going on with OUT.partial where there is one."""
        partial = out.with_name(out.name + ".partial")
        partial.mkdir(parents=True, exist_ok=True)
        write_json(partial / REQUEST, seal(requests.stored_form(self.request)))  # first: it says whose folder this is
        if not (partial / originals.NAME).exists():
            found = originals.originals(self.dataset.examples)
            if found:
                originals.write_originals(partial / originals.NAME, found)
        for kind in self.request.artefacts:
            (partial / kind).mkdir(exist_ok=True)
        extractor = self._extractor(partial)
        if self.source.top is not None:
            save_model(self.source.top, partial / "features" / "top.keras")
        config = self.request.prep
        maker = RecordMaker(self._map_maker(extractor), self.source.geometry, config.minibatches, config.seed,
                            eval_only=self.request.eval_only, write_tiles=self.request.write_tiles)
        names = self._write_shards(partial, maker)
        self._write_manifests(partial, names, extractor)
        keep_folder(partial, out, LAYOUT)

    def _map_maker(self, extractor) -> MapMaker:
        maker = MapMaker(extractor, self.source.preparing, self.skip_bad)
        maker.skipped = self.skipped
        return maker

    def _extractor(self, partial: Path):
        """The fitted extractor: loaded where an earlier start had fitted it, so that a resume uses the same one."""
        path = partial / "features" / "extractor.keras"
        if not path.exists():
            kernel, bias = None, None
            if self.source.fits_neck:
                neck, maps = self.request.prep.neck, self._map_maker(self.source.make_extractor(None, None))
                kernel, bias = fit_neck(self.dataset.examples, maps, neck.channels, neck.sample, self.workers)
            save_model(self.source.make_extractor(kernel, bias), path)
        return load_model(path)

    def _write_shards(self, partial: Path, maker: RecordMaker) -> list[str]:
        """Prepares the images of the shards that are not written yet; returns all shards' names."""
        examples, kinds, mirrors = self.dataset.examples, self.request.artefacts, self.request.mirrors
        count = -(-len(examples) // SHARD_IMAGES)
        names = [records.shard_name(index, count) for index in range(count)]
        todo = [i for i, name in enumerate(names) if not all((partial / kind / name).exists() for kind in kinds)]
        groups = [examples[i * SHARD_IMAGES:(i + 1) * SHARD_IMAGES] for i in todo]
        wanted = [list(itertools.product(group, mirrors)) for group in groups]
        left, total = sum(map(len, wanted)), len(examples) * len(mirrors)
        if left < total:
            say(f"resuming: {total - left} of {total} images (mirror images counted) are done")
        results = ahead(lambda item: maker(*item), itertools.chain(*wanted), self.workers)
        with Progress("features", total, "images", start=total - left) as bar:
            for index, group in zip(todo, wanted, strict=True):
                written = {kind: [] for kind in kinds}
                for by_kind in itertools.islice(results, len(group)):
                    bar.advance()
                    for kind in kinds if by_kind else ():
                        written[kind] += by_kind[kind]
                for kind in kinds:
                    records.write_shard(partial / kind / names[index], written[kind])
        return names

    def _write_manifests(self, partial: Path, names: list[str], extractor) -> None:
        """Says beside each artefact's shards what they hold and what they were made from."""
        weights = weights_fingerprint(extractor)
        for kind in self.request.artefacts:
            spans = records.spans(partial / kind / name for name in names)
            write_checksums(partial / kind, spans)
            shared = Manifest(kind, tuple(names), len(spans), weights, self.request.annotations)
            write_manifest(partial / kind, self._features(shared, extractor) if kind == "features" else shared)

    def _features(self, shared: Manifest, extractor) -> FeatureManifest:
        shapes = extractor.compute_output_shape((None, None, None, 3))
        return FeatureManifest(
            **vars(shared), geometry=self.source.geometry, channels=tuple(int(shape[-1]) for shape in shapes),
            preparing=self.source.preparing, pooling=self.source.pooling, class_names=tuple(self.dataset.class_names),
            category_ids=tuple(self.dataset.category_ids), mirror=len(self.request.mirrors) > 1,
            source=self.dataset.name)
