"""Makes a run folder of a torchvision Faster R-CNN's weights: the COCO ones, or your own."""

import os
from pathlib import Path

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands.flag_types import within
from frcnn_keras.errors import InputError
from frcnn_keras.files.folders import require_place
from frcnn_keras.files.locks import alone
from frcnn_keras.runs.marks import is_run
from frcnn_keras.runtime import start_tensorflow
from frcnn_keras.settings.ranges import SIDE

EXAMPLES = """example:
  {frcnn} import-torchvision fasterrcnn_resnet50_fpn_coco-258fb6c6.pth --out work/coco_r50
  {frcnn} predict --run work/coco_r50 --images photos/ --out work/drawn

reads FILE: a state_dict as torch saved it (.pth, either form; no code in it is run, torch is not needed), or the same
tensors as .safetensors or .npz. torchvision's own files: https://docs.pytorch.org/vision/stable/models.html

writes OUT: detector.keras, which predict, evaluate and export take as they take a trained one (labels are COCO's
category ids), and import.json: model, file, its sha256, sizes, epsilon. A line says which epsilon was taken, and why.

next: predict or evaluate with --run OUT; or --backbone OUT in prep, for your own classes on COCO's features."""


def build_parser():
    """Flags of this command."""
    parser = cli.parser("import-torchvision", __doc__, EXAMPLES)
    parser.add_argument("file", metavar="FILE", help="the weights")
    parser.add_argument("--out", required=True, metavar="DIR", help="the run folder to be made")
    parser.add_argument("--model", metavar="NAME", help="fasterrcnn_resnet50_fpn, fasterrcnn_resnet50_fpn_v2, "
                        "fasterrcnn_mobilenet_v3_large_fpn or fasterrcnn_mobilenet_v3_large_320_fpn (default: told by "
                        "the file's tensors, and the 320 by its name)")
    parser.add_argument("--classes", metavar="A,B,C", help="find these classes only; their scores stay as they were")
    parser.add_argument("--class-names", metavar="A,B,C", help="of weights that are not COCO's: all of them")
    parser.add_argument("--min-size", type=within(int, least=1, most=SIDE), metavar="N",
                        help="shorter side of the resized image (default: the model's, 800 or 320)")
    parser.add_argument("--max-size", type=within(int, least=1, most=SIDE), metavar="N",
                        help="its longer side at most (default: 1333 or 640)")
    parser.add_argument("--bn-epsilon", type=within(float, least=0, most=1), metavar="E",
                        help="added to the variances in batch normalisation, which weights do not tell (default: 0 "
                        "where FILE is fasterrcnn_resnet50_fpn_coco-258fb6c6.pth by its hash, as that was trained so, "
                        "else 1e-05; copies of that file in another form need 0)")
    parser.add_argument("--overwrite", action="store_true", help="replace the detector that OUT holds")
    return parser


def _split(names: str | None) -> list[str] | None:
    return None if names is None else [name.strip() for name in names.split(",")]


def check_out(out: Path, overwrite: bool) -> None:
    """InputError where the run folder cannot be made: it holds a detector, or files that are none of this package's."""
    there = [name for name in ("detector.keras", "import.json") if os.path.lexists(out / name)]
    if "detector.keras" in there and not overwrite:
        raise InputError(f"{out}: holds a detector already; give another --out, or --overwrite")
    if there and not is_run(out):
        raise InputError(f"{out / there[0]}: is there already, and nothing says that this package wrote it; move it, "
                         "or give another --out")


def main(args) -> int:
    """Reads, checks, writes."""
    out = Path(args.out)
    require_place(out, "--out")
    check_out(out, args.overwrite)
    start_tensorflow(args.device)
    from frcnn_keras.files import read_json
    from frcnn_keras.torchvision.importing import import_torchvision

    with alone(out):
        detector = import_torchvision(args.file, out, args.model, min_size=args.min_size, max_size=args.max_size,
                                      keep_classes=_split(args.classes), class_names=_split(args.class_names),
                                      bn_epsilon=args.bn_epsilon)
    facts = read_json(f"{args.out}/import.json")
    print(f"{facts['model']}, {len(detector.class_names)} labels, images of {facts['min_size']} to {facts['max_size']} "
          f"pixels: {args.out}")
    return 0


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
