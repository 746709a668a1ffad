"""What a run's or a cross-validation's folder says about itself: settings, scores, seconds, curves of training."""

import csv
import dataclasses
import importlib.metadata
import math
import platform
from pathlib import Path
from typing import Any

from frcnn_keras.errors import InputError
from frcnn_keras.evaluation import intervals
from frcnn_keras.files import read_json
from frcnn_keras.runtime import VERSION

REQUESTS = {"train.json": "train", "crossval.json": "crossval", "rpn.json": "train-rpn", "rcnn.json": "train-rcnn",
            "finetune.json": "finetune", "joint.json": "joint", "torchvision.json": "import-torchvision"}
LOGS = {"rpn_log.csv": "First stage (region proposal network)", "rcnn_log.csv": "Second stage (Fast R-CNN head)",
        "finetune_log.csv": "Fine-tuning", "joint_log.csv": "Joint training"}
NAMES = set(intervals.NAMES)  # scores that the page leads with
PACKAGES = ("keras", "tensorflow", "tensorflow-cpu", "numpy", "opencv-python-headless", "faster-coco-eval")


@dataclasses.dataclass(frozen=True)
class Log:
    """One stage's numbers, an epoch a line."""

    title: str
    epochs: tuple[float, ...]
    columns: dict[str, tuple[float, ...]]


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is known; what is not is empty."""

    run: Path
    metrics: dict[str, Any]  # evaluation/metrics.json, see evaluation.metrics.evaluate_detections
    crossval: dict[str, Any]  # cv.json, see crossval.results.summarise
    data: tuple[str, ...]  # lines: what was trained and measured on
    epochs: dict[str, str]  # of each stage: how many, and why
    flags: dict[str, tuple[str, ...]]  # of each split: what names it to every command
    scored_on: str  # the split that was scored; "" where it is not known
    seconds: dict[str, float]  # by part of the work
    recall: dict[str, float]  # of the proposals, "recall@100/0.5" and so on
    recalled_on: str  # the images that it was measured on
    recall_by_size: dict[str, dict[str, float]]  # the same of "small", "medium", "large"
    logs: tuple[Log, ...]
    settings: dict[str, tuple[tuple[str, str], ...]]  # of each stage: (name, value)
    versions: tuple[tuple[str, str], ...]  # of what made the report


def read_facts(run: Path, evaluation: Path | None = None) -> Facts:
    """Reads them. evaluation: the folder that holds metrics.json, RUN/evaluation by default.

    Raises:
        InputError: a file is damaged, or the run was not evaluated.
    """
    metrics = _metrics((evaluation or run / "evaluation") / "metrics.json")
    crossval = _record(run / "cv.json") if (run / "cv.json").exists() else {}
    trained = _trained(run)
    logs = tuple(log for name, title in LOGS.items() for log in _log(run / name, title)) or _of_folds(run, crossval)
    settings = {stage: tuple(_leaves(_settings(run / name))) for name, stage in REQUESTS.items()
                if (run / name).exists()}
    flags = {name: tuple(map(str, words)) for name, words in trained.get("flags", {}).items()}
    seconds = dict(trained.get("seconds") or crossval.get("seconds", {}))
    return Facts(run, metrics, crossval, tuple(map(str, trained.get("data", ()))), dict(trained.get("epochs", {})),
                 flags, _scored_on(trained, metrics), seconds, *_recall(metrics, crossval, logs), logs, settings,
                 versions())


def scored_flags(run: Path) -> tuple[str, ...]:
    """What names the images that `train` scored a run on to every command; nothing where it is not known, or where the
    run was evaluated on others since."""
    trained = _trained(run)
    scored_on = _scored_on(trained, _metrics(run / "evaluation" / "metrics.json")) if trained else ""
    return tuple(map(str, trained.get("flags", {}).get(scored_on, ())))


def _trained(run: Path) -> dict[str, Any]:
    return _record(run / "train_metrics.json") if (run / "train_metrics.json").exists() else {}


def _scored_on(trained: dict[str, Any], metrics: dict[str, Any]) -> str:
    """The split that `train` scored on; "" where these are other scores. NaN is the same object in both."""
    own = trained.get("metrics", {}).get("coco", metrics["coco"])
    return str(trained.get("scored_on", "")) if own == metrics["coco"] else ""


def _recall(metrics: dict[str, Any], crossval: dict[str, Any], logs: tuple[Log, ...]
            ) -> tuple[dict[str, float], str, dict[str, dict[str, float]]]:
    """Of proposals, of what images, and by size: of the scored images, where it was measured there."""
    if "recall" in crossval:
        sizes = {size: {name: entry["pooled"] if isinstance(entry, dict) else entry for name, entry in own.items()}
                 for size, own in crossval.get("recall_by_size", {}).items()}
        pooled = {name: entry["pooled"] for name, entry in crossval["recall"].items()}
        return pooled, "images that each detector did not train on", sizes
    if metrics.get("proposals"):
        return metrics["proposals"]["recall"], "images that were scored", metrics["proposals"]["by_size"]
    return {name: values[-1] for log in logs for name, values in log.columns.items() if name.startswith("recall@")
            }, "validation images, after the last epoch", {}


def _record(path: Path) -> dict[str, Any]:
    """A JSON object; null is what it has for NaN."""
    value = _with_nan(read_json(path))
    if not isinstance(value, dict):
        raise InputError(f"{path}: damaged (no JSON object); make it anew")
    return value


def _metrics(path: Path) -> dict[str, Any]:
    metrics = _record(path)
    if not isinstance(metrics.get("coco"), dict) or not NAMES <= metrics["coco"].keys() or not isinstance(
            metrics.get("per_class"), dict) or not _are_proposals(metrics.get("proposals")):
        raise InputError(f"{path}: damaged (not the scores that evaluate writes); evaluate again")
    return metrics


def _are_proposals(value: Any) -> bool:
    """Whether they are none, or as runs.scoring has them."""
    return value is None or isinstance(value, dict) and isinstance(value.get("recall"), dict) and isinstance(
        value.get("by_size"), dict) and all(isinstance(own, dict) for own in value["by_size"].values())


def _with_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_nan(part) for name, part in value.items()}
    return math.nan if value is None else value


def _settings(path: Path) -> dict[str, Any]:
    """What a stage was begun with, without the fingerprints of its data."""
    stored = read_json(path)
    if not isinstance(stored, dict):
        raise InputError(f"{path}: damaged (no JSON object)")
    inner = {name: stored[name] for name in ("folds", "rpn", "rcnn") if isinstance(stored.get(name), dict | int)}
    return stored["config"] if isinstance(stored.get("config"), dict) else inner


def _leaves(value: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as (a.b.c, value)."""
    found: list[tuple[str, str]] = []
    for name, part in value.items():
        if isinstance(part, dict):
            found += _leaves(part, f"{prefix}{name}.")
        elif part is not None:
            found.append((f"{prefix}{name}", ", ".join(map(str, part)) if isinstance(part, list) else str(part)))
    return found


def _log(path: Path, title: str) -> list[Log]:
    """None where the file is not there, or has no epoch.

    Raises:
        InputError: a line is damaged.
    """
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    try:
        columns = {name: tuple(float(row[name] or math.nan) for row in rows) for name in (rows[0] if rows else ())}
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: damaged ({error})") from error
    epochs = columns.pop("epoch", tuple(map(float, range(1, len(rows) + 1))))
    return [Log(title, epochs, columns)] if epochs else []


def _of_folds(run: Path, crossval: dict[str, Any]) -> tuple[Log, ...]:
    """The stages' losses, a column a fold."""
    found = []
    for name, title in LOGS.items():
        logs = {f"loss, fold {entry['fold']}": log for entry in crossval.get("folds", ())
                for log in _log(run / "folds" / str(entry["fold"]) / name, title) if "loss" in log.columns}
        if logs:
            longest = max(logs.values(), key=lambda log: len(log.epochs))
            missing = {fold: (math.nan,) * (len(longest.epochs) - len(log.epochs)) for fold, log in logs.items()}
            found.append(Log(title, longest.epochs, {fold: log.columns["loss"] + missing[fold]
                                                     for fold, log in logs.items()}))
    return tuple(found)


def versions() -> tuple[tuple[str, str], ...]:
    """Of this package, of those that compute, and of Python."""
    found = [("frcnn_keras", VERSION), ("python", platform.python_version())]
    for name in PACKAGES:
        try:
            found.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return tuple(found)
