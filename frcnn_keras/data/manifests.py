"""What the manifest of each artefact says: records, JSON both ways, checked where they are read."""

import dataclasses
from pathlib import Path
from typing import TypeVar

from frcnn_keras.data.records import FORMAT
from frcnn_keras.errors import InputError
from frcnn_keras.files import read_sealed, seal, write_json
from frcnn_keras.models.settings import Geometry, LevelPooling, Preparing, Proposing
from frcnn_keras.settings import options

NAME = "manifest.json"
M = TypeVar("M", bound="Manifest")


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What every artefact's manifest says: a folder of shards."""

    kind: str  # features, minibatches, tiles or proposals
    shards: tuple[str, ...]  # file names, in order
    records: int
    extractor: str  # fingerprint of its weights
    annotations: str  # fingerprint of the objects (data.example.Dataset.fingerprint)


@dataclasses.dataclass(frozen=True)
class FeatureManifest(Manifest):
    """What features/ holds, and what they were made with."""

    geometry: Geometry
    channels: tuple[int, ...]  # of each level
    preparing: Preparing
    pooling: LevelPooling
    class_names: tuple[str, ...]
    category_ids: tuple[int, ...]
    mirror: bool  # whether every image's mirror image follows it
    source: str  # what the data set is called


@dataclasses.dataclass(frozen=True)
class ProposalManifest(Manifest):
    """What a folder of proposals holds."""

    rpn: str  # fingerprint of its weights
    proposing: Proposing
    mirror: bool
    pictures: str = ""  # data.prepared.Prepared.pictures


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes FOLDER/manifest.json."""
    write_json(folder / NAME, seal({"format": FORMAT, **options.to_dict(manifest)}))


def read_manifest(folder: Path, record: type[M], kind: str) -> M:
    """FOLDER/manifest.json as a record.

    Raises:
        InputError: it is absent, damaged, of another format version or of another kind of artefact.
    """
    path = folder / NAME
    stored, intact = read_sealed(path)
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        version = stored.get("format") if isinstance(stored, dict) else "none"
        raise InputError(f"{folder}: is of format {version}, and this version reads {FORMAT}; make it anew with "
                         "--fresh")
    if stored.get("kind") != kind:
        raise InputError(f"{folder}: holds {stored.get('kind')}, not {kind}")
    if not intact:
        raise InputError(f"{path}: damaged (its content is not what its seal says); make it anew with --fresh")
    try:
        return options.from_dict(record, {name: value for name, value in stored.items() if name != "format"})
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}); make it anew with --fresh") from error
