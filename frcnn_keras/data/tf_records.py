"""TFRecords in the schema of the TF Object Detection API, read record by record; pictures are never held."""

import functools
import glob
import os
import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from frcnn_keras.data.example import Dataset
from frcnn_keras.data.image_header import ImageHeader, check_complete, image_header
from frcnn_keras.data.validation import Assembly, RawObject, resolve_classes
from frcnn_keras.errors import InputError

_ITEM = re.compile(r"""\bitem\s*:?\s*\{((?:'[^']*'|"[^"]*"|[^{}'"])*)\}""")


class Record(NamedTuple):
    """What is kept of one record: all but the picture."""

    path: str
    offset: int
    item: str
    name: str  # of the image: the file name's stem, else the source id, else shard and number
    header: ImageHeader  # of the picture
    stated: tuple[int, int]  # as the record has it, 0 where absent
    objects: list[RawObject]
    problems: list[tuple[str, str]]


def read_tf_records(pattern, label_map, class_names: Sequence[str] | None = None, *,
                    scale_boxes: bool = False) -> Dataset:
    """Reads every shard that a glob pattern names, with the label map (pbtxt) that gives the labels their names.

    image/encoded and image/object/bbox/* are needed, and class/label or class/text; difficult, is_crowd and group_of
    are taken where present. Boxes are fractions of the image and become pixels. Labels follow the label map's ids, or
    class_names. Raises InputError for missing files; one bad record among many becomes a fatal Problem.
    """
    classes = read_label_map(label_map)
    names = resolve_classes(classes.values(), class_names)
    paths = [str(pattern)] if os.path.isfile(pattern) else sorted(filter(os.path.isfile, glob.glob(str(pattern))))
    if not paths:
        raise InputError(f"{pattern}: there is no such file")
    assembly = Assembly(str(pattern), names, scale_boxes=scale_boxes)
    for path in paths:
        for record in _records(path, classes, assembly):
            for item, message in record.problems:
                assembly.report(path, message, item)
            read = functools.partial(read_record_image, record.path, record.offset)
            assembly.add(record.name, f"{path}: {record.item}", read, record.header, record.objects, path=path,
                         stated=record.stated, fractions=True)
    return assembly.finish()


def read_record_image(path: str, offset: int) -> bytes:
    """The encoded image of the record that starts at an offset; what `Example.read` calls."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            features = _features(_payload(file, path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return _bytes(features, "image/encoded")[0]


def encoded_image(serialized):
    """In a graph: image/encoded of one serialized Example (scalar string), a scalar string."""
    import tensorflow as tf

    spec = {"image/encoded": tf.io.FixedLenFeature((), tf.string)}
    return tf.io.parse_single_example(serialized, spec)["image/encoded"]


def read_label_map(path) -> dict[int, str]:
    """Names by label of a label map: item { id: 1 name: 'x' }; a display_name goes before the name."""
    try:
        text = Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the label map cannot be read as text ({error})") from error
    text = re.sub(r"""('[^'\n]*'|"[^"\n]*")|#[^\n]*""", lambda match: match[1] or "", text)  # comments
    text = re.sub(r"\bkeypoints\s*:?\s*\{[^{}]*\}", "", text)
    classes: dict[int, str] = {}
    for match in _ITEM.finditer(text):
        id = re.search(r"\bid\s*:\s*(-?\d+)", match[1])
        name = _quoted(match[1], "display_name") or _quoted(match[1], "name")
        if not id or not name:
            raise InputError(f"{path}: item {len(classes) + 1} needs an id and a name")
        if int(id[1]) < 1:
            raise InputError(f"{path}: item {name!r} has id {id[1]}; ids start at 1, as 0 is the background's")
        if int(id[1]) in classes or name in classes.values():
            raise InputError(f"{path}: item {name!r} (id {id[1]}): its id or its name stands twice")
        classes[int(id[1])] = name
    if not classes or _ITEM.sub("", text).strip(" \t\r\n,"):
        raise InputError(f"{path}: not a label map; it needs items such as: item {{ id: 1 name: 'cat' }}")
    return dict(sorted(classes.items()))


def _quoted(text: str, key: str) -> str:
    match = re.search(rf"""\b{key}\s*:\s*(?:'([^']*)'|"([^"]*)")""", text)
    return (match[1] or match[2] or "").strip() if match else ""


def _records(path: str, classes: dict[int, str], assembly: Assembly) -> Iterator[Record]:
    """The good records of a shard; the others are reported. One picture is in memory at a time."""
    number = 0
    try:
        with open(path, "rb") as file:
            if file.read(2) == b"\x1f\x8b":
                raise InputError("compressed TFRecords are not read; write them without compression")
            length = file.seek(0, os.SEEK_END)
            file.seek(0)
            while file.tell() < length:
                offset, number = file.tell(), number + 1
                payload = _payload(file, "", length)
                try:
                    yield _record(path, offset, number, payload, classes)
                except InputError as error:
                    assembly.report(path, str(error), f"record {number}")
    except OSError as error:
        assembly.report(path, f"cannot be read ({error.strerror})")
    except InputError as error:
        assembly.report(path, str(error), f"record {number}" if number else "")


def _payload(file, path: str, length: int | None = None) -> bytes:
    """The next record's bytes. Framing: uint64 length, its uint32 checksum, the bytes, their uint32 checksum."""
    length = os.fstat(file.fileno()).st_size if length is None else length
    header = file.read(12)
    size = struct.unpack("<Q", header[:8])[0] if len(header) == 12 else length
    if file.tell() + size + 4 > length:
        raise InputError(f"{path}{': ' if path else ''}the TFRecord is truncated, or no TFRecord; write it anew")
    payload = file.read(size)
    file.seek(4, os.SEEK_CUR)
    return payload


def _features(payload: bytes):
    """The feature map of a serialized tf.train.Example."""
    import tensorflow as tf  # here, not above: --help answers without it
    from google.protobuf.message import DecodeError

    try:
        return tf.train.Example.FromString(payload).features.feature
    except DecodeError as error:
        raise InputError("not a tf.train.Example; the schema of the TF Object Detection API is needed") from error


def _bytes(features, key: str) -> list[bytes]:
    return list(features[key].bytes_list.value) if key in features else []


def _ints(features, key: str) -> list[int]:
    return list(features[key].int64_list.value) if key in features else []


def _record(path: str, offset: int, number: int, payload: bytes, classes: dict[int, str]) -> Record:
    """One record with its objects; InputError where it holds no readable image."""
    features = _features(payload)
    encoded = _bytes(features, "image/encoded")
    if len(encoded) != 1:
        raise InputError("the record has no image/encoded; the schema of the TF Object Detection API is needed")
    header = image_header(encoded[0])
    check_complete(encoded[0])
    stated = tuple((_ints(features, f"image/{side}") or [0])[0] for side in ("height", "width"))
    item = f"record {number}"
    source = [value.decode("utf-8", "replace") for value in _bytes(features, "image/source_id")]
    file = [value.decode("utf-8", "replace") for value in _bytes(features, "image/filename")]
    name = PurePosixPath(file[0].replace("\\", "/")).stem if file else ""
    objects, problems = _objects(features, classes, f"{item} ({name})" if name else item)
    name = name or (source[0] if source else "") or f"{Path(path).name}-{number}"
    return Record(path, offset, item, name, header, stated, objects, problems)


def _objects(features, classes: dict[int, str], record: str):
    """(objects, problems) of a record, boxes as fractions; the class is class/label's, else class/text's."""
    columns = [list(features[f"image/object/bbox/{side}"].float_list.value) if f"image/object/bbox/{side}" in features
               else [] for side in ("xmin", "ymin", "xmax", "ymax")]
    labels, texts = _ints(features, "image/object/class/label"), _bytes(features, "image/object/class/text")
    count = len(columns[0])
    if any(len(column) != count for column in columns) or count not in (len(labels), len(texts)):
        lengths = ", ".join(str(len(column)) for column in columns)
        raise InputError(f"xmin, ymin, xmax, ymax have {lengths} values, class/label {len(labels)}, "
                         f"class/text {len(texts)}; each object needs one of each")
    boxes = np.array(columns, np.float64).T  # (G, 4)
    if (np.abs(columns) > 2).any():
        raise InputError("its boxes are in pixels; the schema has fractions of the image, 0 to 1")
    flags = {key: _ints(features, f"image/object/{key}") for key in ("difficult", "is_crowd", "group_of")}
    flags = {key: values if len(values) == count else [0] * count for key, values in flags.items()}
    objects, problems = [], []
    for index in range(count):
        item = f"{record}: object {index + 1}"
        if len(labels) == count and labels[index] not in classes:
            problems.append((item, f"its label {labels[index]} is not in the label map"
                                   + (" (0 is the background's; labels start at 1)" if labels[index] == 0 else "")))
            continue
        name = classes[labels[index]] if len(labels) == count else texts[index].decode("utf-8", "replace").strip()
        crowd = bool(flags["is_crowd"][index] or flags["group_of"][index])
        objects.append(RawObject(name, tuple(boxes[index]), f"object {index + 1} ({name})",
                                 bool(flags["difficult"][index]), crowd))
    return objects, problems
