"""Runs the frozen backbone once over a data set and draws the RPN's minibatches."""

import argparse
from pathlib import Path

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands import flags
from frcnn_keras.commands.data_flags import add_source_arguments, read_source
from frcnn_keras.commands.flag_types import device, within
from frcnn_keras.commands.help_text import seldom
from frcnn_keras.errors import InputError
from frcnn_keras.progress import WORKERS, say
from frcnn_keras.readers.validation import settle
from frcnn_keras.runtime import start_tensorflow
from frcnn_keras.settings.stages import PrepConfig

EXAMPLES = """examples:
  {frcnn} prep --voc DIR --split trainval --out work/prep/trainval
  {frcnn} prep --voc DIR --split test --eval-only --like work/prep/trainval --out work/prep/test

--backbone RUN takes a finished run's features, joint training's or an imported COCO detector's; its sizes and anchors
are the defaults then.
writes OUT: features/ (float16 maps of every image and of its mirror image), minibatches/ (sampled anchors) and
config.json.
next: {frcnn} train-rpn --data work/prep/trainval --val work/prep/test --run work/run"""

SIZES = ("anchor_sizes", "anchor_scales")  # one of which says how large anchors are


def build_parser():
    """Flags of prep."""
    parser = cli.parser("prep", __doc__, EXAMPLES)
    add_source_arguments(parser)
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to make")
    parser.add_argument("--like", metavar="DIR", help="validation and test images: the prep folder whose backbone, "
                        "neck, sizes, anchors and classes are taken")
    parser.add_argument("--eval-only", action="store_true", help="no mirror images, no minibatches")
    seldom(parser.add_argument("--write-tiles", action="store_true", help="also write whole minibatches of 3x3 tiles, "
                               "for training an RPN elsewhere"))
    seldom(parser.add_argument("--workers", type=within(int, least=0, most=1024), default=0, metavar="N",
                               help="images at a time (default: the cores)"))
    parser.add_argument("--fresh", action="store_true", help="start over")
    flags.add_arguments(parser, PrepConfig)
    return parser


def main(args) -> int:
    """Reads, checks, prepares."""
    start_tensorflow(args.device, threads=1)
    from data_prep.prepare import prepare
    from frcnn_keras.data.prepared import open_prepared

    config, like = flags.from_args(PrepConfig, args), None
    if args.like:
        like = open_prepared(args.like)
        contradicted = flags.contradiction(config, like.config)
        if contradicted:
            raise InputError(f"--like {args.like} fixes {contradicted}; leave that flag out, or --like")
        config = like.config
    dataset = settle(read_source(args, like.class_names if like else None), args.skip_bad)
    for problem in dataset.problems:
        say(f"note: {problem}")
    prepare(dataset, args.out, config, like=like, eval_only=args.eval_only, write_tiles=args.write_tiles,
            skip_bad=args.skip_bad, workers=args.workers or WORKERS, fresh=args.fresh)
    folders = ["--data", args.like, "--val", args.out] if args.eval_only and args.like else ["--data", args.out]
    cli.say_next(["train-rpn", *folders, "--run", "RUN"])
    return 0


def defaults_of_run(parser, argv) -> None:
    """Where --backbone is a run folder, its image sizes and anchors are the defaults."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--backbone", default=parser.get_default("backbone"))
    first.add_argument("--device", type=device)
    for name in SIZES:
        first.add_argument(f"--{name.replace('_', '-')}", dest=name)
    given = first.parse_known_args(argv)[0]
    if not Path(given.backbone).is_dir():
        return
    start_tensorflow(given.device, threads=1)
    from frcnn_keras.runs.parts import default_settings

    plain_parser = build_parser()
    in_file = {action.dest for action in plain_parser._actions if parser.get_default(action.dest) != action.default}
    chosen = in_file | set(SIZES if any(getattr(given, name) or name in in_file for name in SIZES) else ())
    for name, value in default_settings(given.backbone).items():
        if name not in chosen:
            parser.set_defaults(**{name: value})


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv, derive=defaults_of_run)
