"""Trains a detector on a folder of images, whatever form its boxes have: all the stages in one process."""

import dataclasses
import time
from pathlib import Path

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands import flags
from frcnn_keras.commands.flag_types import like, within
from frcnn_keras.commands.help_text import seldom
from frcnn_keras.commands.prep import defaults_of_run
from frcnn_keras.errors import InputError
from frcnn_keras.progress import say
from frcnn_keras.readers.class_names import parse_names
from frcnn_keras.runtime import start_tensorflow
from frcnn_keras.settings.ranges import EPOCHS
from frcnn_keras.settings.stages import PrepConfig, RCNNConfig, RPNConfig

EXAMPLES = """examples:
  {frcnn} train DIR --out work/run
  {frcnn} train data.yaml --out work/run --epochs 12
  {frcnn} train DIR --out work/run --config stages.toml

DATA is a folder or a file of any form: Pascal VOC, COCO, YOLO, labelme, TFRecord, CSV (docs/data.md). Without images of
its own to measure on, a fifth of them is held out.
reads: images and annotations.   writes OUT: prep/train and prep/val (features), the RPN, detector.keras, evaluation/,
detections.jpg and train_metrics.json. Every flag of prep is one of this command; those of train-rpn and train-rcnn
stand in a TOML file's tables of that name (where they name no seed, --seed is theirs too). Stopped, the same command
goes on where it was, and so do the stages' own commands.
next: {frcnn} predict --run work/run --images ... --out work/drawn"""


def build_parser():
    """Flags of this command."""
    parser = cli.parser("train", __doc__, EXAMPLES)
    parser.add_argument("data", metavar="DATA", help="folder or file of the data set")
    parser.add_argument("--out", required=True, metavar="DIR", help="run folder to make")
    parser.add_argument("--val", metavar="PATH", help="images to measure on, of any form (default: those of DATA)")
    seldom(parser.add_argument("--val-split", metavar="NAME", help="which of --val's splits (default: val)"))
    parser.add_argument("--holdout", metavar="SHARE", help="share of the images to measure on, of a data set that does "
                        "not say which (default 20%%)")
    seldom(parser.add_argument("--classes", metavar="A,B,C", help="class names in the order of their labels (default: "
                               "found)"))
    seldom(parser.add_argument("--scale-boxes", action="store_true", help="where annotations state another size than "
                               "the image's, of the same shape: scale their boxes (default: stop)"))
    parser.add_argument("--skip-bad", action="store_true", help="go on without bad images and objects, listing them")
    parser.add_argument("--epochs", type=within(int, least=1, most=EPOCHS), metavar="N", help="of the RPN and of the "
                        "head (default: 4, more where there are few images)")
    parser.add_argument("--patience", type=like(RCNNConfig, "fit.patience"), metavar="N", help="stop the head's "
                        "training when AP has not risen for N epochs (default: never)")
    parser.add_argument("--fresh", action="store_true", help="start over")
    seldom(parser.add_argument("--json", action="store_true", help="print what train_metrics.json holds"))
    flags.add_arguments(parser, PrepConfig)
    return parser


def main(args) -> int:
    """Recognises, splits, trains, scores, reports."""
    begun = time.monotonic()
    start_tensorflow(args.device)
    from frcnn_keras.files import to_json
    from frcnn_keras.pipeline.settings import TrainConfig
    from frcnn_keras.pipeline.train import train
    from frcnn_keras.pipeline.trained import summary
    from frcnn_keras.readers.splits import read_splits

    rpn, rcnn = stage_config("train-rpn", RPNConfig, args), stage_config("train-rcnn", RCNNConfig, args)
    if args.patience is not None:
        rcnn = (dataclasses.replace(rcnn[0], fit=dataclasses.replace(rcnn[0].fit, patience=args.patience)), rcnn[1])
    config = TrainConfig(flags.from_args(PrepConfig, args), *(own for own, _ in (rpn, rcnn)),
                         *(args.epochs if args.epochs else own for _, own in (rpn, rcnn)))
    splits = read_splits(args.data, args.holdout, parse_names(args.classes) if args.classes else None, val=args.val,
                         val_split=args.val_split, scale_boxes=args.scale_boxes)
    for line in splits.lines:
        say(line)
    trained = train(splits, args.out, config, skip_bad=args.skip_bad, fresh=args.fresh, begun=begun)
    report = _report(trained, splits)
    if args.json:
        print(to_json(dataclasses.asdict(trained)))
    else:
        first = splits.val.dataset.examples[0]
        print(summary(trained, str(Path(first.path).parent) if first.path else "FILE", report))
    return 0


def _report(trained, splits) -> Path | None:
    """The page about the run; None, and why, where it cannot be written: the run is finished all the same."""
    from frcnn_keras.reporting.report import write_report

    scored = splits.test if trained.scored_on == "test" and splits.test else splits.val
    try:
        return write_report(trained.run, images=scored.dataset)
    except (InputError, OSError) as error:
        say(f"note: no report ({error})")
        return None


def stage_config(name: str, config_class, args):
    """(a trainer's settings, its epochs where they are given): the defaults with --seed, and the TOML file's table."""
    parser = flags.Parser(prog=name)
    flags.add_arguments(parser, config_class)
    usual = parser.get_default("epochs")
    parser.set_defaults(seed=args.seed, epochs=None)
    if args.config:
        flags.apply_toml(parser, args.config, name, own_table_alone=True)
    given = parser.get_default("epochs")
    parser.set_defaults(epochs=usual if given is None else given)
    return flags.from_args(config_class, parser.parse_args([])), given


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv, derive=defaults_of_run)
