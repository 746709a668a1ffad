"""The flags that name the images to measure on after every epoch, for commands that train on images."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from frcnn_keras.commands.data_flags import MOST_IMAGES, READINGS, SOURCES, SPLIT, read_source, source_arguments
from frcnn_keras.commands.flag_types import like, within
from frcnn_keras.commands.help_text import seldom
from frcnn_keras.data.example import Dataset
from frcnn_keras.errors import InputError, command
from frcnn_keras.progress import say
from frcnn_keras.readers.splits import to_measure_on
from frcnn_keras.settings.learning import FitConfig


def add_validation_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of a second data set, to measure on: --val of any form, or the first one's with `val-` before
    them."""
    group = parser.add_argument_group("images to measure on after every epoch")
    group.add_argument("--val", metavar="PATH", help="measured on after every epoch: a data set of any form, its val "
                       "split or --val-split")
    group.add_argument("--val-split", metavar="NAME", help="as --split; alone: of the images to train on")
    for name, metavar, kind in (("voc", "DIR", "--voc"), ("yolo", "PATH", "--yolo"), ("csv", "FILE", "--csv"),
                                ("tfrecord", "GLOB", "--tfrecord, with the same --label-map"),
                                ("labelme", "DIR", "--labelme")):
        seldom(group.add_argument(f"--val-{name}", metavar=metavar, help=f"in place of --val, as {kind}"))
    seldom(group.add_argument("--val-coco", nargs=2, metavar=("IMAGES", "ANN"), help="in place of --val, as --coco"))
    seldom(group.add_argument("--val-shapes", type=within(int, least=1, most=MOST_IMAGES), metavar="N",
                              help="in place of --val, as --shapes"))
    seldom(group.add_argument("--val-shapes-seed", type=like(FitConfig, "seed"), default=1, metavar="S",
                              help="as --shapes-seed (default 1)"))


def read_validation(args: argparse.Namespace, class_names: Sequence[str]) -> Dataset | None:
    """The data set that the --val flags name, with these classes; None where there is no such flag.

    Read as the first one is: --scale-boxes, --voc-from-zero, --coco-corners. Raises InputError as `read_source` does.
    """
    second = _validation_source(args)
    if second is None:
        return None
    try:
        return read_source(second, class_names)
    except InputError as error:
        raise InputError(f"images to measure on (flags --val-...): {error}") from error


def validation_arguments(args: argparse.Namespace) -> list[str] | None:
    """The flags of `add_source_arguments` that stand for the images to measure on; None where there are none."""
    named = _validation_source(args)
    return source_arguments(named) if named else None


def _validation_source(args: argparse.Namespace) -> argparse.Namespace | None:
    """The --val flags as those of a data set; None where there are none."""
    named = {name: getattr(args, f"val_{name}") for name in ("split", *SOURCES)}
    given = [f"--val-{source}" for source in SOURCES if named[source] is not None]
    given = ["--val", *given] if args.val is not None else given
    if len(given) > 1:
        raise InputError(f"name the images to measure on once, with --val PATH or one of --val-...; received: "
                         f"{' and '.join(given)}")
    if not given and named["split"] is None:
        return None
    label_map = args.label_map if named["tfrecord"] is not None else None
    if args.val is not None:
        named, label_map = _recognised(args.val, named)
    if not given:
        named |= {source: getattr(args, source) for source in (SOURCES if args.holdout is not None else SPLIT)}
    readings = {name: getattr(args, name) and any(named[source] is not None for source in sources)
                for name, sources in READINGS.items()}
    return argparse.Namespace(**named, **readings, label_map=label_map, classes=None, max_images=None,
                              shapes_seed=args.val_shapes_seed if given else args.shapes_seed,
                              holdout=None if given else args.holdout, skip_bad=args.skip_bad)


def _recognised(path: str, named: dict) -> tuple[dict, str | None]:
    """(the sources and the split, the label map) of --val; says what was recognised."""
    if (Path(path) / "config.json").is_file() and (Path(path) / "features").is_dir():
        raise InputError(f"--val {path}: is a prep folder, which {command('train-rpn')} and {command('train-rcnn')} "
                         "measure on; here give the data set that it was made of")
    source, line = to_measure_on(path, named["split"])
    say(line)
    place = list(source.places) if source.form == "coco" else source.places[0]
    return named | {source.form: place, "split": source.split}, (
        source.places[1] if source.form == "tfrecord" else None)
