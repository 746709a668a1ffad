"""Trains a detector on drawn shapes, from images to a SavedModel: no download, no network, a few minutes."""

import argparse
import time
from pathlib import Path

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands.flag_types import within
from frcnn_keras.commands.stage_process import run_stage
from frcnn_keras.errors import InputError
from frcnn_keras.files import to_json
from frcnn_keras.files.folders import is_empty, require_place, settled
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.files.locks import alone
from frcnn_keras.progress import clock, say
from frcnn_keras.runtime import start_tensorflow
from frcnn_keras.settings.ranges import EPOCHS

EXAMPLES = """example:
  {frcnn} demo --out work/demo

A small network first learns to classify crops of shapes: it stands for the pretrained backbone that real users
download. Images and their boxes are written as a COCO data set; the rest is what you would run on your own folder, and
is printed as it runs.
leaves OUT: backbone.keras, data/ (images and annotations), settings.toml, check.png, run/ (the detector, its scores in
evaluation/), drawn/ (pictures with detections), serving/1 (a SavedModel)."""

TRAIN_SEED, TEST_SEED, CROP_SEED = 0, 1, 2  # unlike seeds: no image of one is in another
SETTINGS = """# what a small network on small images needs; read by: train --config
[prep]
backbone = "{backbone}"
feature-layer = "features"
preprocess = "tf"
shorter = 240
neck-channels = 64
anchor-sizes = [32, 64, 128]
draws = {epochs}

[train]
epochs = {epochs}

[train-rpn]
rpn-channels = 256

[train-rcnn]
head-width = 512
"""
FILES = ("backbone.keras", "settings.toml", "check.png")


def build_parser():
    """Flags of this command."""
    parser = cli.parser("demo", __doc__, EXAMPLES)
    parser.add_argument("--out", default="work/demo", metavar="DIR", help="folder for everything (default work/demo)")
    parser.add_argument("--images", type=within(int, least=1, most=10**6), default=200, metavar="N",
                        help="images to train on (default 200)")
    parser.add_argument("--test-images", type=within(int, least=1, most=10**6), default=100, metavar="N",
                        help="unseen images to score on")
    parser.add_argument("--crops", type=within(int, least=1, most=10**6), default=6000, metavar="N",
                        help="crops the backbone learns from")
    parser.add_argument("--epochs", type=within(int, least=1, most=EPOCHS), default=8, metavar="N",
                        help="epochs of the RPN and of the head")
    parser.add_argument("--fresh", action="store_true", help="start over")
    return parser


def main(args) -> int:
    """Pretrains, draws, then runs the commands."""
    out = settled(args.out)
    require_place(out, "--out")
    begun = time.monotonic()
    with alone(out):
        ledger = Ledger(out)
        if args.fresh and not ledger.path.exists() and not is_empty(out):
            raise InputError(f"{out}: is not empty and no demo's folder, so --fresh removes nothing there; give "
                             "another --out")
        ledger.require_free(FILES, "--out")
        ledger.tidy()
        if args.fresh:
            ledger.remove("backbone.keras")
        backbone = out / "backbone.keras"
        if not backbone.exists():
            start_tensorflow(args.device)
            from frcnn_keras.commands.demo_backbone import pretrain

            with ledger.file("backbone.keras") as path:
                pretrain(path, args.crops, CROP_SEED)
        write_data(out / "data", args)
        text = SETTINGS.format(backbone=backbone.as_posix(), epochs=args.epochs)
        ledger.write("settings.toml", text.encode())
        for command in commands(args, out):
            code = run_stage(command)
            if code:
                return code
    say(f"demo: {clock(time.monotonic() - begun)}; look at {out / 'drawn'}, {out / 'run'} and {out / 'serving'}")
    return 0


def write_data(folder: Path, args: argparse.Namespace) -> None:
    """The drawn images with their boxes, in COCO's form: FOLDER/train, FOLDER/val and FOLDER/annotations."""
    from frcnn_keras.data.shapes import shapes_dataset
    from frcnn_keras.evaluation.coco import coco_ground_truth

    for split, count, seed in (("train", args.images, TRAIN_SEED), ("val", args.test_images, TEST_SEED)):
        dataset = shapes_dataset(count, seed)
        truth = coco_ground_truth(dataset.examples, dataset.name, dataset.class_names, dataset.category_ids)
        for image in truth["images"]:
            image["file_name"] += ".png"
        images = {f"{example.id}.png": example.read for example in dataset.examples}
        _write(folder / split, images)
        _write(folder / "annotations", {f"instances_{split}.json": lambda truth=truth: to_json(truth).encode()})


def _write(folder: Path, files: dict) -> None:
    """Files by name, each from a function that gives its bytes; others' are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(folder)
    ledger.require_free(files, "--out")
    ledger.tidy()
    for name, content in files.items():
        ledger.write(name, content())


def commands(args: argparse.Namespace, out: Path) -> list[list[str]]:
    """The commands, in order, with their flags."""
    data, run = out / "data", str(out / "run")
    on = ["--device", args.device] if args.device else []
    return [
        ["check", "--coco", str(data / "train"), str(data / "annotations" / "instances_train.json"), "--shorter", "240",
         "--anchor-sizes", "32,64,128", "--sheet", str(out / "check.png"), *on],
        ["train", str(data), "--config", str(out / "settings.toml"), "--out", run, *(["--fresh"] if args.fresh else []),
         *on],
        ["predict", "--run", run, "--images", str(data / "val" / "*0[0-9].png"), "--out", str(out / "drawn"), *on],
        ["export", "--run", run, "--out", str(out / "serving"), "--version", "1", "--overwrite", *on],
    ]


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
