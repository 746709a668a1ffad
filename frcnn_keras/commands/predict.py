"""Detects objects in images, draws them, and writes detections.json."""

from pathlib import Path

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands.class_letters import say_undrawable
from frcnn_keras.commands.evaluate import add_detecting_arguments, say_thresholds
from frcnn_keras.commands.flag_types import within
from frcnn_keras.commands.images_in_turn import images_in_turn
from frcnn_keras.data.image_paths import valid
from frcnn_keras.files.folders import require_place, settled
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.files.locks import alone
from frcnn_keras.runtime import start_tensorflow
from frcnn_keras.settings.ranges import SIDE

EXAMPLES = """example:
  {frcnn} predict --run work/run --images photo.jpg folder/ 'more/*.png' --out work/drawn

writes OUT: every image with its detections drawn, and detections.json (COCO results form: image_id, category_id,
bbox [x, y, width, height], score; here with the file and the class's name as well)."""

RESULTS = "detections.json"


def build_parser():
    """Flags of this command."""
    parser = cli.parser("predict", __doc__, EXAMPLES)
    add_detecting_arguments(parser)
    parser.set_defaults(score_threshold=0.5)
    parser.add_argument("--images", required=True, nargs="+", metavar="PATH", help="files, folders or glob patterns")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the drawn images and detections.json")
    parser.add_argument("--line-width", type=within(int, least=1, most=SIDE), metavar="PIXELS",
                        help="of the boxes that are drawn (default: what suits the image's size)")
    parser.add_argument("--text-height", type=within(int, least=1, most=SIDE), metavar="PIXELS",
                        help="of a capital letter of the labels (default: what suits the image's size)")
    parser.add_argument("--no-draw", action="store_true", help="write detections.json alone")
    parser.add_argument("--json", action="store_true", help="print what detections.json holds")
    parser.add_argument("--skip-bad", action="store_true", help="go on past images that cannot be read, listing them")
    return parser


def output_names(paths: list[Path]) -> list[str]:
    """A drawn file's name for every image: its own, numbered where folders hold the same name twice."""
    taken, names = set(), []
    for path in paths:
        name = f"{path.stem}{path.suffix if path.suffix.lower() in ('.jpg', '.jpeg', '.png') else '.png'}"
        number = 2
        while name.lower() in taken:
            name = f"{path.stem}-{number}{Path(name).suffix}"
            number += 1
        taken.add(name.lower())
        names.append(name)
    return names


def records_of(path: Path, number: int, found, category_ids) -> list[dict]:
    """COCO results of one image, with its file and the classes' names."""
    return [{"image_id": number, "file": valid(str(path)), "category_id": int(category_ids[label - 1]), "name": name,
             "score": float(score),
             "bbox": [float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])]}
            for box, score, label, name in zip(found.boxes, found.scores, found.labels, found.names, strict=True)]


def main(args) -> int:
    """Checks where it writes, predicts, draws, writes."""
    from frcnn_keras.data.image_files import list_images

    paths = [path for pattern in args.images for path in list_images(pattern)]
    names, out = output_names(paths), settled(args.out)
    require_place(out, "--out")
    ledger = Ledger(out)
    ledger.require_free([RESULTS, *(() if args.no_draw else names)], "--out", reads=paths)
    start_tensorflow(args.device)
    from frcnn_keras.files import to_json
    from frcnn_keras.runs.detector import load

    detector = load(args.run, score_threshold=args.score_threshold, nms=args.nms, limit=args.max_detections,
                    precision=args.precision)
    say_thresholds(detector)
    if not args.no_draw:
        say_undrawable(detector.class_names)
    with alone(out):
        ledger.tidy()
        results = predict(detector, list(zip(paths, names, strict=True)), None if args.no_draw else ledger,
                          args.skip_bad, args.line_width, args.text_height)
        ledger.write(RESULTS, (to_json(results) + "\n").encode())
    if args.json:
        print(to_json(results))
    else:
        print(f"{len(results)} detections in {len(paths)} images: {out}")
    return 0


def predict(detector, images: list[tuple[Path, str]], drawn: Ledger | None, skip_bad: bool,
            line_width: int | None = None, text_height: int | None = None) -> list[dict]:
    """COCO results of all images (path, name of the drawn file); `drawn`: where those are written; line_width,
    text_height: see pictures.drawing.draw_detections."""
    import numpy as np

    from frcnn_keras.pictures.drawing import draw_detections, encoded_image

    results = []
    for number, path, name, image in images_in_turn("predict", images, skip_bad):
        detections = detector.predict(image)[0]
        results += records_of(path, number, detections, detector.category_ids)
        if drawn:
            # in place of the tensor, and of it without a copy: a photograph of 12 megapixels has 36 MB
            image = draw_detections(np.asarray(memoryview(image)), detections.boxes, detections.labels,
                                    detections.scores, detector.class_names, line_width, text_height)
            drawn.write(name, encoded_image(name, image, spend=True))
    return results


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
