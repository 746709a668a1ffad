"""YOLO data sets for tests: pictures, label files and what describes them."""

from pathlib import Path

import numpy as np
from PIL import Image


def picture(path, height=100, width=200, orientation=1, seed=0):
    """A picture of noise, as JPEG or PNG by its suffix, with an EXIF orientation."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation != 1:
        exif[0x0112] = orientation
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    Image.fromarray(values).save(path, exif=exif)
    return path


def text(path, content=""):
    """A text file, its folders made."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def flat(root, labels=("0 0.5 0.5 0.5 0.4\n",), names="cat\ndog\n"):
    """images/0.jpg ..., labels/0.txt ... and classes.txt; a label of None is no file."""
    for number, content in enumerate(labels):
        picture(root / "images" / f"{number}.jpg", seed=number)
        if content is not None:
            text(root / "labels" / f"{number}.txt", content)
    if names:
        text(root / "classes.txt", names)
    return root


def fatal(dataset):
    """The lines that stop, without folders."""
    return [f"{Path(problem.file).name}: {problem.item}: {problem.message}" for problem in dataset.problems
            if problem.stops]


def notes(dataset):
    return [problem.message for problem in dataset.problems if not problem.stops]
