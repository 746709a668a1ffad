"""Trains a detector on images from an ImageNet backbone: backbone, RPN and head together."""

import sys

from frcnn_keras import cli, flags, joint_config
from frcnn_keras.commands import image_training

EXAMPLES = """example:
  python -m frcnn_keras joint --voc DIR --split trainval --val-split test --backbone resnet50 --out work/joint

reads: images, annotations, the backbone's weights.   writes OUT: detector.keras, joint_log.csv (the four losses),
joint_curves.png; OUT is a run like any other.   With --val-... every epoch ends with its AP, and the best is kept.
The stages (data_prep, train_rpn.py, train_rcnn.py) and then finetune are quicker.
next: python -m frcnn_keras evaluate --run work/joint --voc DIR --split test"""


def build_parser():
    """Flags of this command."""
    parser = cli.parser("python -m frcnn_keras joint", __doc__, EXAMPLES)
    image_training.add_arguments(parser, "run folder to make")
    parser.add_argument("--losses", choices=("all", "rpn", "rcnn"), default="all", help="rpn, rcnn: train backbone and "
                        "RPN, or backbone and head, alone, as `alternate` does (default all)")
    parser.add_argument("--proposals", metavar="RUN", help="--losses rcnn: the run whose RPN makes the proposals")
    flags.add_arguments(parser, joint_config.JointConfig)
    return parser


def main(args) -> int:
    """Reads, builds, trains, reports."""
    cli.start_tensorflow(devices=False)
    from frcnn_keras.distribution import start

    distribution = start(args.strategy)
    from frcnn_keras.joint_building import train_joint
    from frcnn_keras.joint_losses import LOSSES, RCNN_LOSSES, RPN_LOSSES

    dataset, validation = image_training.read(args)
    found = train_joint(dataset, args.out, flags.from_args(joint_config.JointConfig, args),
                        validation=validation, fresh=args.fresh,
                        losses={"all": LOSSES, "rpn": RPN_LOSSES, "rcnn": RCNN_LOSSES}[args.losses],
                        proposals=args.proposals, distribution=distribution)
    cli.print_numbers(found)
    return 0


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)


if __name__ == "__main__":
    sys.exit(run())
