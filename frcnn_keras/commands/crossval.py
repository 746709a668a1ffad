"""How good it really is: trains the RPN and the head once for every fold of the images, on cached features."""

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands.flag_types import within
from frcnn_keras.commands.trainer_flags import add_trainer_arguments, combinations, parse_setting, trainer_config

EXAMPLES = """examples:
  {frcnn} crossval --data work/prep/all --run work/cv
  {frcnn} crossval --data work/prep/all --run work/grid --grid head-width=256,1024 learning-rate=5e-4,1e-3

Every image is found by the detector that never saw it, nor its near-duplicates; near-duplicates are told from the
cached features. No epoch is chosen by the images that are held out. A setting of both trainers is set for both; in a
grid train-rcnn.learning-rate is that of one. Tables [train-rpn] and [train-rcnn] of --config are taken too.
reads: a prep folder.   writes RUN: folds/1, folds/2, ... (run folders), evaluation/ (all images, as evaluate does),
folds.json and cv.json; a grid: grid/SETTINGS, each such a folder, and grid.json. Stopped, the same command goes on."""


def build_parser():
    """Flags of this command."""
    parser = cli.parser("crossval", __doc__, EXAMPLES)
    parser.add_argument("--data", required=True, metavar="DIR", help="prep folder of all images")
    parser.add_argument("--run", required=True, metavar="DIR", help="folder to make")
    parser.add_argument("--folds", type=within(int, least=2, most=1000), default=5, metavar="K",
                        help="parts of the images, each held out once (default 5)")
    parser.add_argument("--group", metavar="FILE", help="lines image id,group: images that must not part (of one "
                        "patient, scene, video)")
    parser.add_argument("--grid", nargs="+", metavar="NAME=A,B", help="cross-validate every combination of these "
                        "settings")
    parser.add_argument("--workers", type=within(int, least=0, most=1024), default=0, metavar="N",
                        help="folds that train beside each other, each in a process (default 0: what cores and memory "
                        "allow; 1 with --strategy and on a GPU)")
    parser.add_argument("--fresh", action="store_true", help="start over")
    parser.add_argument("--json", action="store_true", help="print what cv.json, or grid.json, holds")
    cli.add_strategy_argument(parser)
    add_trainer_arguments(parser)
    return parser


def main(args) -> int:
    """Splits, trains, scores, reports."""
    varied = [parse_setting(build_parser(), text) for text in args.grid or ()]
    trainer_config("train-rpn", args), trainer_config("train-rcnn", args)  # before anything is read
    distribution = cli.start_devices(args)
    from frcnn_keras.crossval.beside import fitting_workers
    from frcnn_keras.crossval.cross_validation import cross_validate, split
    from frcnn_keras.crossval.grid import cross_validate_grid, format_grid
    from frcnn_keras.crossval.results import format_results
    from frcnn_keras.files import to_json
    from frcnn_keras.pipeline.train import TrainConfig
    from frcnn_keras.progress import say

    def stages(settings=()):
        (rpn, rpn_epochs), (rcnn, rcnn_epochs) = (trainer_config(name, args, settings)
                                                  for name in ("train-rpn", "train-rcnn"))
        return TrainConfig(rpn=rpn, rcnn=rcnn, rpn_epochs=rpn_epochs, rcnn_epochs=rcnn_epochs).stages(images.learning)

    images = split(args.data, args.folds, args.group)
    how = {"fresh": args.fresh, "distribution": distribution,
           "workers": args.workers or (1 if args.strategy != "none" else fitting_workers(args.folds))}
    if varied:
        cells = {label: stages(settings)[:2] for label, settings in combinations(varied).items()}
        results = cross_validate_grid(images, args.run, cells, **how)
    else:
        rpn, rcnn, lengths = stages()
        for name, length in lengths.items():
            say(f"{name}: {length.reason}")
        results = cross_validate(images, args.run, rpn, rcnn, **how)
    say(f"crossval: {args.run} is finished")
    report = _report(results["cells"][results["best"]]["run"] if varied else args.run)
    if args.json:
        print(to_json(results))
    else:
        print(format_grid(results) if varied else format_results(results))
        if report:
            print(f"\nreport     {report}")
    return 0


def _report(run):
    """The page about it, of a grid about the best settings; None, and why, where it cannot be written: the numbers are
    there all the same."""
    from frcnn_keras.errors import InputError
    from frcnn_keras.progress import say
    from frcnn_keras.reporting.report import write_report

    try:
        return write_report(run)
    except (InputError, OSError) as error:
        say(f"note: no report ({error})")
        return None


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
