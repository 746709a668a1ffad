"""The report's page of many images: how large it is, and how long writing and opening it takes.

    python -m benchmarks --only report

Drawn evaluation files as a COCO run leaves them: 80 classes, 7 objects and 67 detections an image, without intervals,
which are computed then; every picture is at hand.
"""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.inputs import Settings
from benchmarks.timing import Row
from frcnn_keras.data.example import Dataset, Example
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.evaluation.metrics import evaluate_detections
from frcnn_keras.evaluation.reached import reached, recall_by_size, recall_of
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.reporting.report import write_report
from frcnn_keras.runs.detections import Detections
from frcnn_keras.runs.evaluation_files import write_evaluation
from frcnn_keras.runs.scoring import Scores

CLASSES, OBJECTS, DETECTIONS = 80, 7, 67  # of COCO's val2017, of its images and of a run's on them
HEIGHT, WIDTH = 480, 640
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def measure(settings: Settings) -> list[Row]:
    """Pages of 500 and 5,000 images; of 20 and 100 with --quick."""
    few, many = (20, 100) if settings.quick else (500, 5000)
    rows, browser = [], os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    with tempfile.TemporaryDirectory() as folder:
        sizes, seconds, processor, opened = zip(
            *(_page(Path(folder) / str(count), count, browser) for count in (few, many)), strict=True)
        what, other = f"report's page of {many} images", f"of {few} images"
        rows.append(Row("report", f"{what}: size", sizes[1], "MB", other, sizes[0]))
        rows.append(Row("report", f"{what}: writing", seconds[1], "s", other, seconds[0]))
        rows.append(Row("report", f"{what}: writing, processor time", processor[1], "s", other, processor[0]))
        if browser:
            blank = Path(folder) / "blank.html"
            blank.write_text("<!DOCTYPE html><title>blank</title>", encoding="utf-8")
            rows.append(Row("report", f"{what}: opening in Chromium", opened[1], "s", "an empty page",
                            _opening(browser, blank)))
    return rows


def _page(folder: Path, count: int, browser: str | None) -> tuple[float, float, float, float]:
    """Its megabytes, seconds of writing and of processors, and of opening (NaN without a browser)."""
    run, images = drawn_run(folder, count)
    begun, busy = time.perf_counter(), time.process_time()
    page = write_report(run, images=images)
    written = time.perf_counter() - begun, time.process_time() - busy
    return page.stat().st_size / 1e6, *written, _opening(browser, page) if browser else float("nan")


def _opening(browser: str, page: Path) -> float:
    """Median seconds of a headless Chromium from its start to the page's end, of three."""
    seconds = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as profile:
            begun = time.perf_counter()
            subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                            f"--user-data-dir={profile}", "--dump-dom", page.as_uri()], capture_output=True,
                           timeout=300, check=True)
            seconds.append(time.perf_counter() - begun)
    return float(np.median(seconds))


def drawn_run(folder: Path, count: int) -> tuple[Path, Path]:
    """A run folder with evaluation files of `count` images, and the folder of their pictures, which are one picture."""
    rng = np.random.default_rng(0)
    images, names = folder / "images", tuple(f"class {number}" for number in range(1, CLASSES + 1))
    images.mkdir(parents=True)
    (drawn,) = shapes_dataset(1, height=HEIGHT, width=WIDTH).examples
    (images / "0.png").write_bytes(drawn.read())
    examples, found, proposed = [], [], []
    for number in range(count):
        if number:
            os.link(images / "0.png", images / f"{number}.png")
        example, detections, proposals = _image(rng, number, names)
        examples.append(example)
        found.append(detections)
        proposed.append(reached(proposals, example.boxes, example.ignored))
    dataset = Dataset("drawn", names, tuple(range(1, CLASSES + 1)), tuple(examples), ())
    metrics = evaluate_detections(examples, found, names)
    proposals = {"recall": recall_of(proposed), "by_size": recall_by_size(proposed)}
    (folder / "run" / "evaluation").mkdir(parents=True)
    write_evaluation(Ledger(folder / "run" / "evaluation"), dataset,
                     Scores(tuple(found), metrics | {"proposals": proposals}))
    return folder / "run", images


def _image(rng: np.random.Generator, number: int, names: tuple[str, ...]) -> tuple[Example, Detections, np.ndarray]:
    """Objects, nine of ten of which are found, and detections that score less the more there are; and proposals."""
    objects = int(rng.poisson(OBJECTS))
    boxes, labels = _boxes(rng, objects), rng.integers(1, CLASSES + 1, objects).astype(np.int32)
    none = np.zeros(objects, bool)
    example = Example(f"{number}.png", f"{number}.png", bytes, HEIGHT, WIDTH, boxes, labels, none, none)
    hit = rng.random(objects) < 0.9
    near = boxes[hit] + rng.normal(0, 4, (int(hit.sum()), 4)).astype(np.float32)
    named = np.where(rng.random(len(near)) < 0.85, labels[hit], rng.integers(1, CLASSES + 1, len(near)))
    rest = max(0, DETECTIONS - len(near))
    all_boxes = np.concatenate([near, _boxes(rng, rest)])
    all_boxes[:, 2:] = np.maximum(all_boxes[:, 2:], all_boxes[:, :2] + 1)
    scores = np.concatenate([rng.beta(4, 1.5, len(near)), rng.beta(1, 8, rest)]).astype(np.float32)
    every = np.concatenate([named, rng.integers(1, CLASSES + 1, rest)]).astype(np.int32)
    order = np.argsort(-scores, kind="stable")
    found = Detections.of(all_boxes[order], scores[order], every[order], names)
    return example, found, all_boxes


def _boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count, 4) float32 of all sizes, inside the picture."""
    sides = np.exp(rng.uniform(np.log(10), np.log(300), (count, 2)))
    corners = rng.random((count, 2)) * (np.array([WIDTH, HEIGHT]) - sides)
    return np.concatenate([corners, corners + sides], axis=1).astype(np.float32)
