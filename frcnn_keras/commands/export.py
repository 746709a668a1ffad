"""Writes a run's detector as a SavedModel for TensorFlow Serving, as ONNX or as LiteRT."""

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands.evaluate import add_detecting_arguments
from frcnn_keras.errors import InputError
from frcnn_keras.progress import say
from frcnn_keras.runtime import start_tensorflow

EXAMPLES = """examples:
  {frcnn} export --run work/run --out work/serving/cells            # the next version number
  {frcnn} export --run work/run --out work/cells.onnx --format onnx
  {frcnn} export --run work/run --out work/cells.tflite --format litert

writes OUT/VERSION/ (savedmodel: mount OUT in tensorflow/serving, see docs/serving.md) or the file OUT. It gets its
name only when its answers have been compared with predict's; give --check-image photographs of your own for that."""


def build_parser():
    """Flags of this command."""
    parser = cli.parser("export", __doc__, EXAMPLES)
    add_detecting_arguments(parser)
    parser.add_argument("--out", required=True, metavar="PATH",
                        help="the model's folder, which gets a folder for each version; with onnx and litert a file")
    parser.add_argument("--format", choices=WRITERS, default="savedmodel", help="default: %(default)s")
    parser.add_argument("--version", type=int, metavar="N",
                        help="of a SavedModel (default: one more than the largest in OUT)")
    parser.add_argument("--overwrite", action="store_true", help="replace the version or file that is there")
    parser.add_argument("--check-image", action="append", default=[], metavar="FILE",
                        help="image to compare answers on, besides drawn ones; may be repeated")
    parser.add_argument("--image-size", type=int, nargs=2, metavar=("H", "W"),
                        help="onnx, litert: for images of this one size (default: any size with onnx; with litert 4:3 "
                        "at the size that the detector works at)")
    return parser


def main(args) -> int:
    """Loads, writes, compares."""
    check_flags(args)
    start_tensorflow()
    from frcnn_keras.data.image_files import read_file
    from frcnn_keras.runs.detector import load, pixels

    images = [read_file(path) for path in args.check_image]
    for path in args.check_image:
        pixels(path)  # where it cannot be decoded, an error that names the file
    detector = load(args.run, score_threshold=args.score_threshold, nms=args.nms, limit=args.max_detections,
                    precision=args.precision)
    found = WRITERS[args.format](args, detector, images)
    say(f"export: as predict: {found.agreement}")
    if not found.agreement.detections:
        say("export: nothing was found in the images compared; give --check-image with objects in it")
    print(found.path)
    return 0


def write_savedmodel(args, detector, images):
    """The folder OUT/VERSION."""
    from frcnn_keras.serving.saved_model import export_saved_model

    return export_saved_model(detector, args.out, check_images=images, version=args.version, overwrite=args.overwrite)


def write_onnx(args, detector, images):
    """The file OUT."""
    from frcnn_keras.serving.onnx import export_onnx

    return export_onnx(detector, args.out, check_images=images, overwrite=args.overwrite, image_size=args.image_size)


def write_litert(args, detector, images):
    """The same."""
    from frcnn_keras.serving.litert import export_litert

    return export_litert(detector, args.out, check_images=images, overwrite=args.overwrite, image_size=args.image_size)


WRITERS = {"savedmodel": write_savedmodel, "onnx": write_onnx, "litert": write_litert}


def check_flags(args) -> None:
    """InputError for flags that belong to another format."""
    if args.version is not None and args.format != "savedmodel":
        raise InputError(f"--version belongs to --format savedmodel; {args.format} is written to the file --out")
    if args.precision == "bfloat16" and args.format != "savedmodel":
        raise InputError("--precision belongs to --format savedmodel")
    if args.image_size and (args.format == "savedmodel" or min(args.image_size) < 1):
        raise InputError("--image-size belongs to --format onnx and litert, and takes two whole numbers of pixels")


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
