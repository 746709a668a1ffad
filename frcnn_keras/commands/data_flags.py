"""The flags that name a data set, the same for every command, and the reader each of them calls."""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from frcnn_keras.commands.flag_types import like, within
from frcnn_keras.commands.help_text import seldom
from frcnn_keras.data.example import Dataset
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.errors import InputError
from frcnn_keras.progress import say
from frcnn_keras.readers.class_names import parse_names
from frcnn_keras.readers.coco import read_coco
from frcnn_keras.readers.csv_file import csv_splits, read_csv
from frcnn_keras.readers.holdout import SIDES, hold_out, parse_share
from frcnn_keras.readers.labelme import read_labelme
from frcnn_keras.readers.split_names import canonical, training_split
from frcnn_keras.readers.tf_records import read_tf_records
from frcnn_keras.readers.voc import read_voc
from frcnn_keras.readers.voc_folders import find_folders, find_splits, folder_splits
from frcnn_keras.readers.yolo import read_yolo
from frcnn_keras.readers.yolo_sets import find_set
from frcnn_keras.settings.learning import FitConfig

SOURCES = ("voc", "coco", "csv", "tfrecord", "shapes", "yolo", "labelme")
SPLIT = ("voc", "yolo", "csv")  # those that can have splits of their own
READINGS = {"scale_boxes": ("voc", "coco", "csv", "tfrecord", "labelme"), "voc_from_zero": ("voc",),
            "coco_corners": ("coco",)}
MOST_IMAGES = 10**7


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of one data set: a source, and what to take of it."""
    group = parser.add_argument_group("data set, in one of these forms")
    group.add_argument("--voc", metavar="DIR", help="Pascal VOC folder, or XML files beside their images")
    group.add_argument("--coco", nargs=2, metavar=("IMAGES", "ANN"), help="folder of images and COCO instances JSON")
    group.add_argument("--yolo", metavar="PATH", help="YOLO's data.yaml, or a folder with images and labels")
    group.add_argument("--csv", metavar="FILE", help="lines path,x1,y1,x2,y2,class; path,,,,, for no objects")
    group.add_argument("--tfrecord", metavar="GLOB", help="TFRecords, in quotes, with --label-map FILE.pbtxt")
    seldom(group.add_argument("--label-map", metavar="FILE", help="label map (.pbtxt) of --tfrecord, which is of TF "
                              "Object Detection"))
    group.add_argument("--labelme", metavar="DIR", help="folder of labelme's JSON files")
    seldom(group.add_argument("--shapes", type=within(int, least=1, most=MOST_IMAGES), metavar="N",
                              help="N drawn images of shapes with exact boxes"))
    seldom(group.add_argument("--shapes-seed", type=like(FitConfig, "seed"), default=0, metavar="S",
                              help="seed of --shapes (default 0)"))
    group.add_argument("--split", metavar="NAME", help="train, val, test, or --voc's ImageSets/Main/NAME.txt")
    group.add_argument("--holdout", metavar="SHARE", help="without splits: share that --split val is (20%%)")
    seldom(group.add_argument("--classes", metavar="A,B,C", help="class names in the order of their labels, those with "
                              "a comma in double quotes (default: found)"))
    seldom(group.add_argument("--scale-boxes", action="store_true", help="where annotations state another size than "
                              "the image's, of the same shape: scale their boxes (default: stop)"))
    seldom(group.add_argument("--voc-from-zero", action="store_true", help="--voc's boxes count pixels from 0, with "
                              "continuous edges (default: from 1, the last pixel inside)"))
    seldom(group.add_argument("--coco-corners", action="store_true", help="--coco's boxes are x1,y1,x2,y2 (default: "
                              "x,y,width,height)"))
    group.add_argument("--skip-bad", action="store_true", help="go on without bad images and objects")
    seldom(group.add_argument("--max-images", type=within(int, least=1, most=MOST_IMAGES), metavar="N",
                              help="take the first N images only"))


def read_source(args: argparse.Namespace, class_names: Sequence[str] | None = None) -> Dataset:
    """Reads the data set that the flags name; `validation.settle` then decides about its problems.

    class_names: of the folder or run that the data must fit; they may not contradict --classes. Raises InputError
    unless exactly one source is given, and whatever its reader raises.
    """
    _check(args)
    names = _class_names(args, class_names)
    if args.holdout is None:
        dataset = _read(args, args.split, names)
    else:
        halves = hold_out(_read(args, _only_split(args), names), parse_share(args.holdout))
        dataset = halves.side(canonical(args.split))
        say(f"{dataset.name}: {halves.line}")
    if args.max_images is None:
        return dataset
    return dataclasses.replace(dataset, examples=dataset.examples[: args.max_images])


def _only_split(args: argparse.Namespace) -> str | None:
    """The split of the data set's own that --holdout parts; None where it has none. InputError where it has one to
    measure on."""
    found: list[str] = []
    if args.voc is not None:
        root = Path(args.voc)
        found = list(find_splits(root) or folder_splits(find_folders(root)))
    if args.yolo is not None:
        found = [name for name in find_set(args.yolo).splits if name]
    if args.csv is not None:
        found = csv_splits(Path(args.csv))
    if found and training_split(found) is None:
        names = ", ".join(found[:20])
        raise InputError(f"{args.voc or args.yolo or args.csv}: has splits of its own ({names}); leave --holdout out")
    return training_split(found)


def _read(args: argparse.Namespace, split: str | None, names: tuple[str, ...] | None) -> Dataset:
    """What the reader of the source that is given finds."""
    if args.voc is not None:
        dataset = read_voc(args.voc, split, names, scale_boxes=args.scale_boxes, from_zero=args.voc_from_zero)
    elif args.coco is not None:
        dataset = read_coco(*args.coco, names, scale_boxes=args.scale_boxes, corners=args.coco_corners)
    elif args.csv is not None:
        dataset = read_csv(args.csv, names, split=split, scale_boxes=args.scale_boxes)
    elif args.yolo is not None:
        dataset = read_yolo(args.yolo, split, names)
    elif args.labelme is not None:
        dataset = read_labelme(args.labelme, names, scale_boxes=args.scale_boxes)
    elif args.tfrecord is not None:
        dataset = read_tf_records(args.tfrecord, args.label_map, names, scale_boxes=args.scale_boxes)
    else:
        whole = args.max_images is None or args.holdout is not None
        dataset = shapes_dataset(args.shapes if whole else min(args.shapes, args.max_images), args.shapes_seed)
        if names is not None and names != dataset.class_names:
            raise InputError(f"--shapes has the classes {', '.join(dataset.class_names)}; wanted: {', '.join(names)}")
    return dataset


def source_arguments(args: argparse.Namespace) -> list[str]:
    """The flags of `add_source_arguments` that stand for these, for another command; InputError as `read_source`."""
    _check(args)
    given = [_as_flag(name, getattr(args, name)) for name in (*SOURCES, "split", "holdout", "label_map", "classes",
                                                          "max_images")]
    seed = _as_flag("shapes_seed", args.shapes_seed) if args.shapes is not None else []
    switches = [f"--{name.replace('_', '-')}" for name in ("skip_bad", *READINGS) if getattr(args, name)]
    return [*(part for flag in given for part in flag), *seed, *switches]


def _as_flag(name: str, value) -> list[str]:
    if value is None:
        return []
    return [f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, list) else [value])]


def _check(args: argparse.Namespace) -> None:
    """InputError unless the flags name one data set, with what belongs to it."""
    given = [f"--{source}" for source in SOURCES if getattr(args, source) is not None]
    if len(given) != 1:
        raise InputError("name one data set: --voc, --coco, --yolo, --csv, --tfrecord, --labelme or --shapes; "
                         f"received: {' and '.join(given) or 'none'}")
    if args.split is not None and args.holdout is None and given[0][2:] not in SPLIT:
        raise InputError("--split belongs to --voc, --yolo and --csv, and with --holdout 20% to any; received: "
                         f"{given[0]}")
    if args.holdout is not None:
        parse_share(args.holdout)
        if args.split is None or canonical(args.split) not in SIDES:
            raise InputError("--holdout makes two splits of a data set, train and val; name one with --split; "
                             f"received: {args.split or 'none'}")
    if args.label_map is not None and args.tfrecord is None:
        raise InputError(f"--label-map belongs to --tfrecord; received: {given[0]}")
    if args.tfrecord is not None and args.label_map is None:
        raise InputError("--tfrecord needs --label-map FILE.pbtxt, which names its labels")
    for name, sources in READINGS.items():
        if getattr(args, name) and given[0][2:] not in sources:
            owners = ", ".join(f"--{source}" for source in sources)
            raise InputError(f"--{name.replace('_', '-')} belongs to {owners}; received: {given[0]}")
    for flag, value in (("--shapes", args.shapes), ("--max-images", args.max_images)):
        if value is not None and value < 1:
            raise InputError(f"{flag} must be at least 1; received: {value}")


def _class_names(args: argparse.Namespace, class_names: Sequence[str] | None) -> tuple[str, ...] | None:
    """The class names of --classes or those already fixed; None leaves them to be found."""
    given = parse_names(args.classes) if isinstance(args.classes, str) else args.classes
    asked = tuple(name.strip() for name in given) if given else None
    fixed = tuple(class_names) if class_names is not None else None
    if asked and fixed and asked != fixed:
        raise InputError(f"--classes {','.join(asked)} contradicts the classes already fixed: {','.join(fixed)}")
    return fixed if fixed is not None else asked
