"""Which folders of a data set are its splits, by what they are called, and what is said of the others."""

import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

from frcnn_keras.data.wording import listed
from frcnn_keras.errors import printable
from frcnn_keras.readers.split_names import SPLITS, canonical

_EACH, _MOST = 20, 2000  # files of one folder, and of all, that are looked into


class Parts(NamedTuple):
    """Where the splits are."""

    folders: dict[str, str]  # by split in the order train, val, test; the whole, "", by "" where there are none
    said: str = ""  # what is left out, or taken for no split, in words
    spare: dict[str, str] = {}  # folders called as splits that are not taken as them, for none is to train on
    others: tuple[str, ...] = ()  # those beside them


def split_folders(inside: Iterable[str]) -> Parts:
    """The splits of a data set in whose folders `inside` (paths below it, "" for itself) its annotations lie.

    Folders called as splits are, are taken as them if one is to train on, or there are no others: a folder of images
    to test on is not all of a data set that has more.
    """
    tops = list(dict.fromkeys(folder.split("/")[0] for folder in inside))
    called = {canonical(top): top for top in sorted(tops, reverse=True) if canonical(top) in SPLITS}
    found = {name: called[name] for name in SPLITS if name in called}
    others = sorted(set(tops) - set(found.values()))
    names = listed([f"{top}/" if top else "what lies beside them" for top in others])
    is_one = "is" if len(others) == 1 else "are"
    if found and not others:
        return Parts(found)
    if "train" in found:
        return Parts(found, printable(f"{names} {is_one} left out: no split is called so"))
    if not found:
        return Parts({"": ""})
    return Parts({"": ""}, printable(f"{listed([f'{top}/' for top in found.values()])}: taken as no split, for nothing "
                                     "beside it is called train"), found, tuple(others))


def folders_with(files: Iterable[str], is_one: Callable[[str], bool]) -> list[str]:
    """The folders in which one of these files, of the first of each, is of a kind; a stray file of another kind makes
    no folder one of annotations. files: paths, sorted. Of very many folders the last are not looked into."""
    found: dict[str, bool] = {}
    looked: dict[str, int] = {}
    total = 0
    for name in files:
        folder = os.path.dirname(name)
        if found.get(folder) or looked.get(folder, 0) >= _EACH:
            continue
        looked[folder] = looked.get(folder, 0) + 1
        total += 1
        found[folder] = total > _MOST or is_one(name)
    return [folder for folder, holds in found.items() if holds]
