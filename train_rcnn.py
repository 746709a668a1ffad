"""Stage 2: trains the Fast R-CNN head on the RPN's proposals, then saves the whole detector."""

import sys

from frcnn_keras import cli, flags
from frcnn_keras import config as configs

EXAMPLES = """example:
  python train_rcnn.py --data work/prep/trainval --val work/prep/test --run work/run

reads: a prep folder, and the run's rpn.weights.h5 and proposals/ (train_rpn.py made them).   writes RUN:
detector.keras, rcnn_log.csv, rcnn_curves.png.   With --val every epoch ends with its AP, and the best is kept.
next: python -m frcnn_keras evaluate --run work/run --voc DIR --split test
      python -m frcnn_keras predict --run work/run --images FOLDER --out work/drawn"""


def build_parser():
    """Flags of this stage."""
    parser = cli.parser("python train_rcnn.py", __doc__.split(": ", 1)[1], EXAMPLES)
    parser.add_argument("--data", required=True, metavar="DIR", help="prep folder to train on")
    parser.add_argument("--val", metavar="DIR", help="prep folder to measure on (as given to train_rpn.py)")
    parser.add_argument("--run", required=True, metavar="DIR", help="run folder of train_rpn.py")
    parser.add_argument("--fresh", action="store_true", help="start over")
    cli.add_strategy_argument(parser)
    flags.add_arguments(parser, configs.RCNNConfig)
    return parser


def main(args) -> int:
    """Trains, assembles, reports."""
    cli.start_tensorflow(devices=False)
    from frcnn_keras.distribution import start

    distribution = start(args.strategy)
    from frcnn_keras.rcnn_training import train_rcnn

    found = train_rcnn(args.data, args.run, flags.from_args(configs.RCNNConfig, args), val=args.val,
                       fresh=args.fresh, distribution=distribution)
    cli.print_numbers(found)
    return 0


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv, table="train_rcnn")


if __name__ == "__main__":
    sys.exit(run())
