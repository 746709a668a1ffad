"""The categories of COCO instances JSON: which are classes, and under which ids."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from frcnn_keras.errors import InputError
from frcnn_keras.readers.class_names import has_control_characters, is_background
from frcnn_keras.readers.coco_values import whole

_NO_PARENT = ("", "none", "null", "root")


class Categories(NamedTuple):
    names: dict[int, str]  # by id, in the order of the ids
    notes: list[str]  # what was left out, and why


def read_categories(entries: list, used: set[int], asked: Sequence[str] | None, annotations: Path) -> Categories:
    """The categories that can be classes. used: ids that annotations have. asked: classes that the user named.

    Left out is what stands above the classes and is none, such as the root category that Roboflow writes with id 0: no
    annotation has it, another category names it as its supercategory, and itself it has none. It stays where it is
    asked for, unless a category below it has the same name.

    Raises:
        InputError: an entry without id or name, an id or a name that stands for two, a name with control characters.
    """
    names: dict[int, str] = {}
    above: dict[int, str] = {}  # the supercategory of each
    for number, entry in enumerate(entries, start=1):
        id, name, parent = (entry.get(key) if isinstance(entry, dict) else None
                            for key in ("id", "name", "supercategory"))
        id = whole(id)
        if id is None or not isinstance(name, str) or not name.strip():
            raise InputError(f"{annotations}: category {number} of the list needs a whole-numbered id and a name")
        name = name.strip()
        if has_control_characters(name):
            raise InputError(f"{annotations}: category {id}: its name {name!r:.100} has control characters; write it "
                             "without them")
        if names.get(id, name) != name:
            raise InputError(f"{annotations}: category {id} ({name:.100}): its id stands twice")
        names[id], above[id] = name, parent.strip() if isinstance(parent, str) else ""
    roots = _roots(names, above, used, asked)
    kept = {id: name for id, name in sorted(names.items()) if id not in roots}
    first: dict[str, int] = {}
    for id, name in kept.items():
        if first.setdefault(name, id) != id:
            raise InputError(f"{annotations}: category {id} ({name:.100}): its name stands twice")
    return Categories(kept, [f"category {id} ({names[id]}) is left out: other categories have it as their supercategory"
                             ", and no annotation has it" for id in sorted(roots)])


def _roots(names: dict[int, str], above: dict[int, str], used: set[int], asked: Sequence[str] | None) -> set[int]:
    """The ids of supercategories that are no classes."""
    children: dict[str, list[int]] = {}
    for id, parent in above.items():
        children.setdefault(parent, []).append(id)
    roots = set()
    for id, name in names.items():
        below = [child for child in children.get(name, []) if child != id]
        root = above[id].lower() in _NO_PARENT or above[id] == name
        twin = any(names[child] == name for child in below)
        if below and root and id not in used and not is_background(name) and (twin or name not in (asked or ())):
            roots.add(id)
    return roots


def category_ids(names: dict[int, str], classes: Sequence[str]) -> list[int]:
    """The id of each class; classes that the file does not know take ids that it does not use."""
    ids = {name: id for id, name in names.items()}
    free = (id for id in range(1, len(classes) + len(ids) + 1) if id not in names)
    return [ids[name] if name in ids else next(free) for name in classes]
