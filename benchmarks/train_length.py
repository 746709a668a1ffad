"""How long to train on few images: AP by the number of images and of steps.

    python -m benchmarks.train_length DATA --backbone-weights FILE [--images 20,40,80,160] [--seeds 0,1]
    python -m benchmarks.train_length shapes --backbone-weights FILE

Trains on the first images of DATA's training split (or on drawn shapes) for the stages' own 4 epochs, and for as many
as make a share of the least steps that pipeline.lengths has, without looking at any other image; then scores the last
epoch on the images to measure on (or on 100 other shapes). --out keeps the folders and goes on with them.
"""

import argparse
import dataclasses
import json
import math
import tempfile
from pathlib import Path

from frcnn_keras.runtime import start_tensorflow

SHARES = (0.5, 1.0, 2.0)  # of the least steps
USUAL = 4  # epochs


def build_parser() -> argparse.ArgumentParser:
    """Flags of this benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train_length", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", metavar="DATA", help="data set of any form, or: shapes")
    parser.add_argument("--backbone-weights", required=True, metavar="FILE", help="MobileNetV2's")
    parser.add_argument("--images", default="20,40,80,160", metavar="N,...", help="images to train on (%(default)s)")
    parser.add_argument("--seeds", default="0", metavar="S,...", help="comma-separated (default %(default)s)")
    parser.add_argument("--out", metavar="DIR", help="keep everything here (default: a folder that goes)")
    return parser


def tried(images: int) -> dict[str, tuple[int, int]]:
    """Name -> (RPN epochs, head epochs) on so many images, their mirror images counted."""
    from frcnn_keras.pipeline.lengths import LEAST
    from frcnn_keras.settings.stages import RCNNConfig, RPNConfig

    found = {f"{USUAL} epochs": (USUAL, USUAL)}
    steps = {"rpn": images // RPNConfig().fit.batch, "rcnn": images // RCNNConfig().fit.batch}
    for share in SHARES:
        epochs = tuple(math.ceil(share * LEAST[name] / max(1, steps[name])) for name in ("rpn", "rcnn"))
        if epochs not in found.values():
            found[f"{share:g} of the least"] = epochs
    return found


def data_sets(path: str, most: int):
    """(to train on, to score on)."""
    import frcnn_keras

    if path == "shapes":
        return frcnn_keras.drawn_shapes(most, seed=0), frcnn_keras.drawn_shapes(100, seed=1)
    splits = frcnn_keras.read_splits(path)
    return splits.train.dataset, splits.val.dataset


def result(prep: Path, run: Path, epochs: tuple[int, int], seed: int, scored) -> dict[str, float]:
    """AP and AP50 of the last epoch; kept in the run, and read from there when it is asked again."""
    import frcnn_keras

    kept = run / "scored.json"
    if kept.exists():
        return json.loads(kept.read_text())
    for train, config, number in ((frcnn_keras.train_rpn, frcnn_keras.RPNConfig(), epochs[0]),
                                  (frcnn_keras.train_rcnn, frcnn_keras.RCNNConfig(), epochs[1])):
        train(prep, run, dataclasses.replace(config, fit=dataclasses.replace(config.fit, epochs=number, seed=seed)))
    found = frcnn_keras.evaluate(run, scored)["coco"]
    kept.write_text(json.dumps({name: found[name] for name in ("AP", "AP50")}))
    return json.loads(kept.read_text())


def main(argv=None) -> None:
    """Measures and prints a row for every number of images, length and seed."""
    args = build_parser().parse_args(argv)
    start_tensorflow()
    import frcnn_keras
    from frcnn_keras.settings.detector import BackboneConfig

    counts = [int(text) for text in args.images.split(",")]
    train, scored = data_sets(args.data, max(counts))
    backbone = BackboneConfig(weights=str(Path(args.backbone_weights).resolve()))
    print("| images | length | RPN and head epochs | seed | AP | AP50 |\n|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        for count in counts:
            folder = Path(args.out or temporary) / str(count)
            some = dataclasses.replace(train, examples=train.examples[:count])
            prep = frcnn_keras.prepare(some, folder / "prep", frcnn_keras.PrepConfig(backbone=backbone))
            for seed in map(int, args.seeds.split(",")):
                for name, epochs in tried(len(prep.feature_spans)).items():
                    run = folder / f"run-{epochs[0]}-{epochs[1]}-seed{seed}"
                    found = result(prep.path, run, epochs, seed, scored)
                    print(f"| {count} | {name} | {epochs[0]}, {epochs[1]} | {seed} | {found['AP']:.3f} | "
                          f"{found['AP50']:.3f} |", flush=True)


if __name__ == "__main__":
    main()
