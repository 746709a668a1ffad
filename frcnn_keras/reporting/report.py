"""The report of a run, or of a cross-validation: read, computed, written."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from frcnn_keras.auditing.find import find
from frcnn_keras.auditing.reliability import reliabilities
from frcnn_keras.data.example import Dataset
from frcnn_keras.errors import InputError, command, in_words
from frcnn_keras.files.folders import settled
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.files.locks import alone
from frcnn_keras.progress import say
from frcnn_keras.reporting.analysis import analyse
from frcnn_keras.reporting.doubts import read_doubts, show_doubts
from frcnn_keras.reporting.facts import Facts, read_facts
from frcnn_keras.reporting.gallery import Shown, findings, show
from frcnn_keras.reporting.originals import Source, decoder, of_dataset, of_folder, of_nothing, of_prep, recorded_in
from frcnn_keras.reporting.page import Extras, Pictures, render
from frcnn_keras.reporting.reach import reach, read_anchors
from frcnn_keras.runs.evaluated import read_evaluated
from frcnn_keras.runs.thresholds import read_thresholds
from frcnn_keras.settings.arguments import in_arguments

NAME = "report.html"


def write_report(run: str | os.PathLike, out: str | os.PathLike | None = None,
                 images: str | os.PathLike | Dataset | None = None, audit: str | os.PathLike | None = None,
                 evaluation: str | os.PathLike | None = None) -> Path:
    """Writes one HTML file that says what a run or a cross-validation has come to, and what it gets wrong.

    run: with evaluation/ in it. out: RUN/report.html by default. images: the folder that the scored images lie in, or
    their data set, for the pictures of errors; of a cross-validation by default what its prep folder recorded; without,
    boxes are drawn on an empty ground. audit: the folder that `audit` wrote, for its findings. evaluation: another
    folder than RUN/evaluation that the run was evaluated into.

    Returns:
        The file's path.

    Raises:
        InputError: the run was not evaluated, or `out` is somebody's own.
    """
    place, scored = settled(run), None if evaluation is None else Path(evaluation)
    path = place / NAME if out is None else Path(out)
    if path.is_dir():
        raise InputError(f"--out {path}: is a folder; give a file's name, such as {path / NAME}")
    ledger = Ledger(settled(path.parent))
    ledger.require_free([path.name], "--out")
    found, facts = read_evaluated(scored or place), read_facts(place, scored)
    decoded = decoder(_source(images, facts))
    doubts = None if audit is None else read_doubts(Path(audit))
    analysis = analyse(found, facts.metrics.get("interval"))
    thresholds = [0.0 if curve.best is None else curve.threshold for curve in analysis.curves]
    chosen = findings(found, analysis.matched, analysis.sorted, thresholds)
    pictures: Pictures = {kind: [show(one, found.class_names, decoded) for one in some]
                          for kind, some in chosen.items()}
    anchors = read_anchors(place)
    extras = Extras(reach(found, anchors) if anchors else {}, doubts, show_doubts(doubts or (), found.images, decoded),
                    reliabilities(find(found)) if audit is not None else None, read_thresholds(place),
                    _flags(out=out, images=images, audit=audit, evaluation=evaluation))
    _say_absent(place, [*extras.doubted, *(one for some in pictures.values() for one in some)],
                images is not None)
    page = render(found, facts, analysis, pictures, extras)
    with alone(ledger.folder):
        ledger.tidy()
        ledger.write(path.name, page.encode())
    return path


def _flags(**given: str | os.PathLike | Dataset | None) -> list[str]:
    """Those of the command; a data set has none."""
    return [word for name, value in given.items() if isinstance(value, str | os.PathLike)
            for word in (f"--{name}", os.fspath(value))]


def _source(images: str | os.PathLike | Dataset | None, facts: Facts) -> Source:
    """Where the pictures come from."""
    if isinstance(images, Dataset):
        return of_dataset(images)
    recorded = recorded_in(Path(facts.crossval["data"])) if "data" in facts.crossval else ()
    if images is not None:
        return of_folder(Path(images), recorded)
    return of_prep(recorded) if recorded else of_nothing


def _say_absent(run: Path, shown: Sequence[Shown], given: bool) -> None:
    """given: whether a folder of pictures was."""
    without = [one.why for one in shown if one.why]
    if without:
        draws = f"`{command('report')} --run {shlex.quote(str(run))} --images DIR` draws them"
        if given:
            draws = "--images is to be the folder that the scored images lie in"
        say(f"note: {len(without)} of {len(shown)} pictures are not in the report: {without[0]}; {draws}")


report = in_words(in_arguments)(write_report)
