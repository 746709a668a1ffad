"""A finished prep folder, as the stages behind it see it."""

import dataclasses
from pathlib import Path

from frcnn_keras import files
from frcnn_keras.data import records
from frcnn_keras.errors import InputError, command
from frcnn_keras.settings import options
from frcnn_keras.settings import stages as config


@dataclasses.dataclass(frozen=True)
class Level:
    """Geometry of one feature level."""

    stride: float  # image pixels from cell to cell
    offset: float  # image coordinate of the centre of cell 0's receptive field
    channels: int


@dataclasses.dataclass(frozen=True)
class Prepared:
    """Paths, manifests and record positions of a prep folder; no feature is held in memory."""

    path: Path
    config: config.PrepConfig
    features: dict  # the manifest of features/
    minibatches: dict | None  # the manifest of minibatches/; None where prepared with --eval-only
    feature_spans: tuple[records.Span, ...]
    minibatch_spans: tuple[records.Span, ...]

    @property
    def levels(self) -> tuple[Level, ...]:
        return tuple(Level(**level) for level in self.features["levels"])

    @property
    def channels(self) -> tuple[int, ...]:
        return tuple(level.channels for level in self.levels)

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(self.features["class_names"])

    @property
    def category_ids(self) -> tuple[int, ...]:
        return tuple(self.features["category_ids"])

    @property
    def extractor_path(self) -> Path:
        return self.path / "features" / "extractor.keras"

    @property
    def tile_paths(self) -> list[Path]:
        """Shards of whole minibatches; empty where they were not written."""
        return sorted((self.path / "tiles").glob("*.tfrecord"))


def _manifest(folder: Path, kind: str) -> dict:
    """Reads and checks one artefact's manifest."""
    manifest = files.read_json(folder / "manifest.json")
    if manifest.get("format") != records.FORMAT:
        raise InputError(f"{folder}: is of format {manifest.get('format')}, and this version reads {records.FORMAT}; "
                         "prepare it anew with --fresh")
    if manifest.get("kind") != kind:
        raise InputError(f"{folder}: holds {manifest.get('kind')}, not {kind}")
    return manifest


def open_prepared(path: str | Path) -> Prepared:
    """Opens what `prep --out PATH` made.

    Raises:
        InputError: nothing there, not finished, of another format version, or a shard missing or cut off.
    """
    path = Path(path)
    if not (path / "config.json").exists():
        if path.with_name(path.name + ".partial").exists():
            raise InputError(f"{path}: data_prep has not finished here; run the same data_prep command again")
        raise InputError(f"{path}: no prep folder; make it with: {command('prep')} ... --out {path}")
    try:
        settings = options.from_dict(config.PrepConfig, files.read_json(path / "config.json")["prep"])
    except ValueError as error:
        raise InputError(f"{path / 'config.json'}: {error}; prepare it anew with --fresh") from error
    features = _manifest(path / "features", "features")
    minibatches = None
    if (path / "minibatches").exists():
        minibatches = _manifest(path / "minibatches", "minibatches")
    return Prepared(path, settings, features, minibatches, _spans(path / "features", features),
                    _spans(path / "minibatches", minibatches) if minibatches else ())


def _spans(folder: Path, manifest: dict) -> tuple[records.Span, ...]:
    """Where each record of an artefact lies, checked against its manifest."""
    paths = [folder / name for name in manifest["shards"]]
    for shard in paths:
        if not shard.exists():
            raise InputError(f"{shard}: missing; prepare the folder anew with --fresh")
    found = records.spans(paths)
    if len(found) != manifest["records"]:
        raise InputError(f"{folder}: {len(found)} records, its manifest says {manifest['records']}; "
                         "prepare it anew with --fresh")
    return tuple(found)


def check_fits(first: Prepared, second: Prepared) -> None:
    """Raises InputError, naming the field, unless both folders can serve one run."""
    for field in ("extractor", "class_names", "levels", "preprocessing"):
        if first.features[field] != second.features[field]:
            raise InputError(f"{second.path}: {field} differs from {first.path}'s; prepare it with --like {first.path}")
    for field in ("images", "anchors"):
        found = options.difference(options.to_dict(getattr(first.config, field)),
                                  options.to_dict(getattr(second.config, field)))
        if found:
            raise InputError(f"{second.path}: {field}.{found} differs from {first.path}'s; "
                             f"prepare it with --like {first.path}")
