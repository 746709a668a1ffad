"""Writes a run's detector as a SavedModel for TensorFlow Serving, as ONNX or as LiteRT."""

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands.evaluate import add_detecting_arguments, say_thresholds
from frcnn_keras.commands.flag_types import value_of, within
from frcnn_keras.commands.help_text import seldom
from frcnn_keras.data.image_header import SERVED_PIXELS
from frcnn_keras.errors import InputError
from frcnn_keras.progress import say
from frcnn_keras.runtime import start_tensorflow
from frcnn_keras.serving.signatures import KINDS, OURS
from frcnn_keras.settings.ranges import SIDE

FORMATS = ("savedmodel", "onnx", "litert")  # serving.export's, which --help names without TensorFlow
EXAMPLES = """examples:
  {frcnn} export --run work/run --out work/serving/cells
  {frcnn} export --run work/run --out work/serving/cells --signatures od-api:encoded_image ours
  {frcnn} export --run work/run --out work/cells.onnx --format onnx
  {frcnn} export --run work/run --out work/cells.tflite --format litert

writes OUT/VERSION/ (savedmodel: mount OUT in tensorflow/serving, see docs/serving.md) or the file OUT. It gets its
name only when its answers have been compared with predict's; --check-image adds photographs of your own."""


def build_parser():
    """Flags of this command."""
    parser = cli.parser("export", __doc__, EXAMPLES)
    add_detecting_arguments(parser)
    parser.add_argument("--out", required=True, metavar="PATH",
                        help="the model's folder, which gets a folder for each version; with onnx and litert a file")
    parser.add_argument("--format", choices=FORMATS, default="savedmodel", help="default: %(default)s")
    seldom(parser.add_argument(
        "--signatures", nargs="+", metavar="KIND",
        help=f"of a SavedModel: {', '.join(KINDS)}; those of od-api are named and shaped as clients of the TF Object "
        f"Detection API know them. The first is serving_default (default: {OURS})"))
    parser.add_argument("--version", type=within(int, least=0, most=2**63 - 1), metavar="N",
                        help="of a SavedModel (default: one more than the largest in OUT)")
    parser.add_argument("--overwrite", action="store_true", help="replace the version or file that is there")
    parser.add_argument("--check-image", action="append", default=[], metavar="FILE",
                        help="image to compare answers on, besides drawn ones; may be repeated")
    parser.add_argument("--image-size", type=within(int, least=1, most=SIDE), nargs=2, metavar=("H", "W"),
                        help="onnx, litert: for images of this one size (default: any size with onnx; with litert 4:3 "
                        "at the size that the detector works at)")
    parser.add_argument("--max-pixels", type=value_of(int), metavar="N",
                        help="savedmodel: refuses encoded images of more before they are decoded (default: "
                        f"{SERVED_PIXELS})")
    return parser


def main(args) -> int:
    """Loads, writes, compares."""
    if args.precision == "bfloat16" and args.format != "savedmodel":
        raise InputError("--precision belongs to --format savedmodel")
    start_tensorflow(args.device)
    from frcnn_keras.data.given_images import pixels
    from frcnn_keras.runs.detector import load
    from frcnn_keras.serving.export import check_settings, export

    kinds = args.signatures and [kind for word in args.signatures for kind in word.split(",") if kind]
    check_settings(args.format, args.version, args.image_size, args.max_pixels, kinds)
    for path in args.check_image:
        pixels(path)  # where it cannot be decoded, an error that names the file
    detector = load(args.run, score_threshold=args.score_threshold, nms=args.nms, limit=args.max_detections,
                    precision=args.precision)
    say_thresholds(detector)
    exported = export(detector, args.out, args.format, check_images=args.check_image, version=args.version,
                      overwrite=args.overwrite, image_size=args.image_size and tuple(args.image_size),
                      max_pixels=args.max_pixels, signatures=kinds)
    say(f"export: as predict: {exported.agreement}")
    if not exported.agreement.detections:
        say("export: nothing was found in the images compared; give --check-image with objects in it")
    print(exported.path)
    return 0


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
