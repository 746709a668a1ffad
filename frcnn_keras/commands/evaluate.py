"""Scores a run's detector on a data set: COCO and VOC average precision, per class."""

from pathlib import Path

from frcnn_keras import files
from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands.class_letters import say_undrawable
from frcnn_keras.commands.data_flags import add_source_arguments, read_source
from frcnn_keras.commands.flag_types import like
from frcnn_keras.files.folders import require_place, settled
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.files.locks import alone
from frcnn_keras.runtime import start_tensorflow
from frcnn_keras.settings.detector import DetectionConfig

EXAMPLES = """example:
  {frcnn} evaluate --run work/run --voc DIR --split test

writes OUT (RUN/evaluation by default): metrics.json, precision_recall.png, detections.json (COCO results form) and
ground_truth.json (COCO instances form, of the same image ids: pycocotools and FiftyOne load both).
VOC's metrics use --iou 0.5 whatever --nms is; compare with published VOC07 figures at --nms 0.3, with COCO's at 0.5."""

RESULTS = ("metrics.json", "ground_truth.json", "detections.json", "precision_recall.png")

IOU = 0.5  # at which the curves are drawn: VOC's


def add_detecting_arguments(parser) -> None:
    """Flags that override how a run's detector decides."""
    parser.add_argument("--run", required=True, metavar="DIR", help="run folder with detector.keras")
    parser.add_argument("--score-threshold", type=like(DetectionConfig, "score_threshold"), metavar="S",
                        help="detections must score more than this")
    parser.add_argument("--nms", type=like(DetectionConfig, "nms"), metavar="IOU",
                        help="detections that overlap a better one of their class by more than this go (0.3 as VOC "
                        "papers, 0.5 as COCO; default: the run's, 0.5)")
    parser.add_argument("--max-detections", type=like(DetectionConfig, "limit"), metavar="N",
                        help="detections an image at most")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), help="of the products; bfloat16 is quicker "
                        "for VGG16 and ResNets where the processor has its instructions, not for MobileNetV2 and "
                        "EfficientNet (default: the run's)")


def build_parser():
    """Flags of this command."""
    parser = cli.parser("evaluate", __doc__, EXAMPLES)
    add_detecting_arguments(parser)
    add_source_arguments(parser)
    parser.add_argument("--out", metavar="DIR", help="folder for the results (default RUN/evaluation)")
    parser.add_argument("--json", action="store_true", help="print the metrics as one JSON object")
    return parser


def main(args) -> int:
    """Predicts, scores, writes, prints."""
    out = settled(args.out if args.out else Path(args.run) / "evaluation")
    require_place(out, "--out")
    ledger = Ledger(out)
    ledger.require_free(RESULTS, "--out")
    start_tensorflow()
    from frcnn_keras.evaluation import coco, metrics, voc
    from frcnn_keras.readers.validation import settle
    from frcnn_keras.runs.detector import load
    from frcnn_keras.runs.scoring import score

    detector = load(args.run, score_threshold=args.score_threshold, nms=args.nms, limit=args.max_detections,
                    precision=args.precision)
    dataset = settle(read_source(args, detector.class_names), args.skip_bad)
    ledger.require_free(RESULTS, "--out", reads=(example.path for example in dataset.examples if example.path))
    scores = score(detector, dataset)
    examples, detections = dataset.examples, scores.detections
    truth = coco.coco_ground_truth(examples, dataset.name, dataset.class_names, dataset.category_ids)
    results = coco.coco_results(examples, detections, dataset.category_ids)
    say_undrawable(detector.class_names)
    with alone(out):
        ledger.tidy()
        for name, value in zip(RESULTS, (scores.metrics, truth, results), strict=False):
            ledger.write(name, (files.to_json(value) + "\n").encode())
        with ledger.file("precision_recall.png") as path:
            plot(path, voc, examples, detections, detector.class_names)
    print(files.to_json(scores.metrics) if args.json else metrics.format_table(scores.metrics))
    return 0


def plot(path: Path, voc, examples, detections, class_names) -> None:
    """Precision-recall curves of every class."""
    from frcnn_keras.pictures.fonts import drawable
    from frcnn_keras.pictures.plots import plot_precision_recall

    curves = voc.precision_recall(examples, detections, len(class_names), IOU)
    plot_precision_recall(path, {
        drawable(name, label): (curve.precision, curve.recall, voc.average_precision_area(curve))
        for label, (name, curve) in enumerate(zip(class_names, curves, strict=True), 1)}, IOU)


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
