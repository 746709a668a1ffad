"""One XML file of a Pascal VOC data set, as it is written."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

from frcnn_keras.data.image_paths import shown
from frcnn_keras.errors import InputError
from frcnn_keras.readers.validation import RawObject

_DIGITS = 9  # of a side at most


class Annotation(NamedTuple):
    filename: str  # of the image, as the XML has it
    size: tuple[int, int]  # (height, width) as stated, 0 where absent
    objects: list[RawObject]  # boxes as they stand there: xmin, ymin, xmax, ymax
    problems: list[tuple[str, str]]  # (item, message) of objects that cannot be read


def parse_voc(file: Path) -> Annotation:
    """One XML file. Raises InputError, without the file's name, where it is no VOC annotation; DTDs are refused."""
    try:
        data = file.read_bytes()
        plain = data.replace(b"\0", b"").upper()  # UTF-16 as well
        if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
            raise InputError("XML with a DTD or entities is not read; remove the declaration")
        tree = ElementTree.fromstring(data)
    except OSError as error:
        raise InputError(f"the annotation cannot be read ({error.strerror})") from error
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # ValueError, LookupError: its encoding
        if isinstance(error, InputError):
            raise
        raise InputError(f"malformed XML ({error})") from error
    if _tag(tree) != "annotation":
        raise InputError(f"not a VOC annotation: its root is <{tree.tag:.100}>, not <annotation>")
    objects, problems = [], []
    for number, node in enumerate((node for node in tree if _tag(node) == "object"), start=1):
        try:
            objects.append(_object(node, number))
        except InputError as error:
            problems.append((_item(node, number), str(error)))
    size = _child(tree, "size")
    return Annotation(_text(tree, "filename"), (_length(size, "height"), _length(size, "width")), objects, problems)


def _object(node, number: int) -> RawObject:
    """One <object>, not those in its parts."""
    bounds = _child(node, "bndbox")
    if bounds is None:
        raise InputError("the object has no <bndbox>; draw its box or remove it")
    values = []
    for name in ("xmin", "ymin", "xmax", "ymax"):
        text = _text(bounds, name)
        try:
            values.append(float(text))
        except ValueError:
            raise InputError(f"<{name}> must be a number; received: {shown(text)}") from None
    difficult = _text(node, "difficult").lower() in ("1", "true")
    return RawObject(_text(node, "name"), tuple(values), _item(node, number), difficult)


def _item(node, number: int) -> str:
    name = _text(node, "name")
    return f"object {number} ({name:.100})" if name else f"object {number}"


def _tag(node) -> str:
    return node.tag.lower() if isinstance(node.tag, str) else ""


def _child(node, name: str):
    """The direct child of that name in any case (some tools write <Difficult>), or None."""
    return next((child for child in node if _tag(child) == name), None)


def _text(node, name: str) -> str:
    child = _child(node, name)
    return "" if child is None else (child.text or "").strip()


def _length(size, name: str) -> int:
    """A side in <size>; 0 where it is absent or no number, as the image itself knows better."""
    text = "" if size is None else _text(size, name)
    match = re.fullmatch(r"0*([0-9]+)(\.[0-9]*)?", text)
    if match and len(match[1]) > _DIGITS:
        raise InputError(f"<{name}> is no image's; received: {shown(text, 40)}")
    return int(match[1]) if match else 0
