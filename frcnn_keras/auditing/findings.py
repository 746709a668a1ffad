"""What an audit finds."""

import dataclasses

KINDS = ("missing", "wrong_class", "shifted", "spurious", "duplicate")
REMOVED = ""  # suggested where the label should go


@dataclasses.dataclass(frozen=True)
class Finding:
    """One label that is probably wrong, or one that is not there."""

    kind: str  # of KINDS
    image: int | str  # as the data set calls it
    file: str  # the picture's, as ground_truth.json has it
    box: tuple[float, float, float, float]  # x1, y1, x2, y2 of the picture: the detection's where missing or shifted
    label: str  # the class that is labelled; "" where nothing is
    suggested: str  # the class that should be; REMOVED
    score: float  # 0..1: how probable it is
    annotation: int | None = None  # id of the label's annotation in ground_truth.json; None where missing
    labelled: tuple[float, float, float, float] | None = None  # the label's box; None where missing


def best_first(findings: list[Finding]) -> tuple[Finding, ...]:
    """In an order that does not depend on theirs: by score; of equal ones by kind, picture and box."""
    return tuple(sorted(findings, key=lambda one: (-one.score, KINDS.index(one.kind), one.file, str(one.image), one.box,
                                                   one.label, one.suggested)))
