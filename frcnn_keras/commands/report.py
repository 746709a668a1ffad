"""One HTML file about a run: scores with intervals, what it gets wrong, with pictures; no network, no server."""

from pathlib import Path

from frcnn_keras.commands import command_line as cli

EXAMPLES = """examples:
  {frcnn} report --run work/run
  {frcnn} report --run work/cv --out cv.html --images DIR --audit work/audit
  {frcnn} report --run work/run --evaluation work/on-test --out test.html

reads: RUN/evaluation, which evaluate, train and crossval write, and what RUN says of its making.
writes: one file, RUN/report.html by default. It holds its pictures: it can be sent as it is.
Pictures come from --images, else from the data set that train read, or from the files that the prep folder of crossval
was made of, where they still are."""


def build_parser():
    """Flags of this command."""
    parser = cli.parser("report", __doc__, EXAMPLES)
    parser.add_argument("--run", required=True, metavar="DIR", help="folder of a run or of a cross-validation")
    parser.add_argument("--out", metavar="FILE", help="the file to write (default RUN/report.html)")
    parser.add_argument("--images", metavar="DIR", help="folder that the scored images lie in")
    parser.add_argument("--evaluation", metavar="DIR", help="where evaluate --out DIR wrote, in place of "
                        "RUN/evaluation")
    parser.add_argument("--audit", metavar="DIR", help="what audit wrote: its findings, with pictures")
    return parser


def main(args) -> int:
    """Reads, computes, writes."""
    cli.start_tensorflow(args.device)
    from frcnn_keras.reporting.report import write_report

    images = args.images or (None if args.evaluation else _own_images(Path(args.run)))
    print(write_report(args.run, args.out, images, args.audit, args.evaluation))
    return 0


def _own_images(run: Path):
    """The data set that `train` scored on; None where it is not known, or not there any more."""
    from frcnn_keras.commands.data_flags import add_source_arguments, read_source
    from frcnn_keras.errors import InputError
    from frcnn_keras.progress import say
    from frcnn_keras.reporting.facts import scored_flags

    flags = scored_flags(run)
    if not flags:
        return None
    parser = cli.parser("report", __doc__)
    add_source_arguments(parser)
    try:
        return read_source(parser.parse_args(list(flags)))
    except InputError as error:
        say(f"note: the images are not at hand ({error}); give --images DIR")
        return None


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
