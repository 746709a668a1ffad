"""Lints a data set before any hour is spent on it: problems, classes, object sizes, anchors, a picture of it all."""

import dataclasses
from pathlib import Path

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands import flags
from frcnn_keras.commands.class_letters import say_undrawable
from frcnn_keras.commands.data_flags import add_source_arguments, read_source, source_arguments
from frcnn_keras.commands.flag_types import within
from frcnn_keras.commands.help_text import seldom
from frcnn_keras.errors import InputError
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.runtime import start_tensorflow
from frcnn_keras.settings.ranges import SIDE
from frcnn_keras.settings.stages import CheckConfig

EXAMPLES = """example:
  {frcnn} check --voc DIR --split trainval

reads: annotations, and every image once (--quick: annotations and image headers alone).
writes SHEET (work/check.png by default): some of the images with their objects; each class is among them.
exit code: 2 where something would stop prep, given the same --skip-bad; else 0."""

SHOWN = 50  # problems printed without --all
CELL = (320, 240)  # of the sheet, pixels
IGNORED = (128, 128, 128)  # colour of difficult and crowd objects


def build_parser():
    """Flags of this command."""
    parser = cli.parser("check", __doc__, EXAMPLES)
    add_source_arguments(parser)
    flags.add_arguments(parser, CheckConfig)
    parser.add_argument("--backbone", default="mobilenet_v2", metavar="NAME", help="whose grid the anchors are laid "
                        "on (default mobilenet_v2); for one of your own give --stride and --offset")
    seldom(parser.add_argument("--stride", type=within(float, above=0, most=SIDE), metavar="N",
                               help="pixels between anchor centres (the backbone's)"))
    seldom(parser.add_argument("--offset", type=within(float, least=-SIDE, most=SIDE), metavar="X",
                               help="centre of the first anchor (the backbone's)"))
    parser.add_argument("--quick", action="store_true", help="do not decode the images: damage behind their headers "
                        "and duplicates stay unseen")
    parser.add_argument("--sheet", default="work/check.png", metavar="FILE", help="picture of images with their "
                        "objects (default work/check.png)")
    parser.add_argument("--sheet-images", type=within(int, least=0, most=1000), default=24, metavar="N",
                        help="images on it (default 24; 0: none)")
    parser.add_argument("--all", action="store_true", help=f"print every problem, not the first {SHOWN}")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    return parser


def main(args) -> int:
    """Reads, decodes, counts, draws, prints."""
    config = flags.from_args(CheckConfig, args)
    sheet = Path(args.sheet)
    if args.sheet_images > 0:
        Ledger(sheet.parent).require_free([sheet.name], "--sheet")
    dataset = read_source(args)
    start_tensorflow(args.device, threads=1)
    from frcnn_keras.commands.check_report import format_report
    from frcnn_keras.files import to_json
    from frcnn_keras.inspection.report import report

    dataset_report = report(dataset, config, grid(args), skip_bad=args.skip_bad, decode=not args.quick)
    drawn = draw_sheet(sheet, dataset, args.sheet_images)
    print(to_json(as_json(dataset_report, drawn)) if args.json else
          format_report(dataset_report, drawn, None if args.all else SHOWN))
    if dataset_report.ok:
        cli.say_next(["prep", *source_arguments(args), "--out", "work/prep/NAME"])
    return 0 if dataset_report.ok else cli.BAD_INPUT


def as_json(found, sheet: str | None) -> dict:
    """A report as `--json` has it."""
    anchors = ("reach", "unreached", "suggested_sizes", "suggested_reach")
    plain = dataclasses.asdict(found)
    plain["settings"] |= plain.pop("grid")
    plain["anchors"] = {name: plain.pop(name) for name in anchors}
    if found.suggested_flag:
        plain["anchors"]["flag"] = found.suggested_flag
    return plain | {"sheet": sheet}


def grid(args):
    """The inspection.report.AnchorGrid: as given, else the backbone's."""
    from frcnn_keras.inspection.report import AnchorGrid

    if args.stride is not None and args.offset is not None:
        return AnchorGrid(args.stride, args.offset)
    usual = AnchorGrid.of(args.backbone)
    if args.stride not in (None, usual.stride):
        raise InputError(f"--stride {args.stride:g}: {args.backbone} has {usual.stride:g}; give --offset with another "
                         "stride")
    return usual if args.offset is None else AnchorGrid(usual.stride, args.offset)


def draw_sheet(path: Path, dataset, count: int) -> str | None:
    """Writes the contact sheet; its path, or None where there is nothing to show."""
    if count < 1 or not dataset.examples:
        return None
    from frcnn_keras.inspection.dataset_check import representative
    from frcnn_keras.pictures.contact_sheet import contact_sheet
    from frcnn_keras.pictures.drawing import encoded_image
    from frcnn_keras.progress import ahead

    say_undrawable(dataset.class_names)
    examples = representative(dataset, count)
    pictures = list(ahead(lambda example: picture(example, dataset.class_names), examples))
    drawn = [(image, example.caption) for image, example in zip(pictures, examples, strict=True) if image is not None]
    if not drawn:
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); give another --sheet, or --sheet-images 0"
                         ) from error
    sheet = contact_sheet([image for image, _ in drawn], cell_size=CELL, titles=[title for _, title in drawn])
    ledger = Ledger(path.parent)
    ledger.require_free([path.name], "--sheet", reads=(example.path for example in dataset.examples if example.path))
    ledger.write(path.name, encoded_image(path, sheet))
    return str(path)


def picture(example, class_names):
    """The image in a cell's size with its objects drawn, those that do not train in grey; None if it is damaged."""
    from frcnn_keras.data.decoding import decode
    from frcnn_keras.pictures.contact_sheet import fit
    from frcnn_keras.pictures.drawing import draw_boxes, draw_detections

    try:
        image, scale = fit(decode(example.read(), example.file).numpy(), *CELL)
    except InputError:
        return None
    boxes, trains = example.boxes * scale, ~example.ignored
    image = draw_boxes(image, boxes[~trains], [IGNORED] * int((~trains).sum()))
    return draw_detections(image, boxes[trains], example.labels[trains], None, class_names)


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
