"""Trains the region proposal network on minibatches of tiles, then writes every image's proposals."""

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands import flags
from frcnn_keras.commands.flag_types import like
from frcnn_keras.commands.help_text import seldom
from frcnn_keras.errors import InputError, command
from frcnn_keras.settings.image_trainers import JointConfig
from frcnn_keras.settings.stages import RPNConfig

EXAMPLES = """example:
  {frcnn} train-rpn --data work/prep/trainval --val work/prep/test --run work/run

reads: a prep folder (features and minibatches).   writes RUN: rpn.weights.h5, rpn_log.csv, rpn_curves.png,
proposals/train and proposals/val.   With --val every epoch ends with the recall of 100, 300 and 1000 proposals;
on BCCD with MobileNetV2 it is above 0.99 at IoU 0.5 with 300 proposals after four epochs.
next: {frcnn} train-rcnn with the same --data, --val and --run"""


def build_parser():
    """Flags of this stage."""
    parser = cli.parser("train-rpn", __doc__, EXAMPLES)
    parser.add_argument("--data", required=True, metavar="DIR", help="prep folder to train on")
    parser.add_argument("--val", metavar="DIR", help="prep folder to measure on (made with --eval-only --like DATA)")
    parser.add_argument("--run", required=True, metavar="DIR", help="run folder to write into")
    seldom(parser.add_argument("--tiles", action="store_true", help="read the tiles that prep --write-tiles wrote"))
    parser.add_argument("--fresh", action="store_true", help="start over")
    seldom(parser.add_argument("--rpn-depth", type=like(JointConfig, "network.depth"), default=1, metavar="N",
                               help="3x3 convolutions of the RPN: 1 here, as a tile is what one sees; joint trains "
                               "more"))
    cli.add_strategy_argument(parser)
    flags.add_arguments(parser, RPNConfig)
    return parser


def main(args) -> int:
    """Trains, proposes, reports."""
    if args.rpn_depth > 1:
        raise InputError(f"--rpn-depth {args.rpn_depth}: train-rpn learns from 3x3 tiles, which is what one 3x3 "
                         f"convolution sees, and {args.rpn_depth} see more; train it on whole maps: "
                         f"{command('joint')} --rpn-depth {args.rpn_depth}")
    distribution = cli.start_devices(args)
    from frcnn_keras.training.rpn_stage import train_rpn

    history = train_rpn(args.data, args.run, flags.from_args(RPNConfig, args), val=args.val,
                      from_tiles=args.tiles, fresh=args.fresh, distribution=distribution)
    cli.print_last(history)
    cli.say_next(["train-rcnn", "--data", args.data, *(["--val", args.val] if args.val else []), "--run", args.run])
    return 0


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
