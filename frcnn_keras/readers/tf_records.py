"""TFRecords in the schema of the TF Object Detection API, read record by record; pictures are never held."""

import functools
import glob
import os
from collections.abc import Iterator, Mapping, Sequence

from frcnn_keras.data.example import Dataset
from frcnn_keras.data.framing import Frame, FrameError, frames, read_payload
from frcnn_keras.errors import InputError, printable
from frcnn_keras.readers.label_map import read_label_map
from frcnn_keras.readers.tf_examples import Record, encoded_in, parse_record
from frcnn_keras.readers.validation import Assembly, resolve_classes

_REMEDY = "copy or make the file again"


def read_tf_records(pattern, label_map, class_names: Sequence[str] | None = None, *,
                    scale_boxes: bool = False) -> Dataset:
    """Reads every shard that a glob pattern names, with the label map (pbtxt) that gives the labels their names.

    image/encoded and image/object/bbox/* are needed, and class/label or class/text; difficult, is_crowd and group_of
    are taken where present. Boxes are fractions of the image and become pixels. Labels follow the label map's ids, or
    class_names. scale_boxes: see `Assembly`.

    An image's id is its image/filename, with folders and suffix; where several records have the same one, the first
    keeps it and the others have their image/source_id behind it ("a.jpg#17"). Without a file name it is the source id,
    else the shard's name and the record's number.

    Raises InputError for missing files; one bad record among many becomes a fatal Problem.
    """
    classes = read_label_map(label_map)
    names = resolve_classes(classes.values(), class_names)
    paths = _shards(str(pattern))
    assembly = Assembly(str(pattern), names, scale_boxes=scale_boxes)
    sources: dict[str, str] = {}  # of the first record with a file name
    contradicted: list[str] = []
    for path, shard in paths.items():
        for frame, record in _records(path, classes, assembly):
            for fault in record.faults:
                assembly.report(path, fault.message, fault.item, fault.fatal)
            contradicted += [f"{path}: {item}" for item in record.contradicted]
            assembly.add(_id(record, f"{shard}-{frame.number}", sources), f"{path}: record {frame.number}",
                         functools.partial(read_record_image, path, frame), record.header, record.objects, path=path,
                         stated=record.stated, fractions=True)
    if contradicted:
        assembly.report(pattern, f"{len(contradicted)} objects have a class/text that names another label than theirs; "
                                 "labels are taken, so check that this is their label map; first: "
                                 f"{contradicted[0]}", fatal=False)
    return assembly.finish()


def read_record_image(path: str, frame: Frame) -> bytes:
    """The encoded image of one record; what `Example.read` calls.

    Raises:
        InputError: the file cannot be read, or the record's bytes do not match their checksum.
    """
    try:
        with open(path, "rb") as file:
            return encoded_in(read_payload(file, frame))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except FrameError as error:
        raise InputError(f"{path}: {error}; {_REMEDY}") from error
    except InputError as error:
        raise InputError(f"{path}: record {frame.number}: {error}") from error


def encoded_image(serialized):
    """In a graph: image/encoded of one serialized Example (scalar string), a scalar string."""
    import tensorflow as tf  # here, not above: --help answers without it

    spec = {"image/encoded": tf.io.FixedLenFeature((), tf.string)}
    return tf.io.parse_single_example(serialized, spec)["image/encoded"]


def image_example(encoded: bytes) -> bytes:
    """A serialized Example with nothing but image/encoded."""
    import tensorflow as tf

    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[encoded]))
    return tf.train.Example(features=tf.train.Features(feature={"image/encoded": feature})).SerializeToString()


def _shards(pattern: str) -> dict[str, str]:
    """The files that a pattern names, in order; of each what tells it from the others: its name, or the way to it."""
    try:
        paths = [pattern] if os.path.isfile(pattern) else sorted(filter(os.path.isfile, glob.glob(pattern)))
    except (OSError, ValueError, RecursionError) as error:  # ValueError: a name that no file can have
        raise InputError(f"{pattern[:200]!r}: cannot be listed ({error})") from error
    if not paths:
        raise InputError(f"{printable(pattern)[:1000]}: there is no such file")
    root = os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in paths])
    return {path: os.path.relpath(os.path.abspath(path), root).replace(os.sep, "/") for path in paths}


def _id(record: Record, unnamed: str, sources: dict[str, str]) -> str:
    """A record's id; sources: what the first record of each file name has as source id."""
    if not record.name:
        return record.source or unnamed
    first = sources.setdefault(record.name, record.source)
    return record.name if record.source in ("", first) else f"{record.name}#{record.source}"


def _records(path: str, classes: Mapping[int, str], assembly: Assembly) -> Iterator[tuple[Frame, Record]]:
    """The good records of a shard; the others are reported. One picture is in memory at a time."""
    try:
        with open(path, "rb") as file:
            for frame in frames(file):
                item = f"record {frame.number}"
                try:
                    record = parse_record(read_payload(file, frame), classes, item)
                except FrameError as error:
                    assembly.report(path, f"{error.fault}; {_REMEDY}", error.item)
                except InputError as error:
                    assembly.report(path, str(error), item)
                else:
                    yield frame, record
    except OSError as error:
        assembly.report(path, f"cannot be read ({error.strerror})")
    except FrameError as error:
        assembly.report(path, f"{error.fault}; {_REMEDY}" if error.item else error.fault, error.item)
