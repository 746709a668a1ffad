"""Runs every stage on drawn shapes: no download, no network, a few minutes on two cores."""

import time
from pathlib import Path

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands.flag_types import within
from frcnn_keras.commands.stage_process import run_stage
from frcnn_keras.errors import InputError
from frcnn_keras.files.folders import is_empty, require_place, settled
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.files.locks import alone
from frcnn_keras.progress import clock, say
from frcnn_keras.runtime import start_tensorflow
from frcnn_keras.settings.ranges import EPOCHS

EXAMPLES = """example:
  {frcnn} demo --out work/demo

A small network first learns to classify crops of shapes: it stands for the pretrained backbone that real users
download. Then every stage runs as its own command, just as you would run it on your images; the commands are printed.
leaves OUT: backbone.keras, prep/, run/, metrics.json, drawn/ (pictures with detections), serving/1 (a SavedModel)."""

TRAIN_SEED, TEST_SEED, CROP_SEED = 0, 1, 2  # unlike seeds: no image of one is in another


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
    """Pretrains, then runs the stages."""
    out = settled(args.out)
    require_place(out, "--out")
    begun = time.monotonic()
    with alone(out):
        ledger = Ledger(out)
        if args.fresh and not ledger.path.exists() and not is_empty(out):
            raise InputError(f"{out}: is not empty and no demo's folder, so --fresh removes nothing there; give "
                             "another --out")
        ledger.require_free(["backbone.keras", "metrics.json", "check.png"], "--out")
        ledger.tidy()
        if args.fresh:
            ledger.remove("backbone.keras")
        backbone = out / "backbone.keras"
        if not backbone.exists():
            start_tensorflow()
            from frcnn_keras.commands.demo_backbone import pretrain

            with ledger.file("backbone.keras") as path:
                pretrain(path, args.crops, CROP_SEED)
        for command in stages(args, out, backbone):
            code = run_stage(command)
            if code:
                return code
        ledger = Ledger(out)  # check has written there since
        ledger.write("metrics.json", (out / "run" / "evaluation" / "metrics.json").read_bytes())
    say(f"demo: {clock(time.monotonic() - begun)}; look at {out / 'drawn'}, {out / 'run'} and {out / 'serving'}")
    return 0


def stages(args, out: Path, backbone: Path) -> list[list[str]]:
    """The commands, in order, with their flags."""
    train, test = (["--shapes", str(count), "--shapes-seed", str(seed)] for count, seed in
                   ((args.images, TRAIN_SEED), (args.test_images, TEST_SEED)))
    prep, val, run = str(out / "prep" / "train"), str(out / "prep" / "test"), str(out / "run")
    folders = ["--data", prep, "--val", val, "--run", run, "--epochs", str(args.epochs)]
    over = ["--fresh"] if args.fresh else []
    return [
        ["check", *train, "--shorter", "240", "--anchor-sizes", "32,64,128",
         "--sheet", str(out / "check.png")],
        ["prep", *train, "--backbone", str(backbone), "--feature-layer", "features", "--preprocess", "tf",
         "--shorter", "240", "--neck-channels", "64", "--anchor-sizes", "32,64,128", "--draws", str(args.epochs),
         "--out", prep, *over],
        ["prep", *test, "--eval-only", "--like", prep, "--out", val, *over],
        ["train-rpn", *folders, "--rpn-channels", "256", *over],
        ["train-rcnn", *folders, "--head-width", "512", *over],
        ["evaluate", "--run", run, *test],
        ["predict", "--run", run, "--images", str(pictures(out, args)), "--out", str(out / "drawn")],
        ["export", "--run", run, "--out", str(out / "serving"), "--version", "1", "--overwrite"],
    ]


def pictures(out: Path, args, count: int = 12) -> Path:
    """Writes a few of the test images as files, for predict to draw on."""
    from frcnn_keras.data.shapes import shapes_dataset

    folder = out / "pictures"
    folder.mkdir(exist_ok=True)
    examples = {f"{example.id}.png": example
                for example in shapes_dataset(min(count, args.test_images), seed=TEST_SEED).examples}
    ledger = Ledger(folder)
    ledger.require_free(examples, "--out")
    ledger.tidy()
    for name, example in examples.items():
        ledger.write(name, example.read())
    return folder


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
