"""python -m benchmarks: one table, every number beside its alternative's from the same run."""

import importlib
import json
import logging
import os
import sys
from pathlib import Path

from benchmarks.inputs import Settings
from benchmarks.timing import Row, header, line
from frcnn_keras.commands import command_line as cli
from frcnn_keras.errors import InputError
from frcnn_keras.runtime import start_tensorflow

TOPICS = {  # name -> module with measure(settings) -> rows; in the order of the table
    "data_prep": "data_prep_rate", "reading": "reading", "rpn_step": "rpn_step", "targets": "targets",
    "proposals": "proposals", "roi": "roi", "predict": "prediction", "serving": "serving", "head_step": "head_step",
    "joint_step": "joint_step", "torchvision": "torchvision_models", "memory": "memory",
    "pictures": "picture_memory", "crossval": "crossval", "audit": "audit_rate", "report": "report_page",
    "results": "predict_results",
}
EXAMPLES = """examples:
  python -m benchmarks
  python -m benchmarks --voc DIR --split trainval --backbone-weights FILE --json bench.json
  python -m benchmarks --quick --only targets --only roi

Without --voc it draws images of 640x480; without --backbone-weights weights are random, which costs the same time.
Repeats take turns with those of the alternative; medians are printed. Close other programs first."""


def build_parser():
    """Flags of the benchmarks."""
    parser = cli.parser("benchmarks", __doc__.split(": ", 1)[1], EXAMPLES, "python -m benchmarks")
    parser.add_argument("--voc", metavar="DIR", help="Pascal VOC folder whose images are used")
    parser.add_argument("--split", metavar="NAME", help="which of --voc's ImageSets/Main/NAME.txt")
    parser.add_argument("--images", type=int, default=Settings.images, metavar="N",
                        help="images that data_prep is measured on (default %(default)s)")
    parser.add_argument("--backbone-weights", metavar="FILE", help="MobileNetV2's, without top (default: random)")
    parser.add_argument("--run", metavar="DIR", help="run whose detector predicts (default: an untrained one)")
    parser.add_argument("--only", action="append", choices=TOPICS, metavar="NAME",
                        help=f"this part, may be repeated: {', '.join(TOPICS)}")
    parser.add_argument("--json", metavar="FILE", help="also write facts and rows there")
    parser.add_argument("--quick", action="store_true", help="small sizes and few repeats: shows that all of it works")
    return parser


def facts() -> dict[str, str]:
    """Cores, processor and versions: what the numbers depend on."""
    import keras
    import tensorflow as tf

    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    models = [text.split(":", 1)[1].strip() for text in lines if text.startswith("model name")]
    return {"cores": str(os.cpu_count()), "processor": models[0] if models else "unknown",
            "TensorFlow": tf.__version__, "Keras": keras.__version__}


def main(args) -> int:
    """Measures topic by topic, printing rows as they come."""
    if args.images < 1:
        raise InputError(f"--images must be at least 1; received: {args.images}")
    if args.split is not None and args.voc is None:
        raise InputError("--split belongs to --voc")
    if args.backbone_weights and not Path(args.backbone_weights).is_file():
        raise InputError(f"{args.backbone_weights}: no such weights file")
    start_tensorflow()
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of functions alike that are traced one by one
    settings = Settings(args.voc, args.split, args.backbone_weights, args.run, args.images, args.quick)
    found = facts()
    print("  ".join(f"{name}: {value}" for name, value in found.items()))
    print(f"ratio: left / right{'; --quick: small sizes' if args.quick else ''}\n\n{header()}", flush=True)
    rows: list[Row] = []
    for topic, module in TOPICS.items():
        if args.only and topic not in args.only:
            continue
        for row in importlib.import_module(f"benchmarks.{module}").measure(settings):
            print(line(row.cells()), flush=True)
            rows.append(row)
    if args.json:
        Path(args.json).write_text(json.dumps({"machine": found, "rows": [row.as_dict() for row in rows]}, indent=1)
                                   + "\n", encoding="utf-8")
    return 0


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)


if __name__ == "__main__":
    sys.exit(run())
