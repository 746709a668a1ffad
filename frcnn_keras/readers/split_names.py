"""What the parts of a data set are called, by people and in names of files and folders."""

import re
from collections.abc import Iterable

SPLITS = {"train": ("train", "training"), "val": ("val", "valid", "validation", "dev"), "test": ("test", "testing")}
_CANONICAL = {word: name for name, words in SPLITS.items() for word in words}


def canonical(name: str) -> str:
    """`train`, `val` or `test` for every word for it; any other name as it is."""
    return _CANONICAL.get(name.strip().lower(), name)


def split_of(name: str) -> str:
    """The split that a file's or folder's name says, by one of its words: instances_val2017.json -> val. Empty where it
    says none, or several."""
    words = re.split(r"[^a-z]+", name.lower())
    found = {_CANONICAL[word] for word in words if word in _CANONICAL}
    return found.pop() if len(found) == 1 else ""


def training_split(names: Iterable[str]) -> str | None:
    """The split of a data set that part is held out of: `trainval`, `train`, or the only one if it is not called as
    images to measure or test on are (CVAT's is `default`); None where images to measure on are a split already, or
    nothing says which are to train on."""
    found = list(names)
    if len(found) == 1 and split_of(found[0]) not in ("val", "test"):
        return found[0]
    if "val" in map(canonical, found):
        return None
    return next((name for wanted in ("trainval", "train") for name in found if canonical(name) == wanted), None)
