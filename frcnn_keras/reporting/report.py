"""The report of a run, or of a cross-validation: read, computed, written."""

import os
from pathlib import Path

from frcnn_keras.data.example import Dataset
from frcnn_keras.errors import InputError, in_words
from frcnn_keras.files.folders import settled
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.files.locks import alone
from frcnn_keras.progress import say
from frcnn_keras.reporting.analysis import analyse
from frcnn_keras.reporting.doubts import read_doubts, show_doubts
from frcnn_keras.reporting.facts import read_facts
from frcnn_keras.reporting.gallery import findings, show
from frcnn_keras.reporting.originals import decoder, of_dataset, of_folder, of_nothing
from frcnn_keras.reporting.page import Pictures, render
from frcnn_keras.reporting.reach import reach, read_anchors
from frcnn_keras.runs.evaluated import read_evaluated
from frcnn_keras.settings.arguments import in_arguments

NAME = "report.html"


def write_report(run: str | os.PathLike, out: str | os.PathLike | None = None,
                 images: str | os.PathLike | Dataset | None = None, audit: str | os.PathLike | None = None) -> Path:
    """Writes one HTML file that says what a run or a cross-validation has come to, and what it gets wrong.

    run: with evaluation/ in it. out: RUN/report.html by default. images: the folder that the scored images lie in, or
    their data set, for the pictures of errors; without, boxes are drawn on an empty ground. audit: the folder that
    `audit` wrote, for its findings.

    Returns:
        The file's path.

    Raises:
        InputError: the run was not evaluated, or `out` is somebody's own.
    """
    place = settled(run)
    path = place / NAME if out is None else Path(out)
    if path.is_dir():
        raise InputError(f"--out {path}: is a folder; give a file's name, such as {path / NAME}")
    source = (of_nothing if images is None else of_dataset(images) if isinstance(images, Dataset) else
              of_folder(Path(images)))
    ledger = Ledger(settled(path.parent))
    ledger.require_free([path.name], "--out")
    found, facts = read_evaluated(place), read_facts(place)
    doubts = read_doubts(Path(audit)) if audit is not None else ()
    analysis = analyse(found, facts.metrics.get("interval"))
    thresholds = [0.0 if curve.best is None else curve.threshold for curve in analysis.curves]
    chosen, decoded = findings(found, analysis.matched, analysis.sorted, thresholds), decoder(source)
    pictures: Pictures = {kind: [show(one, found.class_names, decoded) for one in some]
                          for kind, some in chosen.items()}
    doubted = show_doubts(doubts, found.images, decoded)
    shown = [*doubted, *(one for some in pictures.values() for one in some)]
    without = [one.why for one in shown if one.why]
    if without:
        say(f"note: {len(without)} of {len(shown)} pictures are not in the report: {without[0]}")
    anchors = read_anchors(place)
    page = render(found, facts, analysis, pictures, reach(found, anchors) if anchors else None, doubts, doubted)
    with alone(ledger.folder):
        ledger.tidy()
        ledger.write(path.name, page.encode())
    return path


report = in_words(in_arguments)(write_report)
