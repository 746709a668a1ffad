"""One serialized tf.train.Example in the schema of the TF Object Detection API: its picture's header, its objects."""

import posixpath
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from frcnn_keras.data.image_header import ImageHeader, check_complete, image_header
from frcnn_keras.errors import InputError, printable
from frcnn_keras.readers.validation import RawObject

MOST_OBJECTS = 100_000  # of one image; crowded ones have hundreds
_SIDES = ("xmin", "ymin", "xmax", "ymax")
_PIXELS = 2.0  # no fraction is as large; boxes that reach over the edge have a little more than 1


class Fault(NamedTuple):
    """Something wrong in a record that is read all the same."""

    item: str
    message: str
    fatal: bool = True


class Record(NamedTuple):
    """What is kept of one record: all but the picture."""

    name: str  # image/filename as a path with "/" between its parts; empty where there is none
    source: str  # image/source_id, likewise
    header: ImageHeader  # of the picture
    stated: tuple[int, int]  # (height, width) as the record has them, 0 where absent
    objects: list[RawObject]  # boxes as fractions of the picture
    faults: list[Fault]
    contradicted: list[str]  # objects whose class/text is the name of another label than theirs


def parse_record(payload: bytes, classes: Mapping[int, str], item: str) -> Record:
    """One record with its objects.

    classes: names by label. item: what messages call the record. Raises InputError where it holds no readable image, or
    objects that cannot be told apart.
    """
    features = _features(payload)
    encoded = _encoded(features)
    header = image_header(encoded)
    check_complete(encoded)
    height, width = ((_ints(features, f"image/{side}") or [0])[0] for side in ("height", "width"))
    name = file_name((_bytes(features, "image/filename") or [b""])[0])
    source = printable((_bytes(features, "image/source_id") or [b""])[0].decode("utf-8", "backslashreplace")).strip()
    objects, faults, contradicted = _objects(features, classes, f"{item} ({name[:80]})" if name else item)
    return Record(name, source, header, (height, width), objects, faults, contradicted)


def encoded_in(payload: bytes) -> bytes:
    """The picture of one record."""
    return _encoded(_features(payload))


def file_name(stored: bytes) -> str:
    """A path as records have it (with backslashes, "./", bytes that are no UTF-8), spelled in one way, below its root.

    Different bytes stay different names: what is no text becomes its escape.
    """
    text = printable(stored.replace(b"\\", b"/").decode("utf-8", "backslashreplace"))
    name = posixpath.normpath(text.strip()).lstrip("/")
    return "" if name == "." else name


def _features(payload: bytes):
    """The feature map of a serialized tf.train.Example."""
    import tensorflow as tf  # here, not above: --help answers without it
    from google.protobuf.message import DecodeError

    try:
        return tf.train.Example.FromString(payload).features.feature
    except DecodeError as error:
        raise InputError("not a tf.train.Example; the schema of the TF Object Detection API is needed") from error


def _encoded(features) -> bytes:
    encoded = _bytes(features, "image/encoded")
    if len(encoded) != 1:
        raise InputError("the record has no image/encoded; the schema of the TF Object Detection API is needed")
    return encoded[0]


def _bytes(features, key: str) -> list[bytes]:
    return list(features[key].bytes_list.value) if key in features else []


def _ints(features, key: str) -> list[int]:
    return list(features[key].int64_list.value) if key in features else []


def _floats(features, key: str) -> list[float]:
    return list(features[key].float_list.value) if key in features else []


def _objects(features, classes: Mapping[int, str], record: str) -> tuple[list[RawObject], list[Fault], list[str]]:
    """(objects, faults, contradicted) of a record; an object's class is class/label's, else class/text's."""
    columns = [_floats(features, f"image/object/bbox/{side}") for side in _SIDES]
    labels, texts = _ints(features, "image/object/class/label"), _bytes(features, "image/object/class/text")
    count = _count(columns, labels, texts)
    boxes = np.array(columns, np.float64).T  # (G, 4)
    large = np.flatnonzero((np.isfinite(boxes) & (np.abs(boxes) > _PIXELS)).any(axis=1))
    if large.size:
        raise InputError(f"its boxes are in pixels (object {large[0] + 1}: {np.abs(boxes[large[0]]).max():g}); the "
                         "schema has fractions of the image, 0 to 1")
    flags, faults = _flags(features, count, record)
    names, objects, contradicted = set(classes.values()), [], []
    for index in range(count):
        item = f"object {index + 1}"
        text = texts[index].decode("utf-8", "backslashreplace").strip() if len(texts) == count else ""
        name = classes.get(labels[index]) if len(labels) == count else text
        if name is None:
            faults.append(Fault(f"{record}: {item}", f"its label {labels[index]} is not in the label map"
                                + (" (0 is the background's; labels start at 1)" if labels[index] == 0 else "")))
            continue
        if text != name and text in names:
            contradicted.append(f"{record}: {item} (label {labels[index]} is {name!r}, its text {text!r})")
        crowd = bool(flags["is_crowd"][index] or flags["group_of"][index])
        objects.append(RawObject(name, tuple(boxes[index]), f"{item} ({printable(name[:80])})",
                                 bool(flags["difficult"][index]), crowd))
    return objects, faults, contradicted


def _count(columns: list[list[float]], labels: list[int], texts: list[bytes]) -> int:
    """How many objects there are; InputError where the columns say different numbers."""
    count = len(columns[0])
    if any(len(column) != count for column in columns) or count not in (len(labels), len(texts)):
        lengths = ", ".join(str(len(column)) for column in columns)
        raise InputError(f"xmin, ymin, xmax, ymax have {lengths} values, class/label {len(labels)}, "
                         f"class/text {len(texts)}; each object needs one of each")
    if count > MOST_OBJECTS:
        raise InputError(f"it has {count} objects; an image may have {MOST_OBJECTS}")
    return count


def _flags(features, count: int, record: str) -> tuple[dict[str, list[int]], list[Fault]]:
    """difficult, is_crowd and group_of of every object, 0 where absent; a remark where they are of another number."""
    flags, faults = {}, []
    for key in ("difficult", "is_crowd", "group_of"):
        values = _ints(features, f"image/object/{key}")
        if values and len(values) != count:
            message = f"{key} has {len(values)} values for {count} objects; they are left out"
            faults.append(Fault(record, message, fatal=False))
        flags[key] = values if len(values) == count else [0] * count
    return flags, faults
