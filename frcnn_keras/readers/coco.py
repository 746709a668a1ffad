"""COCO instances JSON."""

import functools
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from frcnn_keras.data.example import Dataset
from frcnn_keras.data.image_files import read_file
from frcnn_keras.data.image_paths import ImageFolder
from frcnn_keras.errors import InputError, in_words, printable
from frcnn_keras.readers.box_forms import BoxForm
from frcnn_keras.readers.class_names import is_background, resolve_classes
from frcnn_keras.readers.coco_categories import category_ids, read_categories
from frcnn_keras.readers.coco_images import ImageId, find_images
from frcnn_keras.readers.coco_values import flag, image_id, number, received, whole
from frcnn_keras.readers.json_text import load_json
from frcnn_keras.readers.validation import Assembly, RawObject


@in_words(printable)
def read_coco(images, annotations, class_names: Sequence[str] | None = None, *, scale_boxes: bool = False,
              corners: bool = False) -> Dataset:
    """Reads a folder of images and its instances JSON; images without annotations are kept, `iscrowd` becomes crowd.

    An example's id is the file's own, as results carry it. Labels 1..C follow the category ids, whose gaps are kept in
    Dataset.category_ids; with class_names they follow those. Boxes x, y, w, h become x, y, x + w, y + h; corners: they
    are x1, y1, x2, y2 already. Raises InputError for a missing folder or file and for JSON that is not COCO's; one bad
    image or annotation among many becomes a fatal Problem.
    """
    images, annotations = Path(images), Path(annotations)
    if not images.is_dir():
        raise InputError(f"{images}: there is no such folder of images")
    content = _load(annotations)
    used = {whole(entry.get("category_id")) for entry in content["annotations"] if isinstance(entry, dict)}
    categories, notes = read_categories(content["categories"], {id for id in used if id is not None}, class_names,
                                        annotations)
    names = resolve_classes(categories.values(), class_names)
    assembly = Assembly(str(annotations), names, scale_boxes, BoxForm.CORNERS if corners else BoxForm.SIDES)
    for note in notes:
        assembly.report(annotations, note, fatal=False)
    for id, name in categories.items():
        if is_background(name):
            assembly.report(annotations, f"{name!r} cannot be a class: label 0 is the background's; remove it",
                            f"category {id}")
    found = find_images(content["images"], ImageFolder(images), assembly, annotations)
    listed = {image_id(entry.get("id")) for entry in content["images"] if isinstance(entry, dict)}
    objects = _objects(content["annotations"], categories, listed, assembly, annotations)
    for id, image in found.items():
        header = assembly.header_of(image.file)
        if header is not None:
            assembly.add(id, image.file, functools.partial(read_file, str(image.file)), header, objects.get(id, ()),
                         path=image.file, stated=image.stated, annotated_in=annotations)
    return assembly.finish(category_ids(categories, names))


def _load(annotations: Path) -> dict:
    """The content of an instances file, with its three lists."""
    content = load_json(annotations)
    for key in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise InputError(f"{annotations}: not a COCO instances file: it has no list {key!r}")
    return content


def _objects(entries: list, categories: dict[int, str], listed: set, assembly: Assembly,
             file: Path) -> dict[ImageId, list[RawObject]]:
    """The readable objects by image id; the others are reported."""
    objects: dict[ImageId, list[RawObject]] = defaultdict(list)
    for place, entry in enumerate(entries, start=1):
        entry = entry if isinstance(entry, dict) else {}
        id = image_id(entry.get("id"))
        item = f"annotation number {place} of the list" if id is None else f"annotation {id}"
        image, category, box = image_id(entry.get("image_id")), whole(entry.get("category_id")), entry.get("bbox")
        numbers = [number(value) for value in box] if isinstance(box, list) and len(box) == 4 else [None]
        crowd = flag(entry.get("iscrowd"))
        if image is None or image not in listed:
            assembly.report(file, f"its image_id {received(entry.get('image_id'))} is not among the images; remove it",
                            item)
        elif category not in categories:
            assembly.report(file, f"its category_id {received(entry.get('category_id'))} is not among the categories",
                            item)
        elif None in numbers:
            assembly.report(file, f"its bbox must be four numbers [x, y, width, height]; received: {received(box)}",
                            item)
        elif crowd is None:
            assembly.report(file, f"its iscrowd must be 0 or 1; received: {received(entry['iscrowd'])}", item)
        else:
            item = f"{item} ({categories[category]:.100}, image {image})"
            objects[image].append(RawObject(categories[category], tuple(numbers), item, crowd=crowd))
    return objects
