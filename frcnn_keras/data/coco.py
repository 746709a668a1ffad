"""COCO instances JSON."""

import functools
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from frcnn_keras.data.example import Dataset
from frcnn_keras.data.image_files import find_image, read_file
from frcnn_keras.data.validation import Assembly, RawObject, is_background, resolve_classes
from frcnn_keras.errors import InputError


def read_coco(images, annotations, class_names: Sequence[str] | None = None) -> Dataset:
    """Reads a folder of images and its instances JSON; images without annotations are kept, `iscrowd` becomes crowd.

    Labels 1..C follow the category ids, whose gaps are kept in Dataset.category_ids; with class_names they follow
    those. Boxes x, y, w, h become x, y, x + w, y + h. Raises InputError for a missing folder or file and for JSON that
    is not COCO's; one bad image or annotation among many becomes a fatal Problem.
    """
    images, annotations = Path(images), Path(annotations)
    if not images.is_dir():
        raise InputError(f"{images}: there is no such folder of images")
    content = _load(annotations)
    categories = _categories(content["categories"], annotations)
    names = resolve_classes(categories.values(), class_names)
    assembly = Assembly(str(annotations), names)
    for id, name in categories.items():
        if is_background(name):
            assembly.report(annotations, f"{name!r} cannot be a class: label 0 is the background's; remove it",
                            f"category {id}")
    objects = _objects(content, categories, assembly, annotations)
    for number, entry in enumerate(content["images"], start=1):
        _add(assembly, entry, number, images, annotations, objects)
    return assembly.finish(_category_ids(categories, names))


def _load(annotations: Path) -> dict:
    """The content of an instances file, with its three lists."""
    try:
        content = json.loads(annotations.read_text("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{annotations}: cannot be read ({error.strerror})") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{annotations}: {place}: malformed JSON ({error.msg})") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{annotations}: malformed JSON ({error})") from error
    for key in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise InputError(f"{annotations}: not a COCO instances file: it has no list {key!r}")
    return content


def _categories(entries: list, annotations: Path) -> dict[int, str]:
    """Names by id, in the order of the ids."""
    categories: dict[int, str] = {}
    for number, entry in enumerate(entries, start=1):
        id, name = (entry.get("id"), entry.get("name")) if isinstance(entry, dict) else (None, None)
        if not _whole(id) or not isinstance(name, str) or not name.strip():
            raise InputError(f"{annotations}: category {number} of the list needs a whole-numbered id and a name")
        if id in categories or name.strip() in categories.values():
            raise InputError(f"{annotations}: category {id} ({name}): its id or its name stands twice")
        categories[id] = name.strip()
    return dict(sorted(categories.items()))


def _category_ids(categories: dict[int, str], names: Sequence[str]) -> list[int]:
    """The id of each class; classes that this file does not know take ids that it does not use."""
    ids = {name: id for id, name in categories.items()}
    free = (id for id in range(1, len(names) + len(ids) + 1) if id not in categories)
    return [ids[name] if name in ids else next(free) for name in names]


def _objects(content: dict, categories: dict[int, str], assembly: Assembly, file: Path) -> dict[int | str, list]:
    """The readable objects (RawObject) by image id; the others are reported."""
    images = {entry["id"] for entry in content["images"] if isinstance(entry, dict) and _usable_id(entry.get("id"))}
    objects = defaultdict(list)
    for number, entry in enumerate(content["annotations"], start=1):
        entry = entry if isinstance(entry, dict) else {}
        item = f"annotation {entry.get('id', f'number {number} of the list')}"
        image, category, box = entry.get("image_id"), entry.get("category_id"), entry.get("bbox")
        if not _usable_id(image) or image not in images:
            assembly.report(file, f"its image_id {image!r} is not among the images; remove it", item)
        elif not _whole(category) or category not in categories:
            assembly.report(file, f"its category_id {category!r} is not among the categories", item)
        elif not isinstance(box, list) or len(box) != 4 or not all(map(_number, box)):
            assembly.report(file, f"its bbox must be four numbers [x, y, width, height]; received: {box!r:.80}", item)
        else:
            x, y, width, height = map(float, box)
            item = f"{item} ({categories[category]}, image {image})"
            crowd = entry.get("iscrowd") in (1, True)
            objects[image].append(RawObject(categories[category], (x, y, x + width, y + height), item, crowd=crowd))
    return objects


def _add(assembly: Assembly, entry, number: int, images: Path, annotations: Path, objects) -> None:
    """Adds the image of one entry of the list, or reports what is wrong with it."""
    id, name = (entry.get("id"), entry.get("file_name")) if isinstance(entry, dict) else (None, None)
    if not _usable_id(id) or not isinstance(name, str):
        assembly.report(annotations, "it needs an id and a file_name", f"image number {number} of the list")
        return
    item = f"image {id}"
    try:
        image = find_image(images, name)
    except InputError as error:
        assembly.report(annotations, str(error), item)
        return
    header = assembly.header_of(image)
    if header is None:
        return
    height, width = entry.get("height"), entry.get("width")
    stated = (height if _whole(height) else 0, width if _whole(width) else 0)
    assembly.add(id, image, functools.partial(read_file, str(image)), header, objects.get(id, ()), path=image,
                 stated=stated, annotated_in=annotations)


def _number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _usable_id(value) -> bool:
    return _whole(value) or isinstance(value, str)
