"""Which images of a prep folder are held out together: folds by the hash of ids, with groups that never part and rare
classes spread first (iterative stratification: Sechidis, Tsoumakas and Vlahavas, ECML 2011)."""

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np

from frcnn_keras.data.wording import counted
from frcnn_keras.errors import InputError


@dataclasses.dataclass(frozen=True)
class Image:
    """What of an image its fold follows from."""

    id: str
    classes: frozenset[int]  # labels of its objects that count


def assign(images: Sequence[Image], groups: Sequence[Sequence[int]], folds: int) -> np.ndarray:
    """(I,) int, the fold 1..folds of each image: the same on every machine and in every order of the images.

    The class that fewest groups are left of goes first: each group that has it goes to the fold that lacks it most, of
    equal ones to that with most room. A group's turn follows from SHA-256 of its smallest id. So a class is in every
    fold where it is in as many groups, unless rarer classes in the same pictures stand against it.

    groups: places of images that belong together; each image is in one.

    Raises:
        InputError: fewer groups than folds.
    """
    if len(groups) < folds:
        together = f" in {counted(len(groups), 'group')} that belong together" if len(groups) < len(images) else ""
        raise InputError(f"--folds {folds}: there are {counted(len(images), 'image')}{together}, and every fold needs "
                         f"one{' group' if together else ''}; give fewer folds")
    turns = sorted(groups, key=lambda group: _hash(min(images[place].id for place in group)))
    sizes = np.array([len(group) for group in turns])
    labels = sorted(frozenset().union(*(image.classes for image in images)))
    held = np.array([[sum(label in images[place].classes for place in group) for label in labels] for group in turns],
                    np.int64).reshape(len(turns), len(labels))  # (groups, classes) images
    chosen = _spread(held, sizes, folds)
    fold_of = np.zeros(len(images), np.int64)
    for group, fold in zip(turns, chosen, strict=True):
        fold_of[list(group)] = fold + 1
    return fold_of


def _spread(held: np.ndarray, sizes: np.ndarray, folds: int) -> np.ndarray:
    """(groups,) a fold 0.. of each. held: (groups, classes) images with each class; sizes: (groups,) images."""
    wanted = np.tile(held.sum(axis=0) / folds, (folds, 1))  # images with a class that a fold still lacks
    room = np.full(folds, sizes.sum() / folds)
    chosen = np.full(len(sizes), -1)
    left = (held > 0).sum(axis=0)  # groups of each class that have no fold yet
    for _ in sizes:
        label = int(np.where(left > 0, left, len(sizes) + 1).argmin()) if left.any() else -1
        waiting = chosen < 0
        group = int(np.flatnonzero(waiting & (held[:, label] > 0) if label >= 0 else waiting)[0])
        empty = np.bincount(chosen[~waiting], minlength=folds) == 0
        allowed = empty if empty.sum() == waiting.sum() else np.ones(folds, bool)  # none stays empty
        lacks = wanted[:, label] if label >= 0 else room
        ranked = np.lexsort((np.arange(folds), -room, -lacks))
        fold = int(next(number for number in ranked if allowed[number]))
        chosen[group] = fold
        wanted[fold] -= held[group]
        room[fold] -= sizes[group]
        left -= held[group] > 0
    return chosen


def _hash(id: str) -> bytes:
    return hashlib.sha256(id.encode("utf-8", "surrogatepass")).digest()


def absent_line(images: Sequence[Image], fold_of: np.ndarray, class_names: Sequence[str]) -> str:
    """A line on the classes that some fold has no object of; empty where there are none. What a fold has not has no AP
    there; what all images of one fold alone have cannot be learnt by the detector that it is held out from."""
    folds = range(1, int(fold_of.max()) + 1)
    without = {name: [fold for fold in folds if not any(label in image.classes for image in
                                                        np.array(images, object)[fold_of == fold])]
               for label, name in enumerate(class_names, 1)}
    told = [f"{name} ({len(without[name])} of {len(folds)})" for name in class_names if without[name]]
    unseen = [name for name in class_names if len(without[name]) == len(folds) - 1]
    line = f"folds without an object of a class, which have no AP of it: {_shown(told)}" if told else ""
    return line + (f"; in one fold alone, so that the detector which is measured on it has never seen it: "
                   f"{_shown(unseen)}" if unseen else "")


def _shown(words: Sequence[str]) -> str:
    return ", ".join(words[:10]) + (f" and {len(words) - 10} more" if len(words) > 10 else "")
