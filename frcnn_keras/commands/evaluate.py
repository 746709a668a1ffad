"""Scores a run's detector on a data set: COCO and VOC average precision, per class."""

from pathlib import Path

from frcnn_keras import files
from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands.class_letters import say_undrawable
from frcnn_keras.commands.data_flags import add_source_arguments, read_source
from frcnn_keras.commands.flag_types import NumberOr, like
from frcnn_keras.files.folders import require_place, settled
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.files.locks import alone
from frcnn_keras.progress import say
from frcnn_keras.runtime import start_tensorflow
from frcnn_keras.settings.detector import DetectionConfig

EXAMPLES = """examples:
  {frcnn} evaluate --run work/run --voc DIR --split test --interval
  {frcnn} evaluate --run work/new --voc DIR --split test --compare work/old

writes OUT (RUN/evaluation by default): metrics.json, precision_recall.png, detections.json (COCO results form) and
ground_truth.json (COCO instances form, of the same image ids: pycocotools and FiftyOne load both).
VOC's metrics use --iou 0.5 whatever --nms is; compare with published VOC07 figures at --nms 0.3, with COCO's at 0.5."""

def add_detecting_arguments(parser) -> None:
    """Flags that override how a run's detector decides."""
    parser.add_argument("--run", required=True, metavar="DIR", help="run folder with detector.keras")
    parser.add_argument("--score-threshold", type=NumberOr("best", like(DetectionConfig, "score_threshold")),
                        metavar="S", help="detections must score more than this; best: what the command thresholds "
                        "chose for each class")
    parser.add_argument("--nms", type=like(DetectionConfig, "nms"), metavar="IOU",
                        help="detections that overlap a better one of their class by more than this go (0.3 as VOC "
                        "papers, 0.5 as COCO; default: the run's, 0.5)")
    parser.add_argument("--max-detections", type=like(DetectionConfig, "limit"), metavar="N",
                        help="detections an image at most")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), help="of the products; bfloat16 is quicker "
                        "for VGG16 and ResNets where the processor has its instructions, not for MobileNetV2 and "
                        "EfficientNet (default: the run's)")


def say_thresholds(detector, whose: str = "") -> None:
    """Which score each class's detections must pass, and small ones, where `thresholds` chose them. whose: a run."""
    detecting = detector.model.detecting
    chosen, area = detecting.class_thresholds, detecting.small_area
    if chosen is not None:
        told = ", ".join(f"{name} {score:.3f}" for name, score in zip(detector.class_names[:20], chosen, strict=False))
        small = "" if area is None else f"; boxes of less than {area:g} pixels {detecting.small_threshold:.3f}"
        say(f"score thresholds{whose and f' of {whose}'}: {told}{', ...' if len(chosen) > 20 else ''}{small}")


def build_parser():
    """Flags of this command."""
    parser = cli.parser("evaluate", __doc__, EXAMPLES)
    add_detecting_arguments(parser)
    add_source_arguments(parser)
    parser.add_argument("--out", metavar="DIR", help="folder for the results (default RUN/evaluation)")
    parser.add_argument("--interval", action="store_true", help="the scores' 95%% intervals: 1000 draws of the images")
    parser.add_argument("--compare", metavar="RUN", help="whether --run is better than this one on these images")
    parser.add_argument("--json", action="store_true", help="print the metrics as one JSON object")
    return parser


def main(args) -> int:
    """Predicts, scores, writes, prints."""
    out = settled(args.out if args.out else Path(args.run) / "evaluation")
    require_place(out, "--out")
    ledger = Ledger(out)
    start_tensorflow(args.device)
    from frcnn_keras.evaluation import metrics
    from frcnn_keras.inspection.dataset_check import scorable
    from frcnn_keras.runs.detector import load
    from frcnn_keras.runs.evaluation_files import RESULTS, write_evaluation
    from frcnn_keras.runs.scoring import compared, score, with_intervals

    ledger.require_free(RESULTS, "--out")

    detector = load(args.run, score_threshold=args.score_threshold, nms=args.nms, limit=args.max_detections,
                    precision=args.precision)
    say_thresholds(detector)
    dataset = scorable(read_source(args, detector.class_names), args.skip_bad)
    ledger.require_free(RESULTS, "--out", reads=(example.path for example in dataset.examples if example.path))
    scores = score(detector, dataset)
    if args.interval:
        scores = with_intervals(scores, dataset)
    if args.compare:
        other = load(args.compare, score_threshold=args.score_threshold, nms=args.nms, limit=args.max_detections,
                     precision=args.precision)
        say_thresholds(other, args.compare)
        scores = compared(scores, score(other, dataset), dataset, args.compare)
    say_undrawable(detector.class_names)
    with alone(out):
        ledger.tidy()
        write_evaluation(ledger, dataset, scores)
    print(files.to_json(scores.metrics) if args.json else metrics.format_table(scores.metrics))
    return 0


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
