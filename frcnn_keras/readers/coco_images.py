"""Which file each image of a COCO list is."""

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from frcnn_keras.data.image_paths import ImageFolder, shown
from frcnn_keras.errors import InputError
from frcnn_keras.readers.coco_values import image_id, side
from frcnn_keras.readers.validation import Assembly

ImageId = int | str


class Listed(NamedTuple):
    """An entry of the list."""

    name: str  # its file_name
    file: Path | None  # None where there is none
    stated: tuple[int, int]  # height, width; 0 where absent


def find_images(entries: list, folder: ImageFolder, assembly: Assembly, annotations: Path) -> dict[ImageId, Listed]:
    """The good images by id, each with its file; of the others it is reported what is wrong.

    An id that stands for two files, and a file that has two ids, are left out altogether: whose the annotations are is
    not known. An image that is listed again is taken once.
    """
    entries_of: dict[ImageId, list[Listed]] = defaultdict(list)
    ids_of: dict[Path, dict[ImageId, None]] = defaultdict(dict)
    for place, entry in enumerate(entries, start=1):
        id, name = (image_id(entry.get("id")), entry.get("file_name")) if isinstance(entry, dict) else (None, None)
        if id is None or not isinstance(name, str):
            assembly.report(annotations, "it needs an id and a file_name", f"image number {place} of the list")
            continue
        try:
            file = folder.find(name)
            ids_of[file][id] = None
        except InputError as error:
            file = None
            assembly.report(annotations, str(error), f"image {id}")
        entries_of[id].append(Listed(name, file, (side(entry.get("height")), side(entry.get("width")))))
    good, repeated = {}, []
    for id, listed in entries_of.items():
        first, others = listed[0], [other for other in listed if _unlike(other, listed[0])]
        if others:
            assembly.report(annotations, f"the image id {id!r} stands for {shown(first.name)} and for "
                                         f"{shown(others[0].name)}; ids must be unique", f"image {id}")
        elif first.file is not None and len(ids_of[first.file]) > 1:
            same = next(other for other in ids_of[first.file] if other != id)
            assembly.report(annotations, f"its file {shown(first.name)} is image {same}, too; give it one id, and its "
                                         "annotations", f"image {id}")
        elif first.file is not None:
            good[id] = first
            repeated += [id] if len(listed) > 1 else []
    if repeated:
        images = "1 image is" if len(repeated) == 1 else f"{len(repeated)} images are"
        assembly.report(annotations, f"{images} listed more than once, first: image {repeated[0]}; each is taken once",
                        fatal=False)
    return good


def _unlike(entry: Listed, other: Listed) -> bool:
    return entry.file != other.file if entry.file and other.file else entry.name != other.name
