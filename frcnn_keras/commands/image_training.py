"""What the commands that train on images share: the flags of their data, and how it is read."""

import argparse

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands.data_flags import add_source_arguments, read_source
from frcnn_keras.commands.validation_flags import add_validation_arguments, read_validation
from frcnn_keras.readers.validation import settle


def add_arguments(parser: argparse.ArgumentParser, out: str) -> None:
    """Adds the flags of both data sets, --out (described by `out`), --fresh and --strategy."""
    add_source_arguments(parser)
    add_validation_arguments(parser)
    parser.add_argument("--out", required=True, metavar="DIR", help=out)
    parser.add_argument("--fresh", action="store_true", help="start over")
    cli.add_strategy_argument(parser)


def read(args, class_names=None):
    """The settled data sets to train and to measure on (None without --val-...), of the same classes: those given, or
    the first one's."""
    dataset = settle(read_source(args, class_names), args.skip_bad)
    validation = read_validation(args, dataset.class_names)
    return dataset, settle(validation, args.skip_bad) if validation else None
