"""Trains the Fast R-CNN head on the RPN's proposals, then saves the whole detector."""

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands import flags
from frcnn_keras.settings.stages import RCNNConfig

EXAMPLES = """example:
  {frcnn} train-rcnn --data work/prep/trainval --val work/prep/test --run work/run

reads: a prep folder, and the run's rpn.weights.h5 and proposals/ (train-rpn made them).   writes RUN:
detector.keras, rcnn_log.csv, rcnn_curves.png.   With --val every epoch ends with its AP, and the best is kept.
next: {frcnn} evaluate --run work/run --voc DIR --split test
      {frcnn} predict --run work/run --images FOLDER --out work/drawn"""


def build_parser():
    """Flags of this stage."""
    parser = cli.parser("train-rcnn", __doc__, EXAMPLES)
    parser.add_argument("--data", required=True, metavar="DIR", help="prep folder to train on")
    parser.add_argument("--val", metavar="DIR", help="prep folder to measure on (as given to train-rpn)")
    parser.add_argument("--run", required=True, metavar="DIR", help="run folder of train-rpn")
    parser.add_argument("--fresh", action="store_true", help="start over")
    cli.add_strategy_argument(parser)
    flags.add_arguments(parser, RCNNConfig)
    return parser


def main(args) -> int:
    """Trains, assembles, reports."""
    distribution = cli.start_devices(args)
    from frcnn_keras.training.rcnn_stage import train_rcnn

    history = train_rcnn(args.data, args.run, flags.from_args(RCNNConfig, args), val=args.val,
                       fresh=args.fresh, distribution=distribution)
    cli.print_last(history)
    cli.say_next(*cli.with_detector(args.run))
    return 0


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
