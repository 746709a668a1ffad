"""What a whole training came to: its record, and what a person reads of it."""

import dataclasses
import math
import shlex
from pathlib import Path
from typing import Any

from frcnn_keras.data.wording import counted
from frcnn_keras.errors import InputError, command
from frcnn_keras.evaluation.metrics import format_table
from frcnn_keras.files import read_json


@dataclasses.dataclass(frozen=True, repr=False)
class Trained:
    """A finished training, as RUN/train_metrics.json keeps it."""

    run: str  # the folder
    data: tuple[str, ...]  # lines: what the data set was recognised as, and how it is split
    flags: dict[str, tuple[str, ...]]  # of each split: what names it to every other command
    holdout: float | None  # the share that was held out to measure on; None where the data set says what is
    epochs: dict[str, str]  # of each stage: how many, and why
    scored_on: str  # the split that `metrics` are of
    metrics: dict  # see evaluation.metrics.evaluate_detections
    seconds: dict[str, float]  # by part of the work; they add up
    picture: str

    def __repr__(self) -> str:
        coco = self.metrics["coco"]
        return (f"Trained({self.run!r}: AP {coco['AP']:.3f}, AP50 {coco['AP50']:.3f} on "
                f"{counted(self.metrics['images'], f'{self.scored_on} image')}; {sum(self.seconds.values()):.0f} s)")


def seconds_table(seconds: dict[str, float]) -> str:
    """Where the time went, the largest part first, and the sum."""
    parts = sorted(seconds.items(), key=lambda item: -item[1])
    width = max(map(len, (*seconds, "together")))
    total = sum(seconds.values())
    lines = [f"{name:{width}}{value:9.1f} s{100 * value / total:6.0f} %" for name, value in parts]
    return "\n".join([*lines, f"{'together':{width}}{total:9.1f} s"])


def summary(trained: Trained, images: str, report: Path | None = None) -> str:
    """The last block: scores, seconds, paths, and the next commands. images: a folder or file to predict on. report:
    the page about the run, where there is one."""
    run = Path(trained.run)
    predict = ["--run", str(run), "--images", images, "--out", str(run / "drawn")]
    export = ["--run", str(run), "--out", str(Path("work", "serving", run.name))]
    return "\n".join([
        "", f"scores on the {trained.scored_on} images:", format_table(trained.metrics), "",
        seconds_table(trained.seconds), "",
        f"detector   {run / 'detector.keras'}",
        f"picture    {trained.picture}",
        *([f"report     {report}"] if report else []),
        f"next       {command('predict')} {shlex.join(predict)}",
        f"           {command('export')} {shlex.join(export)}"])


def read_trained(path: Path) -> Trained:
    """What a finished training wrote: null is what JSON has for NaN.

    Raises:
        InputError: it is damaged.
    """
    stored = read_json(path)
    names = {field.name for field in dataclasses.fields(Trained)}
    if not isinstance(stored, dict) or set(stored) != names or not isinstance(stored["metrics"], dict):
        raise InputError(f"{path}: damaged (no record of a training); remove it, and the same command writes it anew")
    return Trained(**stored | {"metrics": _with_nan(stored["metrics"]), "data": tuple(stored["data"]),
                               "flags": {name: tuple(flags) for name, flags in stored["flags"].items()}})


def _with_nan(value: Any) -> Any:
    """Nested numbers, NaN for each None."""
    if isinstance(value, dict):
        return {name: _with_nan(part) for name, part in value.items()}
    return math.nan if value is None else value
