"""Chooses the score that each class's detections must pass, from what a run was evaluated on."""

from pathlib import Path

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands.flag_types import within
from frcnn_keras.errors import InputError
from frcnn_keras.files import to_json

EXAMPLES = """examples:
  {frcnn} thresholds --run work/run
  {frcnn} thresholds --run work/cv --for work/run --precision 0.95
next: {frcnn} predict --run work/run --score-threshold best --images ... --out work/drawn

reads RUN/evaluation, as evaluate, train and crossval leave it; the images should be none that the detector was trained
or chosen on.
writes thresholds.json into RUN, or into the run that --for names: predict, evaluate and export take it with
--score-threshold best."""


def build_parser():
    """Flags of this command."""
    parser = cli.parser("thresholds", __doc__, EXAMPLES)
    parser.add_argument("--run", required=True, metavar="DIR", help="evaluated run, or crossval's folder")
    parser.add_argument("--for", dest="target", metavar="RUN", help="run whose detector shall use them (default: "
                        "--run's)")
    parser.add_argument("--precision", type=within(float, above=0, most=1), metavar="P",
                        help="the lowest score with this precision (default: the score of the best F1)")
    parser.add_argument("--json", action="store_true", help="print what thresholds.json holds")
    return parser


def main(args) -> int:
    """Reads, chooses, stores, prints."""
    import dataclasses

    from frcnn_keras.files.locks import alone
    from frcnn_keras.runs.detector_classes import require_classes
    from frcnn_keras.runs.evaluated import TRUTH, read_evaluated
    from frcnn_keras.runs.thresholds import BEST, NAME, store, table, thresholds_of

    target = Path(args.target or args.run)
    if not target.is_dir():
        raise InputError(f"{'--for' if args.target else '--run'} {target}: there is no such run")
    evaluated = read_evaluated(args.run)
    if not args.target and (target / TRUTH).exists():
        raise InputError(f"--run {target}: is what evaluate wrote, no run; name the run whose detector shall use the "
                         "thresholds by --for")
    require_classes(target, evaluated.class_names)
    chosen = thresholds_of(evaluated, args.precision)
    with alone(target, "--for" if args.target else "--run"):
        store(target, chosen)
    told = f"{table(chosen)}\n\n{target / NAME}\nto be taken with --score-threshold {BEST}"
    print(to_json(dataclasses.asdict(chosen)) if args.json else told)
    return 0


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
