"""A data set out of anything that Python can go through: pictures with boxes and labels, as TFDS, Hugging Face's
`datasets` and PyTorch's hand them out."""

import functools
import io
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from frcnn_keras.data.example import Dataset
from frcnn_keras.data.image_files import read_file
from frcnn_keras.data.image_header import ImageHeader, check_complete, image_header
from frcnn_keras.data.image_paths import valid
from frcnn_keras.errors import InputError, printable
from frcnn_keras.readers.box_forms import BoxForm
from frcnn_keras.readers.class_names import resolve_classes
from frcnn_keras.readers.validation import Assembly, RawObject

FORMS = ("xyxy", "xywh", "xyxy_fraction", "yxyx_fraction", "cxcywh_fraction")


class Item(NamedTuple):
    """One image, with what is optional of it: a tuple of the first three serves as well."""

    image: Any  # a path; an encoded image's bytes; (H, W, 3) or (H, W) uint8; a PIL image
    boxes: Any  # (G, 4) numbers
    labels: Any  # (G,): class names, or their places in class_names from 0
    id: int | str | None = None  # the path, or the item's number, where it is None
    difficult: Any = ()  # (G,) bool, or empty
    crowd: Any = ()  # (G,) bool, or empty


def from_items(items: Iterable[Any], class_names: Sequence[str] | None = None, *, form: str = "xyxy",
               name: str = "items") -> Dataset:
    """The data set of (image, boxes, labels), or `Item`s.

    form: of the boxes: `xyxy` and `xywh` in pixels, from 0, continuous edges; `xyxy_fraction`, `yxyx_fraction` (TFDS)
    and `cxcywh_fraction` (YOLO) in fractions of the image. All are of the upright picture. labels: whole numbers are
    places in class_names, from 0; texts are names. Without class_names the names found, by alphabet.

    A sequence (one that has a length and items by number) is asked for item i again whenever its image is needed, so
    that nothing is kept; of what can only be gone through once, images that are no paths are kept, encoded: arrays and
    PIL images as PNG.

    Raises:
        InputError: no such form; labels are numbers and there are no class_names. One bad item among many becomes a
            fatal Problem.
    """
    if form not in FORMS:
        raise InputError(f"form must be one of {', '.join(FORMS)}; received: {form!r:.60}")
    if isinstance(class_names, str):
        raise InputError(f"class_names must be a list of names; received: {class_names!r:.60}")
    sequence: Any = items if hasattr(items, "__len__") and hasattr(items, "__getitem__") else None
    found: list[_Read] = []
    faults: list[tuple[int, str]] = []
    walk = items if sequence is None else (sequence[place] for place in range(len(sequence)))
    for number, item in enumerate(walk):
        try:
            found.append(_read(number, item, sequence, class_names, form))
        except _NoNames:
            raise
        except InputError as error:
            faults.append((number, str(error)))
    names = sorted({raw.name for each in found for raw in each.objects})
    assembly = Assembly(name, resolve_classes(names, class_names), form=_form_of(form))
    for number, message in faults:
        assembly.report(name, message, f"item {number}")
    for each in found:
        assembly.add(each.id, each.file, each.read, each.header, each.objects, path=each.path,
                     fractions="fraction" in form)
    return assembly.finish()


class _NoNames(InputError):
    """Labels are numbers, and nothing says what they count in."""


class _Read(NamedTuple):
    """An item as it is kept."""

    id: int | str
    file: str  # what messages call it
    path: str
    read: Callable[[], bytes]
    header: ImageHeader
    objects: list[RawObject]


def _form_of(form: str) -> BoxForm:
    return BoxForm.SIDES if form == "xywh" else BoxForm.CORNERS


def _read(number: int, item: Any, sequence: Any, class_names: Sequence[str] | None, form: str) -> _Read:
    """One item, checked; its image's header."""
    whole = _item(item)
    objects = _objects(whole, class_names, form)
    if isinstance(whole.image, (str, os.PathLike)):
        path = os.fspath(whole.image)
        data, read = read_file(path), functools.partial(read_file, path)
        own: int | str = valid(Path(path).as_posix())
    else:
        data, path, own = _encoded(whole.image), "", number
        read = functools.partial(bytes, data) if sequence is None else functools.partial(_again, sequence, number)
    header = image_header(data)
    check_complete(data)
    id = own if whole.id is None else whole.id
    if isinstance(id, np.integer):
        id = int(id)
    if not isinstance(id, (int, str)) or isinstance(id, bool):
        raise InputError(f"its id must be a whole number or a text; received: {id!r:.60}")
    return _Read(id, path or f"item {number}", path, read, header, objects)


def _item(item: Any) -> Item:
    if not isinstance(item, (tuple, list)) or not 3 <= len(item) <= len(Item._fields):
        raise InputError(f"it must be (image, boxes, labels); received: a {type(item).__name__}"
                         + (f" of {len(item)}" if isinstance(item, (tuple, list)) else ""))
    return Item(*item)


def _again(sequence: Any, number: int) -> bytes:
    """The image of an item that is asked for again."""
    return _encoded(_item(sequence[number]).image)


def _encoded(image: Any) -> bytes:
    """An image as an encoded one; pixels as PNG, which keeps every one."""
    if isinstance(image, (bytes, bytearray, memoryview)):
        return bytes(image)
    from PIL import Image, ImageOps

    if isinstance(image, Image.Image):
        image = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    pixels = np.asarray(image)
    if pixels.dtype.kind in "OSU" and pixels.ndim == 0 and isinstance(pixels.item(), bytes):  # a scalar string tensor
        return pixels.item()
    pixels = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    shaped = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if pixels.dtype != np.uint8 or not shaped or not pixels.size:
        raise InputError("its image must be a path, encoded bytes, a PIL image, or (H, W, 3) or (H, W) of uint8; "
                         f"received: {type(image).__name__} {pixels.shape} of {pixels.dtype}")
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _objects(item: Item, class_names: Sequence[str] | None, form: str) -> list[RawObject]:
    try:
        boxes = np.asarray(item.boxes, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"its boxes must be (G, 4) numbers ({error})") from error
    boxes = boxes.reshape(0, 4) if not boxes.size else boxes
    labels = _listed(item.labels, "labels")
    if boxes.ndim != 2 or boxes.shape[1] != 4 or len(labels) != len(boxes):
        raise InputError(f"its boxes must be (G, 4) and its labels G; received: {boxes.shape} and {len(labels)}")
    flags = [_listed(values, what) or [False] * len(boxes) for values, what in ((item.difficult, "difficult"),
                                                                               (item.crowd, "crowd"))]
    for values, what in zip(flags, ("difficult", "crowd"), strict=True):
        if len(values) != len(boxes):
            raise InputError(f"its {what} must be one for each box, or none; received {len(values)} for {len(boxes)}")
    objects = []
    for place, (box, label) in enumerate(zip(_corners(boxes, form), labels, strict=True)):
        name = _name(label, class_names)
        objects.append(RawObject(name, tuple(box.tolist()), f"object {place} ({printable(name)[:80]})",
                                 bool(flags[0][place]), bool(flags[1][place])))
    return objects


def _listed(values: Any, what: str) -> list[Any]:
    """Values as a list; a tensor's or an array's as Python's own."""
    if isinstance(values, (str, bytes)):
        raise InputError(f"its {what} must be a list; received: {values!r:.60}")
    try:
        return values.tolist() if isinstance(values, np.ndarray) else list(
            np.asarray(values).tolist() if hasattr(values, "__array__") else values)
    except TypeError as error:
        raise InputError(f"its {what} must be a list ({error})") from error


def _corners(boxes: np.ndarray, form: str) -> np.ndarray:
    """(G, 4) x1, y1, x2, y2 of fractions; pixels stay as they are."""
    if form == "yxyx_fraction":
        return boxes[:, [1, 0, 3, 2]]
    if form == "cxcywh_fraction":
        return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1)
    return boxes


def _name(label: Any, class_names: Sequence[str] | None) -> str:
    """A label's class name."""
    if isinstance(label, bytes):
        return label.decode("utf-8", "replace")
    if isinstance(label, str):
        return label
    if isinstance(label, bool) or not isinstance(label, (int, np.integer)):
        raise InputError(f"a label must be a class's name, or its number from 0; received: {label!r:.60}")
    if class_names is None:
        raise _NoNames(f"label {int(label)} is a number: give class_names, which it counts in from 0")
    if not 0 <= label < len(class_names):
        raise InputError(f"label {int(label)} is none of {len(class_names)} class_names, 0 to {len(class_names) - 1}")
    return class_names[int(label)]
