"""Peak memory of one large photograph, in predict and in a SavedModel, above that of a small image."""

import ctypes
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from benchmarks.inputs import Settings
from benchmarks.prediction import random_detector
from benchmarks.timing import Row
from frcnn_keras.models.saving import save_model
from frcnn_keras.serving.saved_model import export_saved_model

MEGA = 2**20


def measure(settings: Settings) -> list[Row]:
    """Each picture in a process of its own, which answers for a small image first."""
    detector = random_detector(settings)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        save_model(detector.model, folder / "detector.keras")
        served = export_saved_model(detector, folder / "served", max_pixels=100_000_000).path
        rows = []
        for name, encoded, pixels in pictures(settings):
            (folder / "picture").write_bytes(encoded)
            for way, model in (("predict", folder / "detector.keras"), ("SavedModel, image_bytes", served)):
                rows.append(Row("pictures", f"{way}, {name}, peak memory", growth(way, model, folder / "picture"),
                                "MB", "its uint8 pixels", pixels / MEGA))
    return rows


def pictures(settings: Settings):
    """(name, encoded, bytes of its pixels): a photograph of 12 megapixels as it is stored, and as a telephone held
    upright stores it; a large PNG of one colour."""
    width, height = (800, 600) if settings.quick else (4000, 3000)
    soft = np.random.default_rng(0).integers(0, 256, (height // 20, width // 20, 3)).astype(np.uint8)
    photograph = cv2.imencode(".jpg", cv2.resize(soft, (width, height)))[1].tobytes()
    turned = photograph[:2] + _turned_segment() + photograph[2:]
    side = 1000 if settings.quick else 10_000
    flat = cv2.imencode(".png", np.full((side, side, 3), 90, np.uint8))[1].tobytes()
    size = 3 * height * width
    return [(f"JPEG of {width}x{height}", photograph, size),
            (f"JPEG of {width}x{height}, orientation 6", turned, size),
            (f"PNG of {side}x{side}", flat, 3 * side * side)]


def _turned_segment() -> bytes:
    """A JPEG's APP1 segment: EXIF with orientation 6, to be turned by 90 degrees to the right."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    return b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif


def growth(way: str, model: Path, picture: Path) -> float:
    """Megabytes by which a picture raises the peak of a process that has answered for a small image."""
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-m", "benchmarks.picture_memory", way, str(model), str(picture)], cwd=root,
                          text=True, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{way} of a large picture ended with code {done.returncode}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main(way: str, model: str, picture: str) -> int:
    """The process: prints what the picture adds."""
    small = cv2.imencode(".jpg", np.full((600, 800, 3), 90, np.uint8))[1].tobytes()
    if way == "predict":
        from frcnn_keras.runs.detector import load

        answer = load(model).predict
    else:
        from benchmarks.saved_model import opened

        call = opened(model)

        def answer(image):
            return call([image])

    encoded = Path(picture).read_bytes()
    for _ in range(2):
        answer(small)
    ctypes.CDLL(None).malloc_trim(0)  # what the model's loading has freed would be used again unseen
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak so far is forgotten
    before = _status("VmRSS")
    answer(encoded)
    print(json.dumps((_status("VmHWM") - before) / 1024))
    return 0


def _status(name: str) -> int:
    """A line of this process's status, kilobytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
