"""The labels as they would be with accepted findings."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from frcnn_keras.auditing.findings import Finding
from frcnn_keras.runs.evaluated import Evaluated, EvaluatedImage


@dataclasses.dataclass(frozen=True)
class Corrected:
    """A data set's labels with findings put right."""

    audited: Evaluated
    taken: tuple[Finding, ...]
    left: tuple[Finding, ...]  # of labels that a better finding had changed already


def correct(audited: Evaluated, accepted: Sequence[Finding]) -> Corrected:
    """Adds what is missing, changes classes and boxes, removes what is spurious or a duplicate.

    accepted: best first; of several of one label the first counts. Boxes are cut to the picture and rounded to a
    hundredth of a pixel. A missing object gets an annotation id of its own, above all there are.
    """
    labels = {name: label for label, name in enumerate(audited.class_names, start=1)}
    by_image: dict[int, list[Finding]] = {}
    changed, taken, left = set(), [], []
    place_of = {(image.file, image.id): number for number, image in enumerate(audited.images)}
    for one in accepted:
        if one.annotation is not None and one.annotation in changed:
            left.append(one)
            continue
        changed |= {one.annotation} - {None}
        taken.append(one)
        by_image.setdefault(place_of[one.file, one.image], []).append(one)
    following = 1 + max((int(image.annotations.max(initial=0)) for image in audited.images), default=0)
    images = list(audited.images)
    for place, findings in sorted(by_image.items()):
        images[place] = corrected_image(images[place], findings, labels, following)
        following += sum(one.kind == "missing" for one in findings)
    return Corrected(dataclasses.replace(audited, images=tuple(images)), tuple(taken), tuple(left))


def corrected_image(image: EvaluatedImage, findings: Sequence[Finding], labels: dict[str, int], following: int
                    ) -> EvaluatedImage:
    """One image with findings of different labels put right; following: the annotation id of the first new one."""
    boxes, own, kept = image.boxes.copy(), image.labels.copy(), np.ones(len(image.boxes), bool)
    rows = {int(id): row for row, id in enumerate(image.annotations)}
    for one in findings:
        if one.annotation is not None:
            row = rows[one.annotation]
            if one.kind == "wrong_class":
                own[row] = labels[one.suggested]
            elif one.kind == "shifted":
                boxes[row] = _inside(one.box, image)
            else:
                kept[row] = False
    more = [one for one in findings if one.kind == "missing"]
    return dataclasses.replace(
        image, boxes=np.concatenate([boxes[kept], *(_inside(one.box, image)[None] for one in more)]),
        labels=np.concatenate([own[kept], np.array([labels[one.suggested] for one in more], np.int64)]),
        ignored=np.concatenate([image.ignored[kept], np.zeros(len(more), bool)]),
        annotations=np.concatenate([image.annotations[kept], following + np.arange(len(more))]))


def _inside(box: Sequence[float], image: EvaluatedImage) -> np.ndarray:
    """(4,) cut to the picture, in hundredths of a pixel."""
    return np.round(np.clip(box, 0, (image.width, image.height, image.width, image.height)), 2)
