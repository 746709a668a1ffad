"""Trains a detector on images from an ImageNet backbone: backbone, RPN and head together."""

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands import flags, image_training
from frcnn_keras.commands.help_text import seldom
from frcnn_keras.settings.image_trainers import JointConfig

EXAMPLES = """example:
  {frcnn} joint --voc DIR --split trainval --val-split test --backbone resnet50 --out work/joint

writes OUT: detector.keras, joint_log.csv (the four losses), joint_curves.png; OUT is a run like any other. With --val
every epoch ends with its AP, and the best is kept. The stages, then finetune, are quicker.
next: {frcnn} evaluate --run work/joint --voc DIR --split test"""


def build_parser():
    """Flags of this command."""
    parser = cli.parser("joint", __doc__, EXAMPLES)
    image_training.add_arguments(parser, "run folder to make")
    seldom(parser.add_argument("--losses", choices=("all", "rpn", "rcnn"), default="all", help="rpn, rcnn: train "
                               "backbone and RPN, or backbone and head, alone, as `alternate` does (default all)"))
    seldom(parser.add_argument("--proposals", metavar="RUN", help="--losses rcnn: the run whose RPN makes the "
                               "proposals"))
    flags.add_arguments(parser, JointConfig)
    return parser


def main(args) -> int:
    """Reads, builds, trains, reports."""
    distribution = cli.start_devices(args)
    from frcnn_keras.training.image_losses import LOSSES, RCNN_LOSSES, RPN_LOSSES
    from frcnn_keras.training.joint import train_joint

    dataset, validation = image_training.read(args)
    history = train_joint(dataset, args.out, flags.from_args(JointConfig, args),
                        validation=validation, fresh=args.fresh,
                        losses={"all": LOSSES, "rpn": RPN_LOSSES, "rcnn": RCNN_LOSSES}[args.losses],
                        proposals=args.proposals, distribution=distribution)
    cli.print_last(history)
    if args.losses == "all":
        cli.say_next(*cli.with_detector(args.out))
    return 0


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
