"""What an audit finds of label errors that were put in: average precision of its ranking, and precision among the first
N, N being as many as there are.

    python -m benchmarks.audit_errors --out work/audit-errors [--images 400] [--seeds 0,1] [--folds 3]
    python -m benchmarks.audit_errors --out work/audit-errors --data DIR --split train --backbone-weights FILE

Draws shapes, or reads a data set of any form, spoils the labels by a seed, trains a detector for every fold, and ranks,
beside ObjectLab's formulas on the same detections. --out keeps the folders, and goes on with what is there.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.injected_errors import SHARES, Injected, spoil
from frcnn_keras.runtime import start_tensorflow

SAME = 0.5  # IoU from which a finding is of an injected box


def build_parser() -> argparse.ArgumentParser:
    """Flags of this benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit_errors", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the detectors")
    parser.add_argument("--images", type=int, default=400, metavar="N", help="drawn (default %(default)s)")
    parser.add_argument("--data", metavar="PATH", help="a data set in place of shapes")
    parser.add_argument("--split", metavar="NAME", help="of --data")
    parser.add_argument("--backbone-weights", metavar="FILE", help="MobileNetV2's, for --data")
    parser.add_argument("--folds", type=int, default=3, metavar="K", help="default %(default)s")
    parser.add_argument("--seeds", default="0", metavar="S,...", help="of drawing and spoiling (default %(default)s)")
    return parser


def judged(ranked: Sequence, injected: Sequence[Injected], kind: str) -> tuple[np.ndarray, int]:
    """Of the findings of a kind, best first: whether each is of an injected error of that kind, each error once; and
    how many there are. A finding has kind, image and box."""
    open_ones = [error for error in injected if error.kind == kind]
    hits = []
    for one in (one for one in ranked if one.kind == kind):
        near = [error for error in open_ones if error.image == one.image and _iou(error.box, one.box) >= SAME]
        hits.append(bool(near))
        if near:
            open_ones.remove(max(near, key=lambda error: _iou(error.box, one.box)))
    return np.array(hits, bool), sum(error.kind == kind for error in injected)


def measures(hits: np.ndarray, count: int) -> tuple[float, float]:
    """(average precision over all errors, those never found counting 0; precision among the first `count`)."""
    if not count:
        return float("nan"), float("nan")
    ranks = np.flatnonzero(hits) + 1
    return float(np.sum(np.arange(1, len(ranks) + 1) / ranks) / count), float(np.sum(hits[:count]) / count)


def _iou(box, other) -> float:
    wide, high = min(box[2], other[2]) - max(box[0], other[0]), min(box[3], other[3]) - max(box[1], other[1])
    shared = max(0.0, wide) * max(0.0, high)
    return shared / ((box[2] - box[0]) * (box[3] - box[1]) + (other[2] - other[0]) * (other[3] - other[1]) - shared)


def rows(audited, injected: Sequence[Injected]):
    """(kind, errors, AP and precision of the audit, AP and precision of ObjectLab) of each kind."""
    from benchmarks import objectlab
    from frcnn_keras.auditing.find import find

    own, theirs = find(audited, 0.0).findings, objectlab.scores(audited)
    for kind in SHARES:
        hits, count = judged(own, injected, kind)
        yield kind, count, *measures(hits, count), *measures(*judged(theirs, injected, kind))


def main(argv=None) -> None:
    """Measures and prints a row for every seed and kind."""
    args = build_parser().parse_args(argv)
    start_tensorflow()
    import frcnn_keras
    from benchmarks.out_of_fold import for_photographs, for_shapes, out_of_fold
    from frcnn_keras.runs.evaluated import read_evaluated

    print("| seed | kind | errors | AP | precision at N | ObjectLab's AP | ObjectLab's precision |\n"
          "|---|---|---|---|---|---|---|", flush=True)
    for seed in map(int, args.seeds.split(",")):
        spoilt = spoil(frcnn_keras.drawn_shapes(args.images, seed=10 + seed) if args.data is None
                       else frcnn_keras.read(args.data, args.split), seed)
        name = f"shapes{args.images}" if args.data is None else Path(args.data).name
        settings = for_shapes(Path(args.out)) if args.data is None else for_photographs(args.backbone_weights)
        audited = read_evaluated(out_of_fold(spoilt.dataset, Path(args.out) / f"{name}-{seed}", args.folds, settings))
        for kind, count, *values in rows(audited, spoilt.injected):
            cells = [f"{value:.3f}" for value in values]
            if kind == "spurious":
                cells[2:] = "-", "-"  # ObjectLab has no score for it
            print(f"| {seed} | {kind} | {count} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
