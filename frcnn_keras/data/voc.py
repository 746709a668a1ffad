"""Pascal VOC XML: one file an image, in VOC's folders or beside the images."""

import functools
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from frcnn_keras.data.example import Dataset
from frcnn_keras.data.image_files import IMAGE_SUFFIXES, find_image, read_file
from frcnn_keras.data.validation import Assembly, RawObject, resolve_classes
from frcnn_keras.errors import InputError


class Annotation(NamedTuple):
    filename: str  # of the image, as the XML has it: often wrong, so the XML's own name goes first
    size: tuple[int, int]  # (height, width) as stated, 0 where absent
    objects: list[RawObject]
    problems: list[tuple[str, str]]  # (item, message) of objects that cannot be read


def read_voc(root, split: str | None = None, class_names: Sequence[str] | None = None) -> Dataset:
    """Reads root/ImageSets/Main/SPLIT.txt with Annotations/ and JPEGImages/; without a split every XML there is.

    Without a split, the XML files may also lie beside their images in `root` itself. Boxes are 1-based with inclusive
    ends in VOC and become xmin - 1, ymin - 1, xmax, ymax. Classes: class_names, else those found, by alphabet. Raises
    InputError for a missing folder or split; one bad file among many becomes a fatal Problem.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: there is no such folder")
    folders = (root / "Annotations", root / "JPEGImages")
    annotations, images = (folder if folder.is_dir() else root for folder in folders)
    ids = _all_ids(root, annotations) if split is None else _split_ids(root, split, annotations)
    parsed, broken = {}, []
    for id in dict.fromkeys(ids):
        try:
            parsed[id] = parse_voc(_xml(annotations, id))
        except InputError as error:
            broken.append((_xml(annotations, id), str(error)))
    names = sorted({raw.name for annotation in parsed.values() for raw in annotation.objects})
    assembly = Assembly(f"{root} {split}" if split else str(root), resolve_classes(names, class_names))
    for file, message in broken:
        assembly.report(file, message)
    for id in ids:  # an id that is listed twice is met twice, and refused the second time
        if id in parsed:
            _add(assembly, id, _xml(annotations, id), images, parsed[id])
    if split is None:
        _note_images_without_xml(assembly, images, set(ids))
    return assembly.finish()


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
    if tree.tag.lower() != "annotation":
        raise InputError(f"not a VOC annotation: its root is <{tree.tag}>, not <annotation>")
    objects, problems = [], []
    for number, node in enumerate((node for node in tree if _tag(node) == "object"), start=1):
        try:
            objects.append(_object(node, number))
        except InputError as error:
            problems.append((_item(node, number), str(error)))
    size = _child(tree, "size")
    return Annotation(_text(tree, "filename"), (_length(size, "height"), _length(size, "width")), objects, problems)


def _object(node, number: int) -> RawObject:
    """One <object> with its box in continuous pixels."""
    bounds = _child(node, "bndbox")
    if bounds is None:
        raise InputError("the object has no <bndbox>; draw its box or remove it")
    values = []
    for name in ("xmin", "ymin", "xmax", "ymax"):
        text = _text(bounds, name)
        try:
            values.append(float(text))
        except ValueError:
            raise InputError(f"<{name}> must be a number; received: {text!r}") from None
    xmin, ymin, xmax, ymax = values
    difficult = _text(node, "difficult").lower() in ("1", "true")
    return RawObject(_text(node, "name"), (xmin - 1, ymin - 1, xmax, ymax), _item(node, number), difficult)


def _item(node, number: int) -> str:
    name = _text(node, "name")
    return f"object {number} ({name})" if name else f"object {number}"


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
    return int(float(text)) if re.fullmatch(r"\d+(\.\d*)?", text) else 0


def _split_ids(root: Path, split: str, annotations: Path) -> list[str]:
    """The ids of a split file, in its order."""
    folder = root / "ImageSets" / "Main"
    file = folder / f"{split}.txt"
    if not folder.is_dir():
        raise InputError(f"{root}: there is no ImageSets/Main to look up the split {split!r} in; leave --split out to "
                         "read every XML file")
    if not file.is_file():
        raise InputError(f"{file}: there is no such split; there are: {_splits(folder)}")
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read as text ({error})") from error
    return [_id(line.strip(), annotations) for line in lines if line.strip()]


def _id(line: str, annotations: Path) -> str:
    """A line's image id. Splits of one class have a second column: 1, 0 or -1, whether the class is in the image."""
    short = re.sub(r"\s+(-1|0|1)$", "", line)
    return line if short != line and _xml(annotations, line).is_file() else short


def _xml(annotations: Path, id: str) -> Path:
    upper = annotations / f"{id}.XML"
    return upper if upper.is_file() and not upper.with_suffix(".xml").is_file() else annotations / f"{id}.xml"


def _all_ids(root: Path, annotations: Path) -> list[str]:
    """The ids of all annotations, where no split is named."""
    if (root / "ImageSets" / "Main").is_dir():
        raise InputError(f"{root}: name a split (--split); there are: {_splits(root / 'ImageSets' / 'Main')}")
    ids = sorted(path.name[:-4] for path in annotations.iterdir() if path.suffix.lower() == ".xml")
    if not ids:
        raise InputError(f"{annotations}: there is no XML file")
    return ids


def _splits(folder: Path) -> str:
    return ", ".join(sorted(path.stem for path in folder.glob("*.txt"))[:20]) or "none"


def _add(assembly: Assembly, id: str, file: Path, images: Path, annotation: Annotation) -> None:
    """Adds one image with its annotation, or reports what is wrong with it."""
    try:
        image = _image(images, id, annotation.filename)
    except InputError as error:
        assembly.report(file, str(error))
        return
    header = assembly.header_of(image)
    if header is None:
        return
    for item, message in annotation.problems:
        assembly.report(file, message, item)
    assembly.add(id, file, functools.partial(read_file, str(image)), header, annotation.objects, path=image,
                 stated=annotation.size)


def _image(images: Path, id: str, filename: str) -> Path:
    """The image file of an id: by the id, else by its name in the annotation."""
    try:
        return find_image(images, id)
    except InputError as error:
        try:
            return find_image(images, Path(filename.replace("\\", "/")).name)
        except InputError:
            raise error from None


def _note_images_without_xml(assembly: Assembly, images: Path, ids: set[str]) -> None:
    """Labelling tools write no XML for an image without objects, nor for one not labelled yet: say so, take neither."""
    lone = sorted(path for path in images.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.stem not in ids)
    if lone:
        assembly.report(images, f"{len(lone)} images without an XML file are left out, first: {lone[0].name} "
                                "(an image without objects needs an XML without <object>)", fatal=False)
