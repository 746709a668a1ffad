"""Which images of a data set show the same: near-duplicates, whose one half would tell what the other asks.

Pictures are the same to the byte, or their 8 x 8 average hash is. Saving a picture anew changes a bit of it in one of
eight (measured on 153 photographs), so one bit may differ where the pictures correlate. Of pages, and of pictures
through one microscope, many have the same hash without being the same: where it is that of more than a twentieth of the
images, those that have it must correlate too.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import google_crc32c
import numpy as np

from frcnn_keras.data.example import Example
from frcnn_keras.data.thumbnails import SIDE, average_hash, normalised, thumbnail
from frcnn_keras.errors import InputError
from frcnn_keras.progress import Progress, ahead

ALIKE = 0.95  # correlation of 16 x 16 greys; of a picture saved anew it is 0.96 or more, of BCCD's next pair 0.67
COMMON = 10, 0.05  # images of one hash, and share of all, above which the hash alone says nothing


class Look(NamedTuple):
    """One picture."""

    content: tuple[int, int]  # bytes, and their CRC-32C; (-1, i) of the i-th where it cannot be read
    hash: int  # -1 where it cannot be decoded
    grey: np.ndarray  # (256,) normalised


def looks(examples: Sequence[Example]) -> list[Look]:
    """Every picture, read and decoded small once: 364 of 640 x 480 take 0.4 s."""
    found = []
    with Progress("look-alikes", len(examples), "images") as bar:
        for place, look in enumerate(ahead(_look, examples)):
            found.append(look if look.content != (-1, 0) else look._replace(content=(-1, place)))
            bar.advance()
    return found


def _look(example: Example) -> Look:
    try:
        encoded = example.read()
    except InputError:  # whoever needs the picture says so
        return Look((-1, 0), -1, np.zeros(SIDE * SIDE, np.float32))
    small = thumbnail(encoded)
    content = len(encoded), google_crc32c.value(encoded)
    if small is None:
        return Look(content, -1, np.zeros(SIDE * SIDE, np.float32))
    return Look(content, average_hash(small), normalised(small))


def groups(found: Sequence[Look], alike: bool = True) -> list[list[int]]:
    """Places of images that belong together, each once, in order. alike: by their looks too, not their bytes alone."""
    sets = Sets(len(found))
    same: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place, look in enumerate(found):
        same[look.content].append(place)
    for places in same.values():
        sets.join_all(places)
    if alike:
        _join_alike(found, sets)
    return sets.groups()


def _join_alike(found: Sequence[Look], sets: "Sets") -> None:
    places_of: dict[int, list[int]] = defaultdict(list)
    for place, look in enumerate(found):
        if look.hash >= 0:
            places_of[look.hash].append(place)
    common = max(COMMON[0], COMMON[1] * len(found))
    for hash, places in places_of.items():
        if len(places) <= common:
            sets.join_all(places)
        else:
            _join_correlated(found, places, sets)
        for bit in range(64):
            others = places_of.get(hash ^ 1 << bit, ())
            if hash < hash ^ 1 << bit and others:
                _join_between(found, places, others, sets)


def _join_correlated(found: Sequence[Look], places: Sequence[int], sets: "Sets") -> None:
    """Each with the first like it among those that are like no earlier one."""
    firsts: list[int] = []
    greys = np.zeros((len(places), SIDE * SIDE), np.float32)
    for place in places:
        like = np.flatnonzero(greys[: len(firsts)] @ found[place].grey >= ALIKE)
        if like.size:
            sets.join(firsts[like[0]], place)
        else:
            greys[len(firsts)] = found[place].grey
            firsts.append(place)


def _join_between(found: Sequence[Look], places: Sequence[int], others: Sequence[int], sets: "Sets") -> None:
    """Pairs of two hashes that correlate."""
    greys = np.stack([found[place].grey for place in others])
    for place in places:
        for other in np.flatnonzero(greys @ found[place].grey >= ALIKE).tolist():
            sets.join(place, others[other])


class Sets:
    """What belongs together, 0 to count - 1, as it comes to light (union-find)."""

    def __init__(self, count: int):
        self._above = list(range(count))

    def _top(self, place: int) -> int:
        while self._above[place] != place:
            self._above[place] = place = self._above[self._above[place]]
        return place

    def join(self, place: int, other: int) -> None:
        low, high = sorted((self._top(place), self._top(other)))
        self._above[high] = low

    def join_all(self, places: Sequence[int]) -> None:
        for place in places[1:]:
            self.join(places[0], place)

    def groups(self) -> list[list[int]]:
        """Each once, in order."""
        members = defaultdict(list)
        for place in range(len(self._above)):
            members[self._top(place)].append(place)
        return list(members.values())
