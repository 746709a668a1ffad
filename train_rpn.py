"""Stage 1: trains the region proposal network on minibatches of tiles, then writes every image's proposals."""

import sys

from frcnn_keras import cli, flags
from frcnn_keras import config as configs

EXAMPLES = """example:
  python train_rpn.py --data work/prep/trainval --val work/prep/test --run work/run

reads: a prep folder (features and minibatches).   writes RUN: rpn.weights.h5, rpn_log.csv, rpn_curves.png,
proposals/train and proposals/val.   With --val every epoch ends with the recall of 100, 300 and 1000 proposals;
on BCCD with MobileNetV2 it is above 0.99 at IoU 0.5 with 300 proposals after four epochs.
next: python train_rcnn.py with the same --data, --val and --run"""


def build_parser():
    """Flags of this stage."""
    parser = cli.parser("python train_rpn.py", __doc__.split(": ", 1)[1], EXAMPLES)
    parser.add_argument("--data", required=True, metavar="DIR", help="prep folder to train on")
    parser.add_argument("--val", metavar="DIR", help="prep folder to measure on (made with --eval-only --like DATA)")
    parser.add_argument("--run", required=True, metavar="DIR", help="run folder to write into")
    parser.add_argument("--tiles", action="store_true", help="read the tiles that data_prep --write-tiles wrote")
    parser.add_argument("--fresh", action="store_true", help="start over")
    cli.add_strategy_argument(parser)
    flags.add_arguments(parser, configs.RPNConfig)
    return parser


def main(args) -> int:
    """Trains, proposes, reports."""
    cli.start_tensorflow(devices=False)
    from frcnn_keras.distribution import start

    distribution = start(args.strategy)
    from frcnn_keras.rpn_training import train_rpn

    found = train_rpn(args.data, args.run, flags.from_args(configs.RPNConfig, args), val=args.val,
                      from_tiles=args.tiles, fresh=args.fresh, distribution=distribution)
    cli.print_numbers(found)
    return 0


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv, table="train_rpn")


if __name__ == "__main__":
    sys.exit(run())
