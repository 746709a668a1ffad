"""Proposes regions in images with a run's RPN alone, draws the best, and writes proposals.json."""

from pathlib import Path

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands.flag_types import like, within
from frcnn_keras.commands.images_in_turn import images_in_turn
from frcnn_keras.data.image_paths import valid
from frcnn_keras.files.folders import require_place, settled
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.files.locks import alone
from frcnn_keras.runtime import start_tensorflow
from frcnn_keras.settings.detector import DetectionConfig, ProposalConfig

EXAMPLES = """example:
  {frcnn} propose --run work/run --images photo.jpg folder/ 'more/*.png' --out work/proposed

reads RUN: what train-rpn left there, with a head or without, and without its prep folder; or a detector.
writes OUT: every image with its best proposals drawn, and proposals.json: for each image its file, height, width, boxes
[x1, y1, x2, y2] in its own pixels, and scores, best first."""

RESULTS = "proposals.json"


def build_parser():
    """Flags of this command."""
    parser = cli.parser("propose", __doc__, EXAMPLES)
    parser.add_argument("--run", required=True, metavar="DIR", help="run folder with a trained RPN")
    parser.add_argument("--images", required=True, nargs="+", metavar="PATH", help="files, folders or glob patterns")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the drawn images and proposals.json")
    parser.add_argument("--max-proposals", type=like(ProposalConfig, "after"), metavar="N",
                        help="proposals an image at most (default: the run's --post-nms, 300)")
    parser.add_argument("--nms", type=like(ProposalConfig, "nms"), metavar="IOU",
                        help="proposals that overlap a better one by more than this go (default: the run's, 0.7)")
    parser.add_argument("--score-threshold", type=like(DetectionConfig, "score_threshold"), metavar="S",
                        help="proposals that score less than this go (default: the run's, 0)")
    parser.add_argument("--min-size", type=like(ProposalConfig, "min_size"), metavar="PIXELS",
                        help="proposals narrower or lower than this in the resized image go (default: the run's)")
    parser.add_argument("--draw", type=within(int, least=0, most=10**5), default=20, metavar="N",
                        help="how many of an image's best are drawn; 0: write proposals.json alone (default 20)")
    parser.add_argument("--json", action="store_true", help="print what proposals.json holds")
    parser.add_argument("--skip-bad", action="store_true", help="go on past images that cannot be read, listing them")
    return parser


def record_of(path: Path, number: int, image, found) -> dict:
    """The proposals of one image, as proposals.json has them."""
    return {"image_id": number, "file": valid(str(path)), "height": int(image.shape[0]), "width": int(image.shape[1]),
            "boxes": [[float(edge) for edge in box] for box in found.boxes],
            "scores": [float(score) for score in found.scores]}


def main(args) -> int:
    """Checks where it writes, proposes, draws, writes."""
    from frcnn_keras.data.image_files import list_images
    from frcnn_keras.runs.sources import output_names

    paths = [path for pattern in args.images for path in list_images(pattern)]
    names, out = output_names(paths), settled(args.out)
    require_place(out, "--out")
    ledger = Ledger(out)
    ledger.require_free([RESULTS, *(names if args.draw else ())], "--out", reads=paths)
    start_tensorflow(args.device)
    from frcnn_keras.files import to_json
    from frcnn_keras.runs.proposer import open_proposer

    proposer = open_proposer(args.run, score_threshold=args.score_threshold, nms=args.nms, limit=args.max_proposals,
                             min_size=args.min_size)
    with alone(out):
        ledger.tidy()
        results = propose(proposer, list(zip(paths, names, strict=True)), ledger, args.draw, args.skip_bad)
        ledger.write(RESULTS, (to_json(results) + "\n").encode())
    if args.json:
        print(to_json(results))
    else:
        print(f"{sum(len(result['scores']) for result in results)} proposals in {len(results)} images: {out}")
    return 0


def propose(proposer, images: list[tuple[Path, str]], ledger: Ledger, drawn: int, skip_bad: bool) -> list[dict]:
    """The records of all images (path, name of the drawn file); the best `drawn` proposals of each are drawn."""
    import numpy as np

    from frcnn_keras.pictures.drawing import draw_detections, encoded_image

    results = []
    for number, path, name, image in images_in_turn("propose", images, skip_bad):
        found = proposer.propose(image)[0]
        results.append(record_of(path, number, image, found))
        if drawn:
            boxes, scores = found.boxes[:drawn], found.scores[:drawn]
            image = draw_detections(np.asarray(memoryview(image)), boxes, np.ones(len(boxes), np.int32), scores,
                                    ("proposal",))
            ledger.write(name, encoded_image(name, image, spend=True))
    return results


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
