"""What an audit is worth: AP on clean images of a detector trained on spoilt labels, on those that the audit corrected,
and on clean ones.

    python -m benchmarks.audit_loop --out work/audit-errors [--images 400] [--seeds 0] [--above 0.9,0.7]

Goes on with the folders of benchmarks.audit_errors. Shapes, 200 others to score on.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

from benchmarks.injected_errors import spoil
from frcnn_keras.runtime import start_tensorflow

SCORED, SCORED_SEED = 200, 1


def build_parser() -> argparse.ArgumentParser:
    """Flags of this benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit_loop", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the detectors")
    parser.add_argument("--images", type=int, default=400, metavar="N", help="drawn (default %(default)s)")
    parser.add_argument("--folds", type=int, default=3, metavar="K", help="default %(default)s")
    parser.add_argument("--seeds", default="0", metavar="S,...", help="of drawing and spoiling (default %(default)s)")
    parser.add_argument("--above", default="0.9", metavar="S,...", help="findings accepted (default above %(default)s)")
    return parser


def scored(dataset, run: Path, settings, clean) -> dict[str, float]:
    """AP and AP50 of a detector trained on a data set; kept in the run."""
    import frcnn_keras

    kept = run / "scored.json"
    if not kept.exists():
        prep, rpn, rcnn = settings
        prepared = frcnn_keras.prepare(dataset, run / "prep", prep)
        frcnn_keras.train_rpn(prepared.path, run, rpn)
        frcnn_keras.train_rcnn(prepared.path, run, rcnn)
        found = frcnn_keras.evaluate(run, clean)["coco"]
        kept.write_text(json.dumps({name: found[name] for name in ("AP", "AP50")}))
    return json.loads(kept.read_text())


def main(argv=None) -> None:
    """Trains and prints a row for each set of labels."""
    args = build_parser().parse_args(argv)
    start_tensorflow()
    import frcnn_keras
    from benchmarks.out_of_fold import for_shapes, out_of_fold

    settings, test = for_shapes(Path(args.out)), frcnn_keras.drawn_shapes(SCORED, seed=SCORED_SEED)
    print("| seed | labels | changed | AP | AP50 |\n|---|---|---|---|---|", flush=True)
    for seed in map(int, args.seeds.split(",")):
        clean = frcnn_keras.drawn_shapes(args.images, seed=10 + seed)
        spoilt, folder = spoil(clean, seed).dataset, Path(args.out) / f"shapes{args.images}-{seed}"
        audit = frcnn_keras.audit(out_of_fold(spoilt, folder, args.folds, settings))
        sets = {"clean": (clean, ""), "spoilt": (spoilt, "")}
        for least in map(float, args.above.split(",")):
            taken = audit.above(least)
            told = ", ".join(f"{kind} {count}" for kind, count in Counter(one.kind for one in taken).items())
            sets[f"corrected above {least:g}"] = audit.corrected(spoilt, taken), told
        for name, (dataset, told) in sets.items():
            found = scored(dataset, folder / "loop" / name.replace(" ", "-"), settings, test)
            print(f"| {seed} | {name} | {told} | {found['AP']:.3f} | {found['AP50']:.3f} |", flush=True)


if __name__ == "__main__":
    main()
