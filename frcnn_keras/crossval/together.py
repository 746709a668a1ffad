"""Images that must be in one fold: of the same bytes, alike, or put together by a file."""

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from frcnn_keras.crossval.group_file import read_groups
from frcnn_keras.crossval.likeness import alike
from frcnn_keras.data import originals
from frcnn_keras.data.prepared import Prepared
from frcnn_keras.data.wording import counted
from frcnn_keras.readers.look_alikes import Sets


@dataclasses.dataclass(frozen=True)
class Together:
    """Groups of images' places, each image in one; and what is to be said of them."""

    groups: tuple[tuple[int, ...], ...]
    notes: tuple[str, ...]


def together(prepared: Prepared, ids: Sequence[str], looks: np.ndarray, mirrored: np.ndarray | None, folds: int,
             group_file: str | Path | None = None) -> Together:
    """What belongs together of a prep folder's images.

    ids: of its images, in order. looks, mirrored: see likeness.alike. Where more images than a fold has look alike, as
    the frames of a camera that never moves, their looks decide nothing, and a note says so.

    Raises:
        InputError: the file of groups is none, or names an image that there is not.
    """
    fixed, notes = Sets(len(ids)), []
    for places in _same_bytes(prepared, ids):
        fixed.join_all(places)
    if group_file is not None:
        named = read_groups(group_file, ids)
        for places in named:
            fixed.join_all(places)
        rest = len(ids) - sum(map(len, named))
        if rest:
            notes.append(f"{group_file} names no group of {counted(rest, 'image')}, each of which stands by itself")
    pairs = list(alike(looks, mirrored))
    large = _larger(pairs, fixed.groups(), len(ids), len(ids) / folds)
    for first, second in pairs:
        if first not in large:
            fixed.join(first, second)
    if large:
        notes.append(f"{len(large)} images look alike, more than a fold has: they are in several, and AP will be too "
                     "good; say with --group FILE what belongs together")
    groups = fixed.groups()
    shared = [group for group in groups if len(group) > 1]
    if shared:
        notes.append(f"{sum(map(len, shared))} images are in {counted(len(shared), 'group')} of near-duplicates or of "
                     f"--group, each in one fold; the first: {ids[shared[0][0]]} and {ids[shared[0][1]]}")
    return Together(tuple(map(tuple, groups)), tuple(notes))


def _same_bytes(prepared: Prepared, ids: Sequence[str]) -> list[list[int]]:
    """Images whose pictures are the same to the byte, by what prep recorded of them."""
    same: dict[tuple[int, int], list[int]] = defaultdict(list)
    place_of = {id: place for place, id in enumerate(ids)}
    for original in originals.read_originals(prepared.path / originals.NAME):
        if original.content > 0 and original.id in place_of:  # 0: made in memory, -1: unreadable; absent: left out
            same[(original.size, original.content)].append(place_of[original.id])
    return [places for places in same.values() if len(places) > 1]


def _larger(pairs: Sequence[tuple[int, int]], fixed: Sequence[Sequence[int]], images: int, most: float) -> set[int]:
    """The images that pairs join to more than `most`; but for those that are in one group by something else."""
    looking, whole = Sets(images), [set(group) for group in fixed if len(group) > 1]
    for first, second in pairs:
        looking.join(first, second)
    return {place for group in looking.groups() if len(group) > max(1.0, most)
            and not any(own.issuperset(group) for own in whole) for place in group}
