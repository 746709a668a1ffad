"""The whole audit: from labels and out-of-fold detections to findings, best first."""

import dataclasses

from frcnn_keras.audit.duplicate import duplicate
from frcnn_keras.audit.findings import Audited, Finding, best_first
from frcnn_keras.audit.folds import Fold, fold_of
from frcnn_keras.audit.matching import match
from frcnn_keras.audit.missing import missing
from frcnn_keras.audit.shifted import shifted
from frcnn_keras.audit.spurious import spurious
from frcnn_keras.audit.wrong_class import wrong_class

LEAST = 0.05  # score of a finding that is told


@dataclasses.dataclass(frozen=True)
class Audit:
    """What was found, and by what it was judged."""

    audited: Audited
    findings: tuple[Finding, ...]  # best first
    folds: dict[int, Fold]


def find(audited: Audited, least: float = LEAST) -> Audit:
    """Findings of a data set that score `least` or more. They do not depend on the order of its images."""
    names, count = audited.class_names, len(audited.class_names)
    images = sorted(audited.images, key=lambda image: (image.file, image.number))
    matched = [match(image, count) for image in images]
    folds = {number: fold_of([one for one in matched if one.image.fold == number], count)
             for number in sorted({image.fold for image in images})}
    found: list[Finding] = []
    for one in matched:
        fold = folds[one.image.fold]
        found += [*missing(one, fold, names), *wrong_class(one, fold, names), *shifted(one, fold, names),
                  *duplicate(one, names)]
    found += spurious(matched, names)
    return Audit(audited, best_first([one for one in found if one.score >= least]), folds)
