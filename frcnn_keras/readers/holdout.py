"""A data set without splits of its own, split: by the hash of each image's id, the same on every machine, in every
order, and whatever is added. Near-duplicates stay on one side."""

import dataclasses
import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple

from frcnn_keras.data.example import Dataset, Problem
from frcnn_keras.errors import InputError
from frcnn_keras.readers.look_alikes import groups, looks

SIDES = ("train", "val")
DEFAULT = 0.2
_LEAST, _MOST = 0.01, 0.9


class Halves(NamedTuple):
    train: Dataset
    val: Dataset
    line: str  # what was done, for who prints it

    def side(self, name: str) -> Dataset:
        """The one of that name."""
        return self.train if name == "train" else self.val


def parse_share(text: str | float) -> float:
    """`20%`, `0.2` or 0.2 -> 0.2; InputError for anything else, and outside 1 % to 90 %."""
    match = re.fullmatch(r"\s*([0-9]{0,9}\.?[0-9]{1,9})\s*(%?)\s*", str(text))
    share = float(match[1]) / (100 if match[2] else 1) if match else -1.0
    if isinstance(text, bool) or not _LEAST <= share <= _MOST:
        raise InputError(f"--holdout must be the share of images to measure on, 1% to 90% (or 0.01 to 0.9); received: "
                         f"{str(text)[:60]!r}")
    return share


def hold_out(dataset: Dataset, share: float = DEFAULT) -> Halves:
    """The data set in two: `share` of its images, about, to measure on, the others to train on.

    An image's side follows from SHA-256 of its id; that of near-duplicates (see `look_alikes`) from the smallest id of
    them. Of these a group larger than `share` trains; where all are, as with a camera that never moves, ids alone
    decide, and a note says so. Where hashes leave a side empty, or without objects though several images have some,
    what is nearest to it changes over.

    Raises:
        InputError: there are not two images; or near-duplicates leave a side without objects.
    """
    examples = dataset.examples
    if len(examples) < 2:
        bad = next((f" that can be used ({problem})" for problem in dataset.problems if problem.stops), "")
        raise InputError(f"{dataset.name}: two images are needed to hold one out; there is {len(examples) or 'none'}"
                         f"{bad}")
    found = looks(examples)
    ids = [str(example.id) for example in examples]
    largest = max(1.0, share * len(examples))
    notes, places = [], groups(found)
    if min(map(len, places)) > largest:
        notes.append(f"nearly all of {len(examples)} pictures look alike: near-duplicates are on both sides, and AP "
                     "will be too good")
        places = groups(found, alike=False)
        if min(map(len, places)) > largest:
            places = [[place] for place in range(len(examples))]
    held = _held(ids, places, share, largest)
    bearing = {place for place, example in enumerate(examples) if example.certain and not example.ignored.all()}
    if len(bearing) > 1 and not (bearing & held and bearing - held):
        held = _with_objects(ids, places, held, largest, bearing)
        if not (bearing & held and bearing - held):
            raise InputError(f"{dataset.name}: the {len(bearing)} images with objects look so much alike that they "
                             f"stay on one side at --holdout {100 * share:g}%; give another --holdout, or images to "
                             "measure on")
    kept = [place for place in range(len(examples)) if place not in held]
    together = sum(len(group) for group in places if len(group) > 1)
    if together and not notes:
        count = sum(len(group) > 1 for group in places)
        some = "1 group" if count == 1 else f"{count} groups"
        first = next(group for group in places if len(group) > 1)
        notes.append(f"{together} images are near-duplicates, in {some}; each stays on one side, first: "
                     f"{ids[first[0]]} and {ids[first[1]]}")
    train, val = (_part(dataset, name, which) for name, which in (("train", kept), ("val", sorted(held))))
    notes += absent((train, val), "train", "cannot be learnt") + absent((val, train), "val", "has no AP")
    problems = tuple(Problem(dataset.name, note, fatal=False) for note in notes)
    train, val = (dataclasses.replace(side, problems=side.problems + problems) for side in (train, val))
    line = (f"split by the hash of ids, {100 * share:g}% held out: {len(train.examples)} images to train on, "
            f"{len(val.examples)} to measure on")
    return Halves(train, val, line)


def place_of(id: str) -> float:
    """Where an id's hash lies, 0 to 1: below the share it is held out."""
    return int.from_bytes(hashlib.sha256(id.encode("utf-8", "surrogatepass")).digest()[:8], "big") / 2**64


def _held(ids: Sequence[str], places: Sequence[Sequence[int]], share: float, largest: float) -> set[int]:
    """The images that are held out; at least one, and not all."""
    ranked = _ranked(ids, places, largest)
    held = [group for at, group in ranked if at < share] or [ranked[0][1]]
    if sum(map(len, held)) == len(ids):
        held = held[:-1]
    return {place for group in held for place in group}


def _with_objects(ids: Sequence[str], places: Sequence[Sequence[int]], held: set[int], largest: float,
                  bearing: set[int]) -> set[int]:
    """The same where one side has no object: the group nearest to it that has some changes over to it."""
    groups = [set(group) for _, group in _ranked(ids, places, largest) if bearing & set(group)]
    if not bearing & held:
        return held.union(*groups[:1])
    return held.difference(*[group for group in groups if group <= held][-1:])


def _ranked(ids: Sequence[str], places: Sequence[Sequence[int]], largest: float) -> list[tuple[float, Sequence[int]]]:
    """The groups that may be held out by where their hashes lie."""
    return sorted((place_of(min(ids[place] for place in group)), group) for group in places if len(group) <= largest)


def _part(dataset: Dataset, name: str, places: Sequence[int]) -> Dataset:
    return dataclasses.replace(dataset, name=f"{dataset.name} {name}",
                               examples=tuple(dataset.examples[place] for place in places))


def absent(parts: Sequence[Dataset], name: str, reason: str) -> list[str]:
    """A line on the classes that have objects in other parts of a data set but none in the first, which is called
    `name`."""
    labels = [{label for example in part.examples for label in example.labels[~example.ignored].tolist()}
              for part in parts]
    names = [parts[0].class_names[label - 1] for label in sorted(set().union(*labels) - labels[0])]
    shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    return [f"no object of {shown} is in {name}: what has none {reason}"] if names else []
