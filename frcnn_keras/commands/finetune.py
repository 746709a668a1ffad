"""Trains a finished run's detector further on images: backbone, RPN and head together."""

import sys

from frcnn_keras import cli, flags, joint_config
from frcnn_keras.commands import image_training

EXAMPLES = """example:
  python -m frcnn_keras finetune --run work/run --voc DIR --split trainval --val-split test --out work/tuned

reads: RUN/detector.keras, images, annotations.   writes OUT: detector.keras, finetune_log.csv (the four losses),
finetune_curves.png; OUT is a run like any other.   With --val-... every epoch ends with its AP, and the best is kept.
next: python -m frcnn_keras evaluate --run work/tuned --voc DIR --split test"""


def build_parser():
    """Flags of this command."""
    parser = cli.parser("python -m frcnn_keras finetune", __doc__, EXAMPLES)
    parser.add_argument("--run", required=True, metavar="DIR", help="run folder with the detector to start from")
    image_training.add_arguments(parser, "run folder to make")
    flags.add_arguments(parser, joint_config.FinetuneConfig)
    return parser


def main(args) -> int:
    """Reads, trains, reports."""
    cli.start_tensorflow(devices=False)
    from frcnn_keras.distribution import start

    distribution = start(args.strategy)
    from frcnn_keras.finetuning import finetune
    from frcnn_keras.inference import load

    dataset, validation = image_training.read(args, load(args.run).class_names)
    found = finetune(args.run, dataset, args.out, flags.from_args(joint_config.FinetuneConfig, args),
                     validation=validation, fresh=args.fresh, distribution=distribution)
    cli.print_numbers(found)
    return 0


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)


if __name__ == "__main__":
    sys.exit(run())
