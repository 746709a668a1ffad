"""The command predict, which reads, draws and writes, beside the same graph over decoded images; and its memory over
many images."""

import contextlib
import io
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.inputs import Settings, dataset_of
from benchmarks.prediction import random_detector
from benchmarks.timing import Row, alternate, rows_of
from frcnn_keras.data.given_images import pixels
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.pictures.drawing import save_image
from frcnn_keras.pictures.video_file import VideoFile
from frcnn_keras.progress import ahead
from frcnn_keras.runs.detector import Detector, load
from frcnn_keras.runs.predicting import Predicting, Request
from frcnn_keras.runs.sources import Sources

THRESHOLD = 0.5  # the command's own
GRAPH = "its graph alone, images decoded before"


def predicted(detector: Detector, out: Path, paths, **made) -> None:
    """The command's work, without its lines."""
    ledger = Ledger(out)
    ledger.tidy()
    with contextlib.redirect_stderr(io.StringIO()):
        Predicting(ledger, Request(Sources([str(path) for path in paths]), **made)).run(detector)


def megabytes() -> float:
    """What this process holds now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096 / 2**20


def measure(settings: Settings) -> list[Row]:
    """Seconds an image, and megabytes."""
    detector = load(settings.run, score_threshold=THRESHOLD) if settings.run else random_detector(settings)
    count = 4 if settings.quick else 48
    examples = dataset_of(settings, count).examples
    images = [np.asarray(pixels(example.read())) for example in examples]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "out").mkdir()
        paths = [root / f"{number:05}.jpg" for number in range(count)]
        for path, image in zip(paths, images, strict=True):
            save_image(path, image)
        clip = VideoFile(root / "clip.mp4", 10)
        for image in images:
            clip.write(image)
        clip.close()
        ways = {"predict, detections.json alone": lambda: predicted(detector, root / "out", paths, draw=False),
                "predict, drawn JPEGs too": lambda: predicted(detector, root / "out", paths),
                "predict, drawn, crops and COCO labels": lambda: predicted(detector, root / "out", paths, crops=True,
                                                                           save=("coco",)),
                "predict of an MP4, drawn": lambda: predicted(detector, root / "out", [root / "clip.mp4"])}
        seconds = alternate({GRAPH: lambda: list(ahead(lambda image: detector.predict(image)[0], images)), **ways},
                            settings.repeats(5), warm=1)
        return [*rows_of("results", seconds, [(way, GRAPH) for way in ways], unit="s", per=count),
                _memory(settings, detector, root, paths)]


def _memory(settings: Settings, detector: Detector, root: Path, paths) -> Row:
    """Of ten times as many images, drawn and labelled, beside a tenth of them."""
    few = 20 if settings.quick else 1000
    held = []
    for number, some in enumerate((few, 10 * few)):
        out = root / f"many{number}"
        out.mkdir()
        predicted(detector, out, (paths * (some // len(paths) + 1))[:some], save=("coco", "csv"))
        held.append(megabytes())
    return Row("results", f"predict, memory after {10 * few} images", held[1], "MB", f"after {few} images", held[0])
