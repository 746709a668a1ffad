"""Which label file belongs to which image of a YOLO data set."""

import os
from pathlib import Path

from frcnn_keras.data.image_paths import files_below, folded, is_hidden, without_suffix
from frcnn_keras.errors import InputError
from frcnn_keras.readers.yolo_lines import read_labels

IMAGES = ("images", "image", "imgs", "img", "jpegimages")  # a folder in whose place `labels` stands for the labels
LABELS = "labels"


class LabelFiles:
    """Finds label files; every folder is listed once."""

    def __init__(self) -> None:
        self._in: dict[str, dict[str, str]] = {}  # by folder: its text files by their names' folded stems
        self._used: set[str] = set()

    def of(self, image: Path) -> Path | None:
        """An image's label file; None where there is none.

        The last folder of its path that is called `images` (or JPEGImages, img, ...) is `labels` in the label's; else
        it lies beside the image. Letters' case does not matter.
        """
        for folder, name in self._places(image):
            listed = self._files(folder)
            for key in dict.fromkeys((folded(name), folded(without_suffix(name)))):  # a.jpg.txt, a.txt
                if key in listed:
                    self._used.add(listed[key])
                    return Path(listed[key])
        return None

    def lone(self) -> list[Path]:
        """The label files of the folders looked into that are no image's. A text of another kind is none."""
        found = {path for files in self._in.values() for path in files.values()}
        return [Path(path) for path in sorted(found - self._used) if is_label(Path(path))]

    def _places(self, image: Path) -> list[tuple[str, str]]:
        """(folder, the image's path below its counterpart) where its label may lie, likelier ones first."""
        parts, places = image.parts, []
        for at in range(len(parts) - 2, -1, -1):
            if parts[at].lower() in IMAGES:
                labels = _named(Path(*parts[:at]), LABELS)
                if labels is not None:
                    # below images/train only what lies below labels/train: the others are another split's
                    start = os.path.join(labels, *parts[at + 1 : -1])
                    places.append((start, parts[-1]))
                break
        return [*places, (str(image.parent), image.name)]

    def _files(self, folder: str) -> dict[str, str]:
        """The text files in one folder, by their names' folded stems."""
        if folder not in self._in:
            parent, last = os.path.split(folder)
            place = folder if os.path.isdir(folder) else _named(Path(parent), last) or folder
            try:
                names = sorted(os.listdir(place))
            except OSError:  # there is none
                names = []
            self._in[folder] = {folded(name[:-4]): os.path.join(place, name) for name in names
                                if name.lower().endswith(".txt") and not is_hidden(name)}
        return self._in[folder]


def is_label(path: Path) -> bool:
    """Whether a text file is one of labels: its first line is an object's."""
    try:
        labels = read_labels(path)
    except InputError:
        return False
    return bool(labels.lines) and labels.lines[0].number <= min((line for line, _ in labels.faults), default=1 << 60)


def label_below(root: Path, most: int = 200) -> bool:
    """Whether there are label files below a folder; at most so many texts are looked at."""
    return any(is_label(root / name) for name in files_below(root, (".txt",))[:most])


def _named(folder: Path, name: str) -> str | None:
    """The sub-folder of that name in any case."""
    if os.path.isdir(folder / name):
        return str(folder / name)
    try:
        found = sorted(entry for entry in os.listdir(folder) if entry.lower() == name.lower())
    except OSError:
        return None
    return str(folder / found[0]) if found and os.path.isdir(folder / found[0]) else None
