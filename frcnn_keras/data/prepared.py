"""A finished prep folder, or some of its images, as the stages behind it see it."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from frcnn_keras.data import originals, records, wording
from frcnn_keras.data.checksums import check_checksums
from frcnn_keras.data.manifests import NAME, FeatureManifest, Manifest, read_manifest
from frcnn_keras.errors import InputError, command
from frcnn_keras.files import fingerprint, read_json
from frcnn_keras.files.folders import Layout
from frcnn_keras.files.locks import shared
from frcnn_keras.models.settings import Geometry
from frcnn_keras.settings import options
from frcnn_keras.settings.stages import PrepConfig

REQUEST = "config.json"  # what a prep folder was asked to hold
LAYOUT = Layout(
    rf"config\.json|pictures\.json|(features|minibatches|tiles)/(manifest\.json|checksums\.json|{records.SHARD})|"
    r"features/(extractor|top)\.keras",
    ((REQUEST, frozenset(("format", "prep", "eval_only", "write_tiles", "classes", "images", "annotations", "like"))),
     (f"features/{NAME}", frozenset(("format", *options.always_stored(FeatureManifest))))),
    ("features", "minibatches", "tiles"))


@dataclasses.dataclass(frozen=True)
class Prepared:
    """Paths, manifests and record positions of a prep folder; no feature is held in memory."""

    path: Path
    config: PrepConfig
    features: FeatureManifest
    minibatches: Manifest | None  # None where prepared with --eval-only
    feature_spans: tuple[records.Span, ...]
    minibatch_spans: tuple[records.Span, ...]
    pictures: str = ""  # fingerprint of their content; empty where they were made in memory
    places: tuple[int, ...] | None = None  # the folder's records that these are, where not all: see `part`

    def __repr__(self) -> str:
        made, images = self.features, self.features.records // (2 if self.features.mirror else 1)
        mirrored = " and their mirror images" if made.mirror else ""
        draws = f"{self.config.minibatches.draws} draws an image" if self.minibatches else "none"
        return (f"Prepared('{self.path}': {wording.counted(images, 'image')}{mirrored} of {made.source}; "
                f"{wording.classes(made.class_names)}; {self.config.backbone.name}, images resized to "
                f"{made.preparing.shorter} pixels, {made.preparing.longer} at most; maps of stride "
                f"{wording.numbers(self.geometry.strides)} with {wording.numbers(self.channels)} channels; "
                f"minibatches: {draws})")

    @property
    def geometry(self) -> Geometry:
        """Where the anchors and the cells of its maps lie."""
        return self.features.geometry

    @property
    def channels(self) -> tuple[int, ...]:
        """Of each level's maps."""
        return self.features.channels

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.features.class_names

    @property
    def extractor_path(self) -> Path:
        return self.path / "features" / "extractor.keras"

    @property
    def tile_paths(self) -> list[Path]:
        """Shards of whole minibatches; empty where they were not written."""
        return sorted((self.path / "tiles").glob("*.tfrecord"))

    def tile_spans(self) -> tuple[records.Span, ...]:
        """Where the whole minibatches lie: every draw of an image, then the next image's.

        Raises:
            InputError: a shard is missing, damaged or of another folder.
        """
        spans = shard_spans(self.path / "tiles", read_manifest(self.path / "tiles", Manifest, "tiles"))
        draws = self.config.minibatches.draws
        return spans if self.places is None else tuple(spans[place * draws + draw] for place in self.places
                                                       for draw in range(draws))

    def part(self, images: Sequence[int], measuring: bool = False) -> "Prepared":
        """The same folder with some of its images alone: places among the images, mirror images not counted, which
        come with theirs. What stages make of it is told from what they make of the whole.

        measuring: to measure on: without mirror images and minibatches, as `prep --eval-only` makes a folder.
        """
        step = 2 if self.features.mirror else 1
        places = tuple(place * step + side for place in images for side in range(1 if measuring else step))
        features = dataclasses.replace(
            self.features, records=len(places), mirror=self.features.mirror and not measuring,
            annotations=fingerprint([self.features.annotations, list(places)]))
        minibatches = None if measuring or self.minibatches is None else dataclasses.replace(
            self.minibatches, records=len(places), annotations=features.annotations)
        return dataclasses.replace(
            self, features=features, minibatches=minibatches, places=places,
            feature_spans=tuple(self.feature_spans[place] for place in places),
            minibatch_spans=tuple(self.minibatch_spans[place] for place in places) if minibatches else ())


def open_prepared(path: str | Path | Prepared) -> Prepared:
    """Opens what `prep --out PATH` made; what is open already stays as it is.

    Raises:
        InputError: nothing there, not finished, of another format version, or a shard missing, damaged or of
            another folder.
    """
    if isinstance(path, Prepared):
        return path
    path = Path(path)
    if not (path / REQUEST).exists():
        if path.with_name(path.name + ".partial").exists():
            raise InputError(f"{path}: {command('prep')} has not finished here; run the same command again")
        raise InputError(f"{path}: no prep folder; make it with: {command('prep')} ... --out {path}")
    features = read_manifest(path / "features", FeatureManifest, "features")  # names the format first
    try:
        stored = read_json(path / REQUEST)
        settings, eval_only = options.from_dict(PrepConfig, stored["prep"]), stored["eval_only"]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path / REQUEST}: {error}; prepare it anew with --fresh") from error
    minibatches = None
    if (path / "minibatches").exists() and not eval_only:  # a user's file may be all that is in there
        minibatches = read_manifest(path / "minibatches", Manifest, "minibatches")
    return Prepared(path, settings, features, minibatches, shard_spans(path / "features", features),
                    shard_spans(path / "minibatches", minibatches) if minibatches else (),
                    originals.content_of(originals.read_originals(path / originals.NAME)))


def shard_spans(folder: Path, manifest: Manifest, remedy: str = records.REMEDY) -> tuple[records.Span, ...]:
    """Where each record of an artefact lies; remedy: what to do where something is wrong with it.

    Raises:
        InputError: a shard is missing, damaged or of another folder, or they hold more or fewer records than the
            manifest says.
    """
    paths = [folder / name for name in manifest.shards]
    for shard in paths:
        if not shard.exists():
            raise InputError(f"{shard}: missing; {remedy}")
    spans = records.spans(paths, remedy)
    if len(spans) != manifest.records:
        raise InputError(f"{folder}: {len(spans)} records, its manifest says {manifest.records}; {remedy}")
    check_checksums(folder, spans, remedy)
    return tuple(spans)


@contextlib.contextmanager
def reading(*folders: Prepared | None) -> Iterator[None]:
    """Nobody makes these folders anew meanwhile; None counts for nothing. InputError where one is being made anew."""
    with contextlib.ExitStack() as held:
        for folder in filter(None, folders):
            held.enter_context(shared(folder.path))
        yield


def check_fits(first: Prepared, second: Prepared) -> None:
    """Raises InputError, naming the field, unless both folders can serve one run."""
    for field in ("extractor", "class_names", "channels", "preparing", "geometry"):
        ours, theirs = getattr(first.features, field), getattr(second.features, field)
        if ours != theirs:
            difference = f".{options.difference(options.to_dict(ours), options.to_dict(theirs))}" \
                if dataclasses.is_dataclass(ours) else ""
            raise InputError(f"{second.path}: {field}{difference} differs from {first.path}'s; "
                             f"prepare it with --like {first.path}")
