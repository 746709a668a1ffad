"""What out-of-fold detections, or those of unseen images, tell from Python: wrong labels, and each class's threshold.

    audit = frcnn_keras.audit("work/cv")
    better = audit.corrected(dataset, audit.above(0.9))
    frcnn_keras.thresholds("work/run", precision=0.95)
    detector = frcnn_keras.load("work/run", score_threshold="best")
"""

from pathlib import Path

from frcnn_keras.auditing.find import Audit
from frcnn_keras.auditing.find import find as _find
from frcnn_keras.errors import in_words
from frcnn_keras.files.locks import alone
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
def thresholds(run: FilePath, precision: float | None = None) -> Thresholds:
    """The score that each class's detections should pass, from what a run was evaluated on; written into the run, where
    `load(run, score_threshold="best")` finds it.

    run: evaluated, or what crossval made. precision: the lowest score with this precision; None: that of the best F1.
    `.classes` has each class's threshold, with its interval, precision, recall and F1, `.scores` the scores alone, and
    `.small` that of boxes of less than 32 x 32 pixels, whatever their class.

    Raises:
        InputError: the folder has no evaluation, or a file of it is damaged.
    """
    require("precision", 1.0 if precision is None else precision, float, above=0, most=1)
    chosen = thresholds_of(_read_evaluated(run), precision)
    with alone(Path(run)):
        store(Path(run), chosen)
    return chosen
