"""What `check` found, as text."""

import math
from collections.abc import Sequence

from frcnn_keras.data.example import Problem
from frcnn_keras.inspection.report import DatasetReport


def format_report(found: DatasetReport, sheet: str | None = None, most: int | None = None) -> str:
    """A report for people. sheet: the file of the contact sheet; `most`: problems listed, None for all."""
    parts = [_head(found), _problems(found.problems, most)]
    if found.objects:
        parts += [_classes(found), _reach(found)]
    parts.append(_verdict(found, sheet))
    return "\n\n".join(parts)


def _head(report: DatasetReport) -> str:
    """What was read: images, objects, classes, images without objects."""
    classes = sum(row["objects"] > 0 for row in report.per_class.values())
    empty = report.images_without_objects
    named = f" (first: {empty[0]})" if empty else ""
    read = "every image decoded" if report.decoded else "images not decoded (--quick)"
    return (f"{report.data}: {report.images} images, {report.objects} objects of {classes} classes; {read}\n"
            f"images without objects: {len(empty)}{named}")


def _problems(problems: Sequence[Problem], most: int | None) -> str:
    """The problems, fatal ones first, `most` of them at most."""
    fatal = sum(problem.stops for problem in problems)
    lines = [f"problems: {fatal} fatal, {len(problems) - fatal} notes"]
    worst = sorted(problems, key=lambda problem: not problem.stops)
    for problem in worst[:most]:
        lines.append(f"  {'FATAL' if problem.stops else 'note '}  {problem}")
    left = worst[most:] if most is not None else []
    if left:
        lines.append(f"  ... and {len(left)} more, {sum(problem.stops for problem in left)} of them fatal "
                     "(--all shows them)")
    return "\n".join(lines)


def _classes(report: DatasetReport) -> str:
    """A line a class; those without objects are named below."""
    images, reach = report.settings.images, report.reach
    rows = [("class", "objects", "images", "difficult", "crowd", "size p5", "p50", "p95", "shorter p5", "p50",
             "IoU>=.5", "IoU>=.7")]
    for name, row in report.per_class.items():
        if row["objects"] or row["difficult"] or row["crowd"]:
            rows.append((name, *(str(row[key]) for key in ("objects", "images", "difficult", "crowd")),
                         *(_pixels(row["size"][key]) for key in ("p5", "p50", "p95")),
                         *(_pixels(row["shorter_side"][key]) for key in ("p5", "p50")), *map(_share, reach[name])))
    rows.append(("all", str(report.objects), *[""] * 8, *map(_share, reach["all"])))
    lines = [_table(rows), f"size: root of the area, shorter: the shorter side, in pixels after resizing to "
             f"{images.shorter} (at most {images.longer})",
             "objects: those that train; difficult and crowd ones stand apart"]
    absent = [name for name, row in report.per_class.items() if not row["objects"]]
    if absent:
        names = ", ".join(absent[:10]) + (", ..." if len(absent) > 10 else "")
        lines.append(f"classes without an object that trains: {len(absent)} ({names})")
    return "\n".join(lines)


def _reach(report: DatasetReport) -> str:
    """What the last columns mean, and the sizes that would serve better."""
    anchors = report.settings.anchors
    sizes, ratios = (",".join(f"{value:g}" for value in values)
                     for values in (anchors.in_pixels(report.grid.stride), anchors.ratios))
    lines = [f"IoU>=.5, IoU>=.7: share of objects that an anchor inside the image reaches (sizes {sizes}; ratios "
             f"{ratios}; every {report.grid.stride:g} pixels from {report.grid.offset:g})"]
    if report.unreached:
        lines.append(f"{report.unreached} objects overlap no anchor inside the image and make none positive")
    if report.suggested_sizes is None:
        return "\n".join([*lines, "no other anchor sizes were found that serve clearly better"])
    lines.append(f"these sizes reach more: {report.suggested_flag}")
    then = report.suggested_reach
    rows = [("", "IoU>=.5", "then", "IoU>=.7", "then")]
    for name, now in report.reach.items():
        if name != "all" and not math.isnan(now[0]):
            rows.append((name, _share(now[0]), _share(then[name][0]), _share(now[1]), _share(then[name][1])))
    return "\n".join([*lines, _table(rows)])


def _verdict(report: DatasetReport, sheet: str | None) -> str:
    drawn = [f"sheet: {sheet}"] if sheet else []
    if report.ok:
        return "\n".join([*drawn, "ok: nothing here stops prep"])
    return "\n".join([*drawn, *(f"prep would stop: {reason}" for reason in report.stops)])


def _table(rows: list[tuple[str, ...]]) -> str:
    """Columns as wide as they need, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in
                                                          zip(row[1:], widths[1:], strict=True))]).rstrip()
                     for row in rows)


def _pixels(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.0f}"


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.1f}%"
