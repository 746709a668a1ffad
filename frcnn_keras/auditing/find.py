"""The whole audit: from labels and out-of-fold detections to findings, best first."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence

from frcnn_keras.auditing.corrected_dataset import corrected_dataset
from frcnn_keras.auditing.duplicate import duplicate
from frcnn_keras.auditing.findings import KINDS, Finding, best_first
from frcnn_keras.auditing.folds import Fold, fold_of
from frcnn_keras.auditing.missing import missing
from frcnn_keras.auditing.pairing import pair
from frcnn_keras.auditing.shifted import shifted
from frcnn_keras.auditing.spurious import spurious
from frcnn_keras.auditing.wrong_class import wrong_class
from frcnn_keras.data.example import Dataset
from frcnn_keras.runs.evaluated import Evaluated

LEAST = 0.05  # score of a finding that is told


@dataclasses.dataclass(frozen=True)
class Audit:
    """What was found, and by what it was judged."""

    audited: Evaluated
    findings: tuple[Finding, ...]  # best first
    folds: dict[int, Fold]

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __repr__(self) -> str:
        counts = Counter(one.kind for one in self.findings)
        told = ", ".join(f"{kind} {counts[kind]}" for kind in KINDS if counts[kind])
        return f"Audit({self.audited.name!r}: {len(self)} findings{f': {told}' if told else ''})"

    def above(self, score: float) -> tuple[Finding, ...]:
        """Findings that score more than `score`."""
        return tuple(one for one in self.findings if one.score > score)

    def corrected(self, dataset: Dataset, accepted: Sequence[Finding]) -> Dataset:
        """The data set that was audited with some findings put right, ready to train on.

        Raises:
            InputError: it is another data set.
        """
        return corrected_dataset(dataset, accepted)


def find(audited: Evaluated, least: float = LEAST) -> Audit:
    """Findings of a data set that score `least` or more. They do not depend on the order of its images."""
    names, count = audited.class_names, len(audited.class_names)
    images = sorted(audited.images, key=lambda image: (image.file, image.number))
    paired = [pair(image, count) for image in images]
    folds = {number: fold_of([one for one in paired if one.image.fold == number], count)
             for number in sorted({image.fold for image in images})}
    found: list[Finding] = []
    for one in paired:
        fold = folds[one.image.fold]
        found += [*missing(one, fold, names), *wrong_class(one, fold, names), *shifted(one, fold, names),
                  *duplicate(one, names)]
    found += spurious(paired, names)
    return Audit(audited, best_first([one for one in found if one.score >= least]), folds)
