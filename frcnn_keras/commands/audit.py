"""Ranks what is probably wrong in a data set's labels, by detections of images that no detector trained on."""

from collections.abc import Container, Iterable
from pathlib import Path

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands.class_letters import say_undrawable
from frcnn_keras.commands.flag_types import within
from frcnn_keras.commands.help_text import seldom
from frcnn_keras.data.wording import counted
from frcnn_keras.errors import InputError
from frcnn_keras.files import to_json
from frcnn_keras.files.folders import require_place, settled
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.files.locks import alone
from frcnn_keras.progress import say

EXAMPLES = """examples:
  {frcnn} audit --run work/cv --images DIR/JPEGImages --out work/audit
  {frcnn} audit --run work/cv --out work/audit --write voc --min-score 0.9
  {frcnn} audit --run work/cv --out work/audit --write labelstudio --accept yes.txt

reads RUN/evaluation (ground_truth.json and detections.json) and RUN/folds.json, as crossval leaves them; or RUN of an
evaluated detector, for the images that it was scored on.
writes OUT: audit.json (best first: kind, image, file, box, label, suggested, score), audit.csv, findings-1.jpg and so
on (crops of the first ones: orange is labelled, blue was found), and with --write a folder of corrected labels. Your
own files are not touched."""

LISTS = ("audit.json", "audit.csv")
STUDIO = "labelstudio"


def build_parser():
    """Flags of this command."""
    parser = cli.parser("audit", __doc__, EXAMPLES)
    parser.add_argument("--run", required=True, metavar="DIR", help="crossval's folder, or an evaluated run's")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the findings")
    parser.add_argument("--images", metavar="DIR", help="the data set's folder of pictures, for the crops")
    parser.add_argument("--write", choices=("coco", "voc", "yolo", STUDIO), help="labels with the accepted findings "
                        "put right, in OUT/FORM; labelstudio: pre-annotations to decide on")
    parser.add_argument("--accept", metavar="FILE", help="what --write accepts: findings' ids or numbers, a line each, "
                        "or audit.json or audit.csv without the others")
    parser.add_argument("--min-score", type=within(float, least=0, most=1), metavar="S", help="--write accepts "
                        "findings that score this or more")
    parser.add_argument("--show", type=within(int, least=0, most=10**6), default=20, metavar="N",
                        help="findings printed (default 20)")
    seldom(parser.add_argument("--crops", type=within(int, least=0, most=2400), default=48, metavar="N",
                               help="findings drawn (default 48; 0: none)"))
    parser.add_argument("--json", action="store_true", help="print what audit.json holds")
    return parser


def main(args) -> int:
    """Reads, finds, writes, prints."""
    from frcnn_keras.auditing.accepting import accepted
    from frcnn_keras.auditing.find import find
    from frcnn_keras.auditing.listing import records, report, table
    from frcnn_keras.auditing.picture_files import Pictures
    from frcnn_keras.runs.evaluated import read_evaluated

    _check(args)
    out = settled(args.out)
    require_place(out, "--out")
    pictures, audit = Pictures(args.images), find(read_evaluated(args.run))
    files = corrected_files(audit, accepted(audit.findings, args.accept, args.min_score), args.write)
    drawn = sheets(audit, pictures, args.crops, args.device)
    with alone(out):
        ledger, listed = Ledger(out), records(audit.findings)
        contents = {LISTS[0]: (to_json(listed) + "\n").encode(), LISTS[1]: table(audit.findings).encode(), **drawn}
        ledger.require_free(contents, "--out", reads=[args.accept] if args.accept else [])
        if args.write:
            write_copy(out / args.write, files, args.accept)
        ledger.tidy()
        remove_older(ledger, out.glob("findings-*.jpg") if drawn else (), contents)
        for name, data in contents.items():
            ledger.write(name, data)
    print(to_json(listed) if args.json else report(audit, args.show))
    say(f"audit: {out / LISTS[1]} has them all")
    if listed and not args.write:
        cli.say_next(["audit", "--run", args.run, "--out", args.out, "--write", "voc", "--accept", "FILE"])
    return 0


def _check(args) -> None:
    if args.write and args.accept is None and args.min_score is None:
        raise InputError("--write needs what is accepted: --accept FILE, or --min-score 0.9")
    if not args.write and (args.accept is not None or args.min_score is not None):
        raise InputError("--accept and --min-score say what --write accepts; give --write coco, voc, yolo or "
                         "labelstudio too")


def corrected_files(audit, chosen, form: str | None) -> dict[str, bytes]:
    """The files of --write, by their paths in its folder."""
    from frcnn_keras.auditing import label_studio
    from frcnn_keras.auditing.annotation_forms import written
    from frcnn_keras.auditing.corrections import correct

    if form is None:
        return {}
    new = correct(audit.audited, chosen)
    left = f"; {len(new.left)} left out, of labels that a better one changed" if new.left else ""
    say(f"{form}: {counted(len(new.taken), 'finding')} accepted{left}")
    if form == STUDIO:
        tasks = label_studio.tasks(audit.audited, new.audited, new.taken)
        return {"tasks.json": (to_json(tasks) + "\n").encode(),
                "labelling_config.xml": label_studio.labelling_config(audit.audited).encode()}
    ignored = sum(int(image.ignored.sum()) for image in new.audited.images)
    if form == "yolo" and ignored:
        say(f"yolo: {counted(ignored, 'difficult or crowd object')} left out, for which the form has no word")
    return written(new.audited, form)


def write_copy(folder: Path, files: dict[str, bytes], accept: str | None) -> None:
    """The corrected labels; nothing that is not this package's is written over. Labels that an earlier call wrote, of
    pictures that are no more, go."""
    parents = {(folder / name).parent for name in files}
    for parent in sorted({above for parent in parents for above in (parent, *parent.parents)
                          if above.is_relative_to(folder)}):
        require_place(parent, "--out")
    for parent in parents:
        parent.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(folder)
    ledger.require_free(files, "--out", reads=[accept] if accept else [])
    ledger.tidy()
    remove_older(ledger, folder.rglob("*"), files)
    for name, data in files.items():
        ledger.write(name, data)
    say(f"written: {folder}")


def remove_older(ledger: Ledger, paths: Iterable[Path], kept: Container[str]) -> None:
    """Removes those of some files that the package wrote and that are not to be kept."""
    for path in sorted(paths):
        name = path.relative_to(ledger.folder).as_posix()
        if name not in kept:
            ledger.remove(name)


def sheets(audit, pictures, count: int, device: str | None) -> dict[str, bytes]:
    """The sheets of crops, by name; a line where pictures are not at hand."""
    first = audit.findings[:count]
    absent = [one.file for one in first if pictures.path_of(one.file) is None]
    if absent:
        say(f"{len(absent)} of the first {len(first)} findings are not drawn: {absent[0]} is not at hand; name the "
            "data set's folder of pictures with --images DIR")
    if len(absent) == len(first):
        return {}
    from frcnn_keras.runtime import start_tensorflow

    start_tensorflow(device)
    from frcnn_keras.auditing import pictures as drawing
    from frcnn_keras.pictures.drawing import encoded_image

    say_undrawable(audit.audited.class_names)
    return {f"findings-{number}.jpg": encoded_image("findings.jpg", sheet) for number, sheet in
            enumerate(drawing.sheets(audit.findings, pictures, count), 1)}


def run(argv=None) -> int:
    return cli.run(build_parser(), main, argv)
