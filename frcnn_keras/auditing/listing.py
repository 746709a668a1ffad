"""Findings as files and as a table: audit.json, audit.csv, and what a terminal shows."""

import csv
import io
from collections.abc import Sequence

from frcnn_keras.auditing.accepting import id_of
from frcnn_keras.auditing.find import Audit
from frcnn_keras.auditing.findings import KINDS, Finding
from frcnn_keras.errors import printable

COLUMNS = ("id", "kind", "image", "file", "x1", "y1", "x2", "y2", "label", "suggested", "score", "annotation")
WIDTH, SURE = 80, (0.9, 0.5)  # letters of a line; scores that are counted


def records(findings: Sequence[Finding]) -> list[dict]:
    """What audit.json holds, best first: `kind`, `image`, `file`, `box` [x1, y1, x2, y2] in the picture's pixels,
    `label` and `suggested` (null for none), `score`; and `id`, `annotation` (of the label, in ground_truth.json) and
    `labelled` (its box), null where nothing is labelled."""
    return [{"id": id_of(one), "kind": one.kind, "image": one.image, "file": one.file,
             "box": [round(edge, 2) for edge in one.box], "label": one.label or None,
             "suggested": one.suggested or None, "score": round(one.score, 4), "annotation": one.annotation,
             "labelled": one.labelled and [round(edge, 2) for edge in one.labelled]} for one in findings]


def table(findings: Sequence[Finding]) -> str:
    """audit.csv: COLUMNS, a line a finding."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in records(findings):
        writer.writerow([one["id"], one["kind"], one["image"], one["file"], *one["box"], one["label"] or "",
                         one["suggested"] or "", one["score"], "" if one["annotation"] is None else one["annotation"]])
    return file.getvalue()


def report(audit: Audit, shown: int) -> str:
    """Counts by kind, and the first findings, in lines of 80 letters."""
    found, images = audit.findings, len(audit.audited.images)
    folds = f"{len(audit.folds)} folds" if len(audit.folds) > 1 else "1 detector"
    objects = sum(int((~image.ignored).sum()) for image in audit.audited.images)
    lines = [_cut(f"{audit.audited.name}: {objects} objects in {images} images, {folds}"), "",
             f"{'kind':12}{'findings':>9}" + "".join(f"{f'above {score:g}':>11}" for score in SURE)]
    for kind in KINDS:
        scores = [one.score for one in found if one.kind == kind]
        lines.append(f"{kind:12}{len(scores):9}" + "".join(f"{sum(score > least for score in scores):11}"
                                                           for least in SURE))
    if found and shown:
        lines += ["", f"{'':>5} {'score':>5}  {'kind':11}  {'class':26}  picture"]
        lines += [_line(number, one) for number, one in enumerate(found[:shown], 1)]
        if len(found) > shown:
            lines.append(f"{'':5} and {len(found) - shown} more")
    return "\n".join(lines)


def _line(number: int, one: Finding) -> str:
    words = _short(one.label or one.suggested, 26)
    if one.kind == "wrong_class":
        words = f"{_short(one.label, 11)} -> {_short(one.suggested, 11)}"
    left = f"{number:5} {one.score:5.2f}  {one.kind:11}  {words:26}  "
    return left + _short(one.file, WIDTH - len(left))


def _short(text: str, width: int) -> str:
    """The text, or its end behind points: of paths the end tells them apart. A line, whatever a name has in it."""
    text = printable(text)
    return text if len(text) <= width else f"..{text[-(width - 2):]}"


def _cut(text: str) -> str:
    text = printable(text)
    return text if len(text) <= WIDTH else f"{text[:WIDTH - 2]}.."
