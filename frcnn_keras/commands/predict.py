"""Detects objects in images and videos, draws them, and writes what it found."""

import sys
from pathlib import Path

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands.class_letters import say_undrawable
from frcnn_keras.commands.ended_by_signal import ended_by_signal
from frcnn_keras.commands.evaluate import add_detecting_arguments, say_thresholds
from frcnn_keras.commands.flag_types import within
from frcnn_keras.commands.help_text import seldom
from frcnn_keras.errors import InputError
from frcnn_keras.files.folders import require_place, settled
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.files.locks import alone
from frcnn_keras.progress import say
from frcnn_keras.runs.prelabels import FORMS
from frcnn_keras.runtime import start_tensorflow
from frcnn_keras.settings.ranges import SIDE

EXAMPLES = """examples:
  {frcnn} predict --run work/run --images photo.jpg folder/ 'more/*.png' --out work/drawn
  {frcnn} predict --run work/run --images clip.mp4 --every 5 --out work/clip

writes OUT: every image with its detections drawn, and detections.json (COCO results form: image_id, category_id,
bbox [x, y, width, height], score, file, name); of videos and --watch detections.jsonl, a line a frame or image as it is
done, and a drawn MP4. docs/predict.md has all of it."""


def build_parser():
    """Flags of this command."""
    parser = cli.parser("predict", __doc__, EXAMPLES)
    add_detecting_arguments(parser)
    parser.set_defaults(score_threshold=0.5)
    parser.add_argument("--images", nargs="+", metavar="PATH", help="files, folders or glob patterns; videos; rtsp://, "
                        "http://; camera:0; - for what is piped in: JPEG or PNG files one after another (as of ffmpeg "
                        "-i CLIP -f mjpeg -), or one video file")
    parser.add_argument("--watch", metavar="DIR", help="in place of --images: images as they come into a folder, each "
                        "when it is whole; goes on where it stopped")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the drawn images and detections.json")
    parser.add_argument("--every", type=within(int, least=1, most=10**6), default=1, metavar="N",
                        help="of videos: every Nth frame (default 1)")
    parser.add_argument("--classes", nargs="+", metavar="NAME,NAME", help="only these")
    parser.add_argument("--save", nargs="+", action="extend", choices=FORMS, metavar="FORM", help="labels to correct, "
                        f"in OUT/FORM: {', '.join(FORMS)}")
    parser.add_argument("--crops", action="store_true", help="a picture of each detection, in OUT/crops/CLASS")
    seldom(parser.add_argument("--line-width", type=within(int, least=1, most=SIDE), metavar="PIXELS",
                               help="of the boxes that are drawn (default: what suits the image's size)"))
    seldom(parser.add_argument("--text-height", type=within(int, least=1, most=SIDE), metavar="PIXELS",
                               help="of a capital letter of the labels (default: what suits the image's size)"))
    parser.add_argument("--no-draw", action="store_true", help="no drawn images and MP4s")
    parser.add_argument("--json", action="store_true", help="print what detections.json(l) holds")
    parser.add_argument("--skip-bad", action="store_true", help="go on past images that cannot be read, listing them")
    seldom(parser.add_argument("--idle", type=within(float, least=1, most=10**7), metavar="SECONDS",
                               help="end --watch when no image has come for so long"))
    return parser


def main(args) -> int:
    """Checks where it writes, then looks at one image after another."""
    if (args.images is None) == (args.watch is None):
        raise InputError("give --images PATH, or --watch DIR" if args.watch is None else
                         "--watch is given in place of --images")
    if args.idle is not None and args.watch is None:
        raise InputError("--idle belongs to --watch")
    out = settled(args.out)
    require_place(out, "--out", reads=[args.watch] if args.watch else [])
    from frcnn_keras.runs.sources import Sources

    sources = None if args.watch else Sources(args.images, args.every)
    start_tensorflow(args.device)
    from frcnn_keras.runs.detector import load
    from frcnn_keras.runs.predicting import Predicting, Request
    from frcnn_keras.runs.results import RESULTS

    ledger = Ledger(out)
    predicting = Predicting(ledger, Request(
        sources, Path(args.watch) if args.watch else None, args.idle, args.classes, args.save or (), args.crops,
        not args.no_draw, args.line_width, args.text_height, args.skip_bad, print_line if args.json else None))
    detector = load(args.run, score_threshold=args.score_threshold, nms=args.nms, limit=args.max_detections,
                    precision=args.precision)
    say_thresholds(detector)
    if not args.no_draw:
        say_undrawable(detector.class_names)
    try:
        with alone(out), ended_by_signal():
            ledger.tidy()
            results = predicting.run(detector)
    except KeyboardInterrupt:
        if args.watch or not predicting.lines:
            raise
        say(f"\npredict: ended; what was found till then is in {out / predicting.lines}")
        return cli.INTERRUPTED
    if args.json and not predicting.lines:
        with open(out / RESULTS, encoding="utf-8") as file:
            sys.stdout.writelines(file)
    elif not args.json:
        what = "frames" if sources and sources.videos else "images"
        print(f"{results.detections} detections in {results.pictures} {what}: {out}")
    return 0


def print_line(text: str) -> None:
    """A line of detections.jsonl, at once."""
    print(text, flush=True)


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
