"""Minibatches read as records of maps and cut into tiles, beside reading stored tiles; and what checksums cost."""

import tempfile
from pathlib import Path

from benchmarks.inputs import Settings, dataset_of, prep_config, prepare_quietly
from benchmarks.timing import Row, alternate, rows_of
from frcnn_keras.data.batches import rpn_batches
from frcnn_keras.data.prepared import Prepared
from frcnn_keras.data.records import Span


def pipelines(prepared: Prepared, batch: int = 2) -> dict:
    """One epoch of minibatches, cut and stored; the numbers are the same to the bit."""
    anchors = prepared.config.anchors
    positions = len(anchors.sizes) * len(anchors.ratios)
    return {stored: rpn_batches(prepared, positions, batch=batch, seed=0, first_epoch=0, epochs=1, from_tiles=stored)
            for stored in (False, True)}


def unchecked(span: Span) -> bytes:
    """A record's bytes as they are, whatever their checksum says."""
    with open(span.path, "rb") as file:
        file.seek(span.frame.offset)
        return file.read(span.frame.length)


def measure(settings: Settings) -> list[Row]:
    """Whole epochs, in turns, files in the page cache."""
    images = 6 if settings.quick else 32
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare_quietly(dataset_of(settings, images), prep_config(settings), Path(folder) / "prep",
                                   write_tiles=True)
        datasets = pipelines(prepared)
        what, beside = "a minibatch of 256 tiles, cut from the map's record", "read from stored tiles"
        functions = {what: lambda: [None for _ in datasets[False]], beside: lambda: [None for _ in datasets[True]]}
        checked, alone = "a map's record, compared with its checksum", "read alone"
        functions |= {checked: lambda: sum(len(span.read()) for span in prepared.feature_spans),
                      alone: lambda: sum(len(unchecked(span)) for span in prepared.feature_spans)}
        seconds = alternate(functions, settings.repeats(9))
        count = len(prepared.feature_spans) // 2 * 2
        sizes = [sum(path.stat().st_size for path in (prepared.path / kind).glob("*.tfrecord")) / 1e6
                 for kind in ("features", "minibatches", "tiles")]
    rows = rows_of("reading", seconds, [(what, beside)], per=count)
    rows += rows_of("reading", seconds, [(checked, alone)], per=len(prepared.feature_spans))
    drawn = prepared.config.minibatches.draws
    return [*rows, Row("reading", f"disk an image for {drawn} minibatches: map and draws", sum(sizes[:2]) / count, "MB",
                       "stored tiles", sizes[2] / count)]
