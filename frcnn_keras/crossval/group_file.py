"""`--group FILE`: lines `image id,group` of images that must not part: of one patient, scene or video."""

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from frcnn_keras.errors import InputError, one_line
from frcnn_keras.settings.ranges import received

_HEADERS = ("id", "image", "image_id", "file", "path", "filename", "file_name")


def read_groups(path: str | Path, ids: Sequence[str]) -> list[list[int]]:
    """Places of the images of each group that the file names, in the order of its lines.

    An image is named by its id, or by its file's name, with or without suffix, where no other has it. A first line
    `image,group` is a header. Images that no line names are in no group.

    Raises:
        InputError: the file cannot be read, or a line names no image, or two groups for one.
    """
    named = _names(ids)
    group_of: dict[int, tuple[str, int]] = {}
    for number, cells in _lines(path):
        if number == 1 and cells[0].lower() in _HEADERS and cells[0] not in named:
            continue
        if len(cells) != 2 or not all(cells):
            raise InputError(f"{path}: line {number}: must be image id,group; received: {received(','.join(cells))}")
        places = named.get(cells[0], [])
        if len(places) != 1:
            wrong = f"{len(places)} images are called that" if places else f"no image is called that (one is {ids[0]})"
            raise InputError(f"{path}: line {number}: {received(cells[0])}: {wrong}; name images by the ids of the "
                             "data set")
        before = group_of.setdefault(places[0], (cells[1], number))
        if before[0] != cells[1]:
            raise InputError(f"{path}: line {number}: {received(cells[0])} is in group {received(cells[1])}, and "
                             f"line {before[1]} puts it into {received(before[0])}; leave one line out")
    groups = defaultdict(list)
    for place, (group, _) in group_of.items():
        groups[group].append(place)
    return list(groups.values())


def _lines(path: str | Path) -> list[tuple[int, list[str]]]:
    """(number from 1, cells) of what is not empty."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            return [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader
                    if any(cell.strip() for cell in cells)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({one_line(error)}); give a CSV file of lines image id,group with "
                         "--group") from error


def _names(ids: Sequence[str]) -> dict[str, list[int]]:
    """Places of the images that a name may mean; that of an id is one."""
    names: dict[str, list[int]] = {id: [place] for place, id in enumerate(ids)}
    shorter: dict[str, list[int]] = defaultdict(list)
    for place, id in enumerate(ids):
        path = PurePosixPath(id)
        for name in {path.name, path.stem, str(path.with_suffix("")) if path.name else id} - {id}:
            shorter[name].append(place)
    return {**shorter, **names}
