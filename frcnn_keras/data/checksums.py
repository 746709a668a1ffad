"""What shards a finished folder has, in a file beside them: it tells a whole shard that was put in another's place."""

import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from frcnn_keras.data.records import REMEDY, Span
from frcnn_keras.errors import InputError
from frcnn_keras.files import fingerprint, read_json, write_json

NAME = "checksums.json"


def write_checksums(folder: Path, spans: Iterable[Span]) -> None:
    """Writes FOLDER/checksums.json: of each shard, by its name, a hash of its records' lengths and checksums."""
    write_json(folder / NAME, _by_shard(spans))


def check_checksums(folder: Path, spans: Iterable[Span], remedy: str = REMEDY) -> None:
    """Compares shards, by their records' frames, with what was written.

    The frames alone are read: each record's bytes are compared with its own checksum when it is read.

    Raises:
        InputError: the file is missing, a shard is not the one that was written here, or one of its records is damaged.
    """
    spans = tuple(spans)
    if not (folder / NAME).exists():
        raise InputError(f"{folder / NAME}: missing; {remedy}")
    written = read_json(folder / NAME)
    for name, found in _by_shard(spans).items():
        if not isinstance(written, dict) or written.get(name) != found:
            for span in spans:  # it may be the checksum of one record that changed: that record is named
                if Path(span.path).name == name:
                    span.read()
            raise InputError(f"{folder / name}: not the shard that was written here ({NAME} has another checksum); "
                             f"{remedy}")


def _by_shard(spans: Iterable[Span]) -> dict[str, str]:
    groups = itertools.groupby(spans, lambda span: span.path)
    return {Path(path).name: fingerprint(np.array([(span.frame.length, span.frame.checksum) for span in group], "<u8"))
            for path, group in groups}
