"""thresholds.json of a run folder: the score that each class's detections must pass."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from frcnn_keras.data.wording import counted
from frcnn_keras.errors import InputError, command
from frcnn_keras.evaluation.judging import Judged, judge
from frcnn_keras.evaluation.overlaps import area
from frcnn_keras.evaluation.thresholds import Threshold, choose, together
from frcnn_keras.files import read_json, to_json
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.files.stored import seal
from frcnn_keras.runs.evaluated import Evaluated

NAME, BEST = "thresholds.json", "best"
ENOUGH = 20  # objects of a class, below which all classes choose together
# Pixels of the image as it is given: COCO's small. Boxes of less area pass what all classes choose together. Chosen on
# one half of BCCD or of drawn shapes and scored on the other, F1 of small boxes is as good as with their class's score
# or better (by 0 to 0.02); with what small ones choose by themselves it is worse (by 0 to 0.1): they are too few
SMALL = 32 ** 2
_COLUMNS = ("objects", "threshold", "interval", "precision", "recall", "F1")


@dataclasses.dataclass(frozen=True)
class ClassThreshold:
    """One class's."""

    name: str
    objects: int  # that count
    pooled: bool  # whether all classes chose together, for want of objects
    threshold: Threshold


@dataclasses.dataclass(frozen=True)
class SmallThreshold:
    """That of boxes of less than `area` pixels, of whatever class."""

    area: int
    objects: int  # so small, that count
    threshold: Threshold  # what all classes chose together, on boxes of all sizes


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """A detector's, by what they were chosen on."""

    data: str
    images: int
    precision: float | None  # that was wanted; None: the best F1
    classes: tuple[ClassThreshold, ...]  # of labels 1..C
    small: SmallThreshold

    @property
    def scores(self) -> tuple[float, ...]:
        """That detections of labels 1..C must pass, small ones apart."""
        return tuple(one.threshold.score for one in self.classes)


@dataclasses.dataclass(frozen=True)
class Stored:
    """The scores to pass, as a detector takes them."""

    classes: tuple[float, ...]  # of labels 1..C
    small: float  # of boxes of less than `small_area`, of whatever class
    small_area: float


def thresholds_of(evaluated: Evaluated, precision: float | None = None) -> Thresholds:
    """Chooses on evaluated images, by COCO's rules at an IoU of .5 (`evaluation.judging`)."""
    judged = judge(evaluated.images, evaluated.detections, len(evaluated.class_names))
    small = sum(int(np.sum(area(image.boxes[~image.ignored]) < SMALL)) for image in evaluated.images)
    return of_judged(evaluated.name, evaluated.class_names, judged, small, precision)


def of_judged(data: str, class_names: Sequence[str], judged: Sequence[Judged], small: int,
              precision: float | None = None) -> Thresholds:
    """From judged detections of every class. small: how many objects are."""
    pooled = choose(together(judged), precision)
    classes = []
    for name, one in zip(class_names, judged, strict=True):
        objects = int(one.objects.sum())
        if objects >= ENOUGH:
            classes.append(ClassThreshold(name, objects, False, choose(one, precision)))
        else:
            classes.append(ClassThreshold(name, objects, True, pooled))
    images = len(judged[0].objects) if judged else 0
    return Thresholds(data, images, precision, tuple(classes), SmallThreshold(SMALL, small, pooled))


def store(run: Path, thresholds: Thresholds) -> None:
    """Writes RUN/thresholds.json. InputError: a file of that name is none of this package's."""
    ledger = Ledger(run)
    ledger.require_free([NAME], "--for")
    ledger.tidy()
    ledger.write(NAME, (to_json(seal(dataclasses.asdict(thresholds))) + "\n").encode())


def read_thresholds(run: Path) -> Thresholds | None:
    """What RUN/thresholds.json holds; None where there is none.

    Raises:
        InputError: it is damaged.
    """
    path = run / NAME
    if not path.exists():
        return None
    value = read_json(path)
    try:
        small, precision = value["small"], value["precision"]
        classes = tuple(ClassThreshold(str(one["name"]), int(one["objects"]), bool(one["pooled"]), _threshold(
            one["threshold"])) for one in value["classes"])
        return Thresholds(str(value["data"]), int(value["images"]), None if precision is None else float(precision),
                          classes, SmallThreshold(small["area"], int(small["objects"]), _threshold(small["threshold"])))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not as {command('thresholds')} writes it; run it again") from error


def _threshold(value: dict[str, Any]) -> Threshold:
    """JSON's null is NaN; a score is a number."""
    numbers = {field.name: value[field.name] for field in dataclasses.fields(Threshold) if field.name != "reached"}
    found = {name: math.nan if number is None else float(number) for name, number in numbers.items()}
    if not 0 <= float(value["score"]) <= 1:
        raise ValueError("a score is not within 0 and 1")
    return Threshold(**{**found, "score": float(value["score"])}, reached=bool(value["reached"]))


def stored_thresholds(run: Path, class_names: Sequence[str]) -> Stored:
    """The scores that detections must pass, as RUN/thresholds.json has them.

    Raises:
        InputError: there is none, it is damaged, or of other classes.
    """
    found = read_thresholds(run)
    if found is None:
        raise InputError(f"{run / NAME}: not found, which --score-threshold {BEST} takes; run {command('thresholds')} "
                         f"--run {run} first")
    names = [one.name for one in found.classes]
    if names != list(class_names):
        raise InputError(f"{run / NAME}: is of the classes {', '.join(names)}, the detector's are "
                         f"{', '.join(class_names)}; run {command('thresholds')} again")
    return Stored(found.scores, found.small.threshold.score, float(found.small.area))


def table(thresholds: Thresholds) -> str:
    """A line a class; a line for each whose threshold is not what was asked for; a line or two about small boxes."""
    goal = "best F1" if thresholds.precision is None else f"lowest of a precision of {thresholds.precision:g}"
    width = min(16, max([len("class"), *(len(one.name) for one in thresholds.classes)]))
    lines = [f"{thresholds.data[:36]}: {thresholds.images} images; {goal}", "",
             "class".ljust(width) + "".join(name.rjust(13 if name == "interval" else 10) for name in _COLUMNS)]
    for one in thresholds.classes:
        chosen, cells = one.threshold, [str(one.objects)]
        cells += [f"{chosen.score:.3f}", "-" if math.isnan(chosen.low) else f"{chosen.low:.3f}-{chosen.high:.3f}"]
        cells += ["-" if math.isnan(value) else f"{value:.3f}" for value in (chosen.precision, chosen.recall,
                                                                            chosen.f1)]
        lines.append(one.name[:width].ljust(width) + "".join(cell.rjust(13 if place == 2 else 10)
                                                             for place, cell in enumerate(cells)))
    notes = [f"{one.name}: {counted(one.objects, 'object')}, fewer than {ENOUGH}; all classes chose together"
             for one in thresholds.classes if one.pooled]
    notes += [f"{one.name}: no score reaches a precision of {thresholds.precision:g}; this is the highest"
              for one in thresholds.classes if not one.threshold.reached]
    small, side = thresholds.small, f"{math.isqrt(thresholds.small.area)} x {math.isqrt(thresholds.small.area)} pixels"
    notes.append(f"boxes below {side}: {small.threshold.score:.3f}, which all classes chose together")
    if small.objects < ENOUGH:
        notes.append(f"objects below {side}: {small.objects}, too few to tell how well those are found")
    return "\n".join([*lines, "", *notes])
