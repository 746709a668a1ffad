"""Does the neck flatter a cross-validation? It is fitted on images of all folds, without their labels.

    python -m benchmarks.fold_neck --voc DIR --split trainval --backbone-weights FILE --folds 5 [--measured 2]

For each measured fold the same stages train twice, with the same seed: on features whose neck was fitted on images of
all folds, as crossval has them, and on features whose neck was fitted on the fold's training images alone, by which the
held-out images are then prepared. Both find the held-out images' objects; the difference of AP is paired, by draws of
these images. Another draw of the neck's images changes AP too, so a difference says at most how much it flatters.
"""

import argparse
import dataclasses
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.inputs import prepare_quietly
from frcnn_keras.crossval.cross_validation import Split, split
from frcnn_keras.crossval.held_out import find
from frcnn_keras.data.example import Dataset
from frcnn_keras.data.prepared import Prepared
from frcnn_keras.evaluation.coco import coco_metrics
from frcnn_keras.evaluation.intervals import coco_comparison
from frcnn_keras.pipeline.train import TrainConfig
from frcnn_keras.readers.validation import settle
from frcnn_keras.readers.voc import read_voc
from frcnn_keras.runs.detections import Detections
from frcnn_keras.settings.detector import BackboneConfig
from frcnn_keras.settings.stages import PrepConfig
from frcnn_keras.training.rcnn_stage import train_rcnn
from frcnn_keras.training.rpn_stage import train_rpn


def trained_on(learning: Prepared, measuring: Prepared, run: Path, config: TrainConfig) -> list[Detections]:
    """What a detector that learnt from one finds in the other."""
    rpn, rcnn, _ = config.stages(len(learning.feature_spans))
    train_rpn(learning, run, rpn)
    train_rcnn(learning, run, rcnn)
    return [one.detections for one in find(run, measuring)]


def with_own_neck(dataset: Dataset, images: Split, fold: int, folder: Path, config: PrepConfig
                  ) -> tuple[Prepared, Prepared]:
    """The fold's training images with a neck of their own, and its held-out images prepared like them."""
    parts = [dataclasses.replace(dataset, examples=tuple(example for example, own in zip(
        dataset.examples, images.folds, strict=True) if (own == fold) == held_out)) for held_out in (False, True)]
    learning = prepare_quietly(parts[0], config, folder / "train")
    return learning, prepare_quietly(parts[1], None, folder / "val", like=learning, eval_only=True)


def main(argv=None) -> int:
    """Measures and prints a line a fold, then all of them together."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fold_neck", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voc", required=True, metavar="DIR")
    parser.add_argument("--split", default="trainval", metavar="NAME")
    parser.add_argument("--backbone-weights", default="imagenet", metavar="FILE")
    parser.add_argument("--data", metavar="DIR", help="prep folder of all these images, where it is there already")
    parser.add_argument("--folds", type=int, default=5, metavar="K")
    parser.add_argument("--measured", type=int, default=1, metavar="N", help="of the folds (default %(default)s)")
    args = parser.parse_args(argv)
    dataset = settle(read_voc(args.voc, args.split), False)
    prep, config = PrepConfig(backbone=BackboneConfig(weights=args.backbone_weights)), TrainConfig()
    examples, shared, own = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        images = split(args.data or prepare_quietly(dataset, prep, place / "all"), args.folds)
        for fold in range(1, args.measured + 1):
            held = [images.examples[number] for number in np.flatnonzero(images.folds == fold)]
            found = [trained_on(images.part(fold, False), images.part(fold, True), place / f"shared{fold}", config),
                     trained_on(*with_own_neck(dataset, images, fold, place / f"prep{fold}", prep),
                                place / f"own{fold}", config)]
            scores = [coco_metrics(held, one, dataset.class_names) for one in found]
            print(f"fold {fold}, {len(held)} images: neck of all images AP {scores[0]['AP']:.4f} AP50 "
                  f"{scores[0]['AP50']:.4f}, of the training images AP {scores[1]['AP']:.4f} AP50 "
                  f"{scores[1]['AP50']:.4f}", flush=True)
            examples, shared, own = examples + held, shared + found[0], own + found[1]
    for name in ("AP", "AP50"):
        apart = coco_comparison(examples, shared, own, dataset.class_names)["coco"][name]
        print(f"{len(examples)} images together: {name} of the neck of all images is higher by "
              f"{apart['difference']:+.4f} ({apart['low']:+.4f} to {apart['high']:+.4f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
