"""What out-of-fold detections, or those of unseen images, tell from Python: wrong labels, and each class's threshold.

    audit = frcnn_keras.audit("work/cv")
    better = audit.corrected(dataset, audit.above(0.9))
    frcnn_keras.thresholds("work/cv", precision=0.95, target="work/run")
    detector = frcnn_keras.load("work/run", score_threshold="best")
"""

from pathlib import Path

from frcnn_keras.auditing.find import Audit
from frcnn_keras.auditing.find import find as _find
from frcnn_keras.errors import InputError, in_words
from frcnn_keras.files.locks import alone
from frcnn_keras.runs.detector_classes import require_classes
from frcnn_keras.runs.evaluated import TRUTH
from frcnn_keras.runs.evaluated import read_evaluated as _read_evaluated
from frcnn_keras.runs.thresholds import Thresholds, store, thresholds_of
from frcnn_keras.settings.arguments import in_arguments
from frcnn_keras.settings.ranges import require

FilePath = str | Path


@in_words(in_arguments)
def audit(run: FilePath) -> Audit:
    """What is probably wrong in a data set's labels, best first, by detections of images that no detector trained on.

    run: what crossval made, or an evaluated run, whose test images are audited then. Each Finding has kind (`missing`,
    `wrong_class`, `shifted`, `spurious`, `duplicate`), image, file, box, label, suggested and a score within 0..1;
    `.corrected(dataset, findings)` is the data set with some put right.

    Raises:
        InputError: the folder has no evaluation, or a file of it is damaged.
    """
    return _find(_read_evaluated(run))


@in_words(in_arguments)
def thresholds(run: FilePath, precision: float | None = None, target: FilePath | None = None) -> Thresholds:
    """The score that each class's detections should pass, from what a run was evaluated on; written into the run, where
    `load(run, score_threshold="best")` finds it.

    run: evaluated, or what crossval made. precision: the lowest score with this precision; None: that of the best F1.
    target: the run whose detector shall use them, where it is another of the same classes (the command's `--for`).
    `.classes` has each class's threshold, with its interval, precision, recall and F1, `.scores` the scores alone, and
    `.small` that of boxes of less than 32 x 32 pixels, whatever their class.

    Raises:
        InputError: the folder has no evaluation, or a file of it is damaged; the target is of other classes.
    """
    require("precision", 1.0 if precision is None else precision, float, above=0, most=1)
    evaluated, place = _read_evaluated(run), Path(run if target is None else target)
    if not place.is_dir():
        raise InputError(f"target {place}: there is no such run")
    if target is None and (place / TRUTH).exists():
        raise InputError(f"run {place}: is what evaluate wrote, no run; name the run whose detector shall use the "
                         "thresholds as target")
    require_classes(place, evaluated.class_names)
    chosen = thresholds_of(evaluated, precision)
    with alone(place):
        store(place, chosen)
    return chosen
