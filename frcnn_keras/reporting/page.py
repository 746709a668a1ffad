"""The page: what the template is given, in the order in which it is read."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from frcnn_keras.auditing.reliability import Reliabilities
from frcnn_keras.data.wording import counted
from frcnn_keras.evaluation.intervals import NAMES
from frcnn_keras.reporting import svg
from frcnn_keras.reporting.analysis import Analysis
from frcnn_keras.reporting.commands import commands_of
from frcnn_keras.reporting.confusion import most_confused
from frcnn_keras.reporting.curves import Curve
from frcnn_keras.reporting.doubts import WORDS, Doubt
from frcnn_keras.reporting.facts import Facts, Log
from frcnn_keras.reporting.gallery import TITLES, Shown
from frcnn_keras.reporting.stages import PROPOSALS, recall_table, sizes_of
from frcnn_keras.runs.evaluated import Evaluated
from frcnn_keras.runs.thresholds import ENOUGH, Thresholds

Pictures = dict[str, list[Shown]]
_COLOURED, _MATRIX = 8, 25  # classes with a line's own colour, and those that a matrix is legible with
_WORDS = {"AP": "average precision, boxes held to IoU .5, .55 and so on to .95: COCO's main number",
          "AP50": "average precision where a box need only lie roughly right (IoU .5)",
          "AP75": "average precision where a box must lie well (IoU .75)",
          "AR100": "average recall: the share of objects found, boxes held to IoU .5 to .95"}


@dataclasses.dataclass(frozen=True)
class Extras:
    """What not every run has."""

    reached: dict[str, Sequence[float]] = dataclasses.field(default_factory=dict)  # see reach.reach
    doubts: Sequence[Doubt] | None = None  # None: no audit was given
    doubted: Sequence[Shown] = ()  # the pictures of some of the doubts
    reliability: Reliabilities | None = None
    thresholds: Thresholds | None = None
    written_by: Sequence[str] = ()  # flags of the command that writes the page, beside --run


def render(found: Evaluated, facts: Facts, analysis: Analysis, pictures: Pictures, extras: Extras | None = None) -> str:
    """The whole file. What comes from data is escaped by the template's engine."""
    engine = jinja2.Environment(loader=jinja2.PackageLoader("frcnn_keras.reporting", ""), autoescape=True,
                                undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    engine.filters.update(number=_number, percent=_percent)
    extras = extras or Extras()
    sizes = sizes_of(facts, analysis.sizes, extras.reached)
    objects = sum(int((~picture.ignored).sum()) for picture in found.images)
    return engine.get_template("page.html.j2").render(
        run=str(facts.run), facts=facts, found=found, analysis=analysis, folds=len(facts.crossval.get("folds", ())),
        what=f"{counted(len(found.images), 'image')} with {counted(objects, 'object')} of "
             f"{counted(len(found.class_names), 'class', 'classes')}",
        scores=_scores(facts, analysis), classes=_classes(found, facts, analysis),
        charts=_charts(found.class_names, analysis.curves), confusion=_confusion(found.class_names, analysis.confusion),
        recall=recall_table(facts.recall), sizes=sizes, anchored=bool(extras.reached), first=PROPOSALS,
        proposed=not all(math.isnan(row.proposals[0]) for row in sizes),
        chosen=_chosen(extras.thresholds, found.class_names, analysis.curves),
        logs=[chart for log in facts.logs for chart in _training(log)],
        galleries=[(kind, *TITLES[kind], some) for kind, some in pictures.items()], seconds=_seconds(facts.seconds),
        commands=commands_of(facts, extras.written_by), bar=svg.bar, doubts=_doubts(extras.doubts),
        doubt_kinds=_doubt_kinds(extras.doubts or ()),
        doubted=extras.doubted, reliability=_reliability(extras.reliability))


def _chosen(thresholds: Thresholds | None, names: Sequence[str], curves: Sequence[Curve]) -> dict[str, Any] | None:
    """What `thresholds` chose, beside what is best on the scored images; None where it chose nothing."""
    if thresholds is None:
        return None
    best = dict(zip(names, curves, strict=True))
    goal = "the best F1" if thresholds.precision is None else (
        f"the lowest score with a precision of {thresholds.precision:g}")
    notes = [f"{one.name}: fewer than {ENOUGH} objects, so that all classes chose together"
             for one in thresholds.classes if one.pooled]
    notes += [f"{one.name}: no score reaches that precision; this is the nearest"
              for one in thresholds.classes if not one.threshold.reached]
    side = math.sqrt(thresholds.small.area)
    notes.append(f"Boxes below {side:g} × {side:g} pixels must score {_number(thresholds.small.threshold.score)}, "
                 "which all classes chose together, in place of their class's threshold")
    rows = [{"name": one.name, "objects": one.objects, "pooled": one.pooled, "at": one.threshold,
             "here": best[one.name].threshold if one.name in best and best[one.name].best is not None else math.nan,
             "f1": _f1_at(best.get(one.name), one.threshold.score)} for one in thresholds.classes]
    return {"goal": goal, "data": thresholds.data, "images": thresholds.images, "rows": rows, "notes": notes}


def _f1_at(curve: Curve | None, score: float) -> float:
    """Of the scored images' detections that score more; NaN where there are none."""
    passing = int(np.sum(curve.scores > score)) if curve is not None else 0
    return float(curve.f1[passing - 1]) if curve is not None and passing else math.nan


def _reliability(curves: Reliabilities | None) -> Markup | None:
    """The chance that a detection is said to have against the share that is labelled; None of nothing."""
    if curves is None:
        return None
    lines = [svg.Line("score as it is", curves.scores.said, curves.scores.seen),
             svg.Line("calibrated, as the findings use it", curves.calibrated.said, curves.calibrated.seen)]
    lines += [svg.Line(f"fold {fold}, calibrated", one.said, one.seen, True)
              for fold, one in curves.folds.items() if len(curves.folds) > 1]
    return svg.chart([svg.Line("as many as it says", (0, 1), (0, 1), True), *lines], "chance it gives",
                     "share that is labelled", (0, 1), (0, 1), "chance of an object against the share that is labelled")


def _doubts(doubts: Sequence[Doubt] | None) -> str:
    """How many, and how many errors they come to, in words."""
    if not doubts:
        return "" if doubts is None else "Here it found nothing to doubt"
    errors = sum(one.score for one in doubts)
    return f"{counted(len(doubts), 'finding')}, whose probabilities add up to {errors:.0f} errors"


def _doubt_kinds(doubts: Sequence[Doubt]) -> list[tuple[str, int, int, float]]:
    """(kind in words, findings, those above .5, their scores' sum), the most findings first."""
    scores: dict[str, list[float]] = {}
    for one in doubts:
        scores.setdefault(WORDS.get(one.kind, one.kind), []).append(one.score)
    return [(kind, len(own), sum(score > 0.5 for score in own), sum(own))
            for kind, own in sorted(scores.items(), key=lambda item: -len(item[1]))]


def _number(value: float) -> str:
    """Three decimals; a dash where it is undefined."""
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def _percent(share: float) -> str:
    """A share, 0..1; a dash where it is undefined."""
    return "–" if math.isnan(share) else f"{100 * share:.1f} %"


def _scores(facts: Facts, analysis: Analysis) -> list[dict[str, Any]]:
    return [{"name": name, "value": facts.metrics["coco"][name], "words": _WORDS[name],
             **analysis.interval["coco"][name], **{part: facts.crossval.get(name, {}).get(part)
                                                   for part in ("mean", "std")}} for name in NAMES]


def _classes(found: Evaluated, facts: Facts, analysis: Analysis) -> list[dict[str, Any]]:
    rows = []
    for name, curve in zip(found.class_names, analysis.curves, strict=True):
        own, ends = facts.metrics["per_class"].get(name, {}), analysis.interval["per_class"].get(name, {})
        best = curve.best
        at = {} if best is None else {"precision": curve.precision[best], "recall": curve.recall[best],
                                      "f1": curve.f1[best], "threshold": curve.threshold}
        rows.append({"name": name, "objects": curve.objects, "AP": own.get("AP", math.nan),
                     "AP50": own.get("AP50", math.nan), "ends": ends.get("AP", {"low": math.nan, "high": math.nan}),
                     "precision": math.nan, "recall": math.nan, "f1": math.nan, "threshold": math.nan, **at,
                     "spark": svg.sparkline(curve.recall, curve.precision, f"precision against recall of {name}")})
    return rows


def _charts(names: Sequence[str], curves: Sequence[Curve]) -> list[tuple[str, Markup]]:
    thin = len(names) > _COLOURED
    recall, f1 = [], []
    for name, curve in zip(names, curves, strict=True):
        best = curve.best
        recall.append(svg.Line(name, curve.recall, curve.precision, thin))
        f1.append(svg.Line(name, curve.scores, curve.f1, thin,
                           None if best is None or thin else (curve.threshold, float(curve.f1[best]))))
    if thin:
        recall.append(svg.Line("mean of the classes", *_mean(curves, "recall", "precision")))
        f1.append(svg.Line("mean of the classes", *_mean(curves, "scores", "f1")))
    return [("Precision against recall", svg.chart(recall, "recall", "precision", (0, 1), (0, 1),
                                                   "precision against recall of each class")),
            ("F1 against the score threshold", svg.chart(f1, "score threshold", "F1", (0, 1), (0, 1),
                                                         "F1 against score threshold of each class"))]


def _mean(curves: Sequence[Curve], x: str, y: str) -> tuple[np.ndarray, np.ndarray]:
    """Over classes that have objects, at a hundred places; 0 beyond a curve's end, its first value before."""
    places, rows = np.linspace(0, 1, 101), [np.zeros(101)]
    for curve in curves:
        at, values = np.asarray(getattr(curve, x)), np.asarray(getattr(curve, y))
        if curve.objects:
            order = np.argsort(at, kind="stable")
            rows.append(np.interp(places, at[order], values[order], right=0.0) if len(at) else np.zeros(101))
    return places, np.mean(rows[1:] or rows, axis=0)


def _confusion(names: Sequence[str], counts: np.ndarray) -> dict[str, Any]:
    """Rows with their cells' counts and shares: of the row, in the last row of the column, so that it is the share of a
    class's detections that are false alarms. Only pairs where classes are too many."""
    heads = [*names, "background"]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shares[-1] = counts[-1] / np.maximum(counts.sum(axis=0), 1)
    rows = [] if len(names) > _MATRIX else [
        (head, list(zip(row.tolist(), own.tolist(), strict=True)))
        for head, row, own in zip(heads, counts, shares, strict=True)]
    return {"heads": heads, "rows": rows, "pairs": [(names[row], names[column], count) for row, column, count in
                                                    most_confused(counts)]}


def _training(log: Log) -> list[tuple[str, Markup]]:
    """Losses in one chart, what is measured in another: they have different scales."""
    charts = []
    for title, wanted in (("losses", True), ("measured", False)):
        columns = {name: values for name, values in log.columns.items() if ("loss" in name) == wanted}
        top = max((value for values in columns.values() for value in values if math.isfinite(value)), default=0.0)
        if top > 0:
            lines = [svg.Line(name, log.epochs, columns[name]) for name in sorted(columns, key="loss".__ne__)]
            span = (min(log.epochs), max(max(log.epochs), min(log.epochs) + 1))
            charts.append((f"{log.title}: {title}", svg.chart(lines, "epoch", "", span, (0, top if wanted else 1),
                                                              f"{log.title}: {title} by epoch")))
    return charts


def _seconds(seconds: dict[str, float]) -> list[tuple[str, float, float]]:
    """(part, seconds, share), the longest first."""
    total = sum(seconds.values()) or 1.0
    return [(name, value, value / total) for name, value in sorted(seconds.items(), key=lambda part: -part[1])]
