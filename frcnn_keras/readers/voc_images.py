"""Which image each XML file of a VOC data set is of.

The image that its <filename> names is read. Many sets have a wrong one in every file, as they were copied or numbered
anew: where it is the image of another XML file's own name, and there is one of this file's own name, that is read. An
image that two files claim is the one's of its name; where there is none, neither's.
"""

import os
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

from frcnn_keras.data.image_paths import ImageFolder, folded, shown
from frcnn_keras.errors import InputError
from frcnn_keras.readers.tallies import Tally


class Pairs(NamedTuple):
    images: dict[str, Path]  # by XML file
    faults: dict[str, str]  # by XML file: why it has none
    own: set[Path]  # the images of every XML file's own name
    stale: Tally  # of files whose <filename> is another file's image: their own was taken
    named: Tally  # of files whose <filename> was taken, though there is an image of their own name


def pair(filenames: dict[str, str], files: list[str], folder: ImageFolder) -> Pairs:
    """filenames: <filename> by XML file, of those asked for. files: all XML files, relative to their folder."""
    pairs = Pairs({}, {}, set(), Tally(), Tally())
    own = {file: _own(file, folder) for file in files}
    pairs.own.update(path for path in own.values() if isinstance(path, Path))
    owners = {path: file for path, file in _only(own).items() if isinstance(path, Path)}
    for file, filename in filenames.items():
        image = _choose(file, filename, own[file], owners, folder, pairs)
        if isinstance(image, Path):
            pairs.images[file] = image
        else:
            pairs.faults[file] = image
    _part(pairs, owners)
    return pairs


def _only(own: dict[str, Path | str]) -> dict[Path | str, str]:
    """The files by their own images, without images that are several files' own (a.xml and a.XML)."""
    count = Counter(own.values())
    return {path: file for file, path in own.items() if count[path] == 1}


def _own(file: str, folder: ImageFolder) -> Path | str:
    """The image of a file's own name, in the sub-folder of that name where there is one; else why there is none."""
    stem = file[:-4]
    sub, name = os.path.split(stem)
    try:
        found = folder.named(stem) or folder.by_stem(stem)  # the first: a.jpg of a.jpg.xml
        if folder.holds(sub):  # an image elsewhere is another one
            found = found if found and folded(folder.id_of(found)).startswith(folded(sub) + "/") else None
        else:
            found = found or folder.by_stem(name)
    except InputError as error:
        return str(error)
    return found or f"there is no image {shown(name)} in {folder.root}"


def _choose(file: str, filename: str, own: Path | str, owners: dict[Path, str], folder: ImageFolder,
            pairs: Pairs) -> Path | str:
    """A file's image, else why it has none."""
    named, unclear = _named(file, filename, folder)
    mine = isinstance(own, Path)
    if named is None:
        if mine or not filename:
            return own
        guess = _guess(filename, folder)
        return guess if guess is not None and guess not in owners else (
            unclear or f"{own}, nor {shown(filename)}, which its <filename> says")
    other = owners.get(named, file)
    if other != file:
        if not mine:
            return (f"its <filename> names {folder.id_of(named)}, the image of {other}; there is none of its own name: "
                    "remove one of the two, or add the image")
        pairs.stale.add(f"{file} names {folder.id_of(named)}", 1)
        return own
    if mine and named != own:
        pairs.named.add(f"{file} names {folder.id_of(named)}", 1)
    return named


def _named(file: str, filename: str, folder: ImageFolder) -> tuple[Path | None, str]:
    """The image that a file names: relative to the folder, to the sub-folder of the file, or by its bare name. Else
    None, and what is unclear."""
    sub, unclear = os.path.dirname(file), ""
    for name in dict.fromkeys((filename, filename.replace("\\", "/").rsplit("/", 1)[-1])):
        try:
            found = folder.named(name, sub)
        except InputError as error:
            unclear = unclear or str(error)
            continue
        if found is not None:
            return found, ""
    return None, unclear


def _guess(filename: str, folder: ImageFolder) -> Path | None:
    """The only image that has the name of one that does not exist, but for its suffix."""
    try:
        return folder.by_stem(filename)
    except InputError:  # two fit, so that neither is meant
        return None


def _part(pairs: Pairs, owners: dict[Path, str]) -> None:
    """Leaves an image that several files claim to the one of its name, or to none."""
    claims = defaultdict(list)
    for file, image in pairs.images.items():
        claims[image].append(file)
    for image, files in claims.items():
        for file in files if len(files) > 1 else ():
            if owners.get(image) != file:
                other = next(other for other in files if other != file)
                pairs.faults[file] = f"its image {shown(image.name)} is claimed by {other} too; remove one of the two"
                del pairs.images[file]
