"""Cross-validation beside one training of the stages, and intervals beside the loop over draws that they replace.

    python -m benchmarks.crossval --data PREP [--folds 5]
"""

import argparse
import contextlib
import dataclasses
import io
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.inputs import Settings, dataset_of, prep_config, prepare_quietly
from benchmarks.timing import Row, header, line
from frcnn_keras.crossval.beside import fitting_workers
from frcnn_keras.crossval.cross_validation import Split, cross_validate, split
from frcnn_keras.data.prepared import Prepared, open_prepared
from frcnn_keras.evaluation.coco import coco_metrics
from frcnn_keras.evaluation.intervals import DRAWS, coco_intervals
from frcnn_keras.evaluation.resampling import draw_images
from frcnn_keras.pipeline.train import TrainConfig
from frcnn_keras.runs.detections import Detections
from frcnn_keras.training.rcnn_stage import train_rcnn
from frcnn_keras.training.rpn_stage import train_rpn

FOLDS, LOOPED = 5, 5  # draws that the loop is measured on


def measure(settings: Settings) -> list[Row]:
    """Rows of drawn images, or of those that are given."""
    count = 12 if settings.quick else settings.images
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare_quietly(dataset_of(settings, count), prep_config(settings), Path(folder) / "prep")
        return rows(prepared, 2 if settings.quick else FOLDS, 1 if settings.quick else None)


def rows(prepared: Prepared, folds: int, epochs: int | None = None) -> list[Row]:
    """epochs: of both trainers; as `train` would by default."""
    config = TrainConfig(rpn_epochs=epochs, rcnn_epochs=epochs)
    images = split(prepared, folds)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        rpn, rcnn, _ = config.stages(len(prepared.feature_spans))
        one = _seconds(lambda: _train(prepared, Path(folder) / "one", rpn, rcnn))
        rpn, rcnn, _ = config.stages(images.learning)
        all_folds = _seconds(lambda: cross_validate(images, Path(folder) / "cv", rpn, rcnn))
        workers = fitting_workers(folds)
        beside = _seconds(lambda: cross_validate(images, Path(folder) / "beside", rpn, rcnn, workers=workers))
    count, other = f"{len(images.examples)} images", "one training of RPN and head"
    return [Row("crossval", f"crossval: {folds} folds of {count}", all_folds[0], "s", other, one[0]),
            Row("crossval", f"crossval: {folds} folds of {count}, {workers} beside each other", beside[0], "s", other,
                one[0]),
            Row("crossval", f"crossval: {folds} folds of {count}, processor time", all_folds[1], "s", other, one[1]),
            _interval_row(images)]


def _train(prepared: Prepared, run: Path, rpn, rcnn) -> None:
    train_rpn(prepared, run, rpn)
    train_rcnn(prepared, run, rcnn)


def _seconds(function: Callable[[], object]) -> tuple[float, float]:
    """Of the clock, and of this process's processors."""
    begun = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - begun[0], time.process_time() - begun[1]


def _interval_row(images: Split) -> Row:
    """1000 draws, beside COCO's evaluation of as many data sets written down (LOOPED of them, scaled)."""
    names, rng = images.prepared.class_names, np.random.default_rng(0)
    found = [_drawn(rng, example, names) for example in images.examples]
    ours = _seconds(lambda: coco_intervals(images.examples, found, names))[0]

    def loop() -> None:
        for weights in draw_images(len(images.examples), LOOPED, 0):
            order = np.repeat(np.arange(len(weights)), weights)
            drawn = [dataclasses.replace(images.examples[place], id=str(number)) for number, place in enumerate(order)]
            coco_metrics(drawn, [found[place] for place in order], names)

    return Row("crossval", f"intervals: {DRAWS} draws of {len(found)} images", ours, "s", "evaluating every draw",
               _seconds(loop)[0] * DRAWS / LOOPED)


def _drawn(rng: np.random.Generator, example, names) -> Detections:
    """Each object found about where it is, and as many that are not there."""
    boxes = np.concatenate([example.boxes, example.boxes[:, [1, 0, 3, 2]]])
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    labels = np.concatenate([example.labels, example.labels])
    return Detections.of((boxes + rng.normal(0, 0.05, boxes.shape) * sides).astype(np.float32),
                         rng.random(len(boxes)).astype(np.float32), labels, names)


def main(argv=None) -> int:
    """Measures on a prep folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crossval", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, metavar="DIR", help="prep folder")
    parser.add_argument("--folds", type=int, default=FOLDS, metavar="K", help="(default %(default)s)")
    args = parser.parse_args(argv)
    print(header())
    for row in rows(open_prepared(args.data), args.folds):
        print(line(row.cells()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
