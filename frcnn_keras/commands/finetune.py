"""Trains a finished run's detector further on images: backbone, RPN and head together."""

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands import flags, image_training
from frcnn_keras.settings.image_trainers import FinetuneConfig

EXAMPLES = """example:
  {frcnn} finetune --run work/run --voc DIR --split trainval --val-split test --out work/tuned

writes OUT: detector.keras, finetune_log.csv (the four losses), finetune_curves.png; OUT is a run like any other.
With --val every epoch ends with its AP, and the best is kept.
next: {frcnn} evaluate --run work/tuned --voc DIR --split test"""


def build_parser():
    """Flags of this command."""
    parser = cli.parser("finetune", __doc__, EXAMPLES)
    parser.add_argument("--run", required=True, metavar="DIR", help="run folder with the detector to start from")
    image_training.add_arguments(parser, "run folder to make")
    flags.add_arguments(parser, FinetuneConfig)
    return parser


def main(args) -> int:
    """Reads, trains, reports."""
    distribution = cli.start_devices(args)
    from frcnn_keras.runs.detector import load
    from frcnn_keras.training.finetune import finetune

    dataset, validation = image_training.read(args, load(args.run).class_names)
    history = finetune(args.run, dataset, args.out, flags.from_args(FinetuneConfig, args),
                     validation=validation, fresh=args.fresh, distribution=distribution)
    cli.print_last(history)
    cli.say_next(*cli.with_detector(args.out))
    return 0


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
