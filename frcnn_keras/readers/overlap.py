"""Whether images that are measured or tested on are images to train on as well."""

import dataclasses
import os
from collections import Counter
from collections.abc import Hashable, Sequence

from frcnn_keras.data.example import Dataset, Example, Problem
from frcnn_keras.data.image_paths import IMAGE_SUFFIXES
from frcnn_keras.data.wording import counted
from frcnn_keras.errors import InputError


def apart(train: Dataset, other: Dataset, use: str, advice: str = "") -> tuple[Dataset, tuple[str, ...]]:
    """The other data set, with a note where some of its images are to train on as well, and that note as a line.

    One image is one file, whatever link or spelling leads to it; one record of a file of many; where there is no file,
    one Example. use: what is done with the others: "measure on". advice: what to do where all of them train; without
    it a note is enough then, too.

    Raises:
        InputError: all images train as well, and there is advice.
    """
    places: dict[str, str] = {}
    known = set(_images(train.examples, places))
    same = sum(image in known for image in _images(other.examples, places))
    if not same:
        return other, ()
    if same == len(other.examples) and advice:
        raise InputError(f"{other.name}: all {counted(same, 'image')} to {use} are to train on as well; {advice}")
    line = (f"{same} of {counted(len(other.examples), 'image')} to {use} {'is' if same == 1 else 'are'} to train on as "
            "well: AP will be too good")
    return dataclasses.replace(other, problems=(*other.problems, Problem(other.name, line, fatal=False))), (line,)


def _images(examples: Sequence[Example], places: dict[str, str]) -> list[Hashable]:
    """What tells each image from all others. places: folders that links are resolved in, by how they are spelled."""
    often = Counter(example.path for example in examples)
    return [_image(example, often[example.path] > 1, places) for example in examples]


def _image(example: Example, shared: bool, places: dict[str, str]) -> Hashable:
    if not example.path:
        return id(example)
    file = _resolved(example.path, places)
    # records of one file have ids of their own; a picture listed twice is one picture
    return (file, example.id) if shared and not file.lower().endswith(IMAGE_SUFFIXES) else file


def _resolved(path: str, places: dict[str, str]) -> str:
    """os.path.realpath, that looks at a folder once for all files in it."""
    if os.path.islink(path):
        return os.path.realpath(path)
    folder, name = os.path.split(path)
    if folder not in places:
        places[folder] = os.path.realpath(folder)
    return os.path.join(places[folder], name)
