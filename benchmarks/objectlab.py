"""ObjectLab's scores (Tkachenko, Thyagarajan, Mueller, arXiv 2309.00832), box by box, as plain loops: what an audit is
compared with. Written from the paper's formulas; 1 is a good label there, so 1 - score ranks the worst first.

Similarity of a labelled and a found box: ALPHA IoU + (1 - ALPHA) (1 - d), d the distance of their centres in units of
the picture's diagonal. The paper ranks images by the soft minimum of their boxes; here boxes are ranked, of which the
image's score is made.
"""

from typing import NamedTuple

from frcnn_keras.runs.evaluated import Evaluated, EvaluatedImage

ALPHA = 0.9
LOW, HIGH = 0.5, 0.95  # confidence of detections that judge a place; of those that judge a class or a gap
LEAST = 1e-6  # the similarity of boxes that have nothing in common


class Ranked(NamedTuple):
    kind: str  # of auditing.findings.KINDS
    image: int | str
    box: tuple[float, float, float, float]  # the found one where missing or shifted, else the label's
    score: float  # larger is worse


def scores(audited: Evaluated) -> list[Ranked]:
    """Overlooked, swapped and badly located ones of all images, the worst first."""
    found = [one for image in audited.images for one in (*overlooked(image), *swapped(image), *badly_located(image))]
    return sorted(found, key=lambda one: -one.score)


def overlooked(image: EvaluatedImage) -> list[Ranked]:
    """Of each confident detection: its similarity with the nearest label of its class; without one, LEAST (1 - p)."""
    ranked = []
    for box, label, chance in zip(image.detected.boxes, image.detected.labels, image.detected.scores, strict=True):
        if chance >= HIGH:
            alike = [similarity(box, other, image) for other, own in zip(image.boxes, image.labels, strict=True)
                     if own == label]
            ranked.append(Ranked("missing", image.id, tuple(box), 1 - (max(alike) if alike else LEAST * (1 - chance))))
    return ranked


def swapped(image: EvaluatedImage) -> list[Ranked]:
    """Of each label: 1 - its similarity with the nearest confident detection of another class; 1 without one."""
    ranked = []
    for box, label in zip(image.boxes, image.labels, strict=True):
        alike = [similarity(box, other, image) for other, own, chance in
                 zip(image.detected.boxes, image.detected.labels, image.detected.scores, strict=True)
                 if own != label and chance >= HIGH]
        ranked.append(Ranked("wrong_class", image.id, tuple(box), max(alike, default=0.0)))
    return ranked


def badly_located(image: EvaluatedImage) -> list[Ranked]:
    """Of each label: its similarity with the nearest likely detection of its class that overlaps it; 1 without one."""
    ranked = []
    for box, label in zip(image.boxes, image.labels, strict=True):
        alike = [(similarity(box, other, image), tuple(other)) for other, own, chance in
                 zip(image.detected.boxes, image.detected.labels, image.detected.scores, strict=True)
                 if own == label and chance >= LOW and _overlap(box, other) > 0]
        best, near = max(alike, default=(1.0, tuple(box)))
        ranked.append(Ranked("shifted", image.id, near, 1 - best))
    return ranked


def similarity(box, other, image: EvaluatedImage) -> float:
    shared = _overlap(box, other)
    union = (box[2] - box[0]) * (box[3] - box[1]) + (other[2] - other[0]) * (other[3] - other[1]) - shared
    x, y = (box[0] + box[2] - other[0] - other[2]) / 2, (box[1] + box[3] - other[1] - other[3]) / 2
    distance = (x * x + y * y) ** 0.5 / (image.width ** 2 + image.height ** 2) ** 0.5
    return max(LEAST, ALPHA * shared / union + (1 - ALPHA) * (1 - distance))


def _overlap(box, other) -> float:
    wide, high = min(box[2], other[2]) - max(box[0], other[0]), min(box[3], other[3]) - max(box[1], other[1])
    return max(0.0, wide) * max(0.0, high)
