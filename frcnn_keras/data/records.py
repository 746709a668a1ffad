"""The format of everything the stages write for each other; no other module knows it.

Artefacts are folders of TFRecord shards beside a `manifest.json`. A record is a serialized tf.train.Example, written
deterministically, so that equal content is equal to the byte. Arrays stand in it as raw little-endian bytes.
"""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from frcnn_keras.data.framing import Frame, FrameError, frames, read_payload
from frcnn_keras.errors import InputError
from frcnn_keras.files import whole_file

SHARD = r"\d{5,}-of-\d{5,}\.tfrecord"  # pattern of shard_name
FORMAT = 3  # of the folders; raised when a reader of the old one would misread the new one


REMEDY = "make it anew with --fresh"


@dataclasses.dataclass(frozen=True)
class Span:
    """Where one record lies, and what its bytes are to be."""

    path: str
    frame: Frame
    remedy: str = REMEDY  # what to do where it is damaged

    def read(self) -> bytes:
        """The serialized record.

        Raises:
            InputError: the file cannot be read, or the bytes are not those that were written.
        """
        try:
            with open(self.path, "rb") as file:
                return read_payload(file, self.frame)
        except FrameError as error:
            raise InputError(f"{self.path}: {error}; {self.remedy}") from error
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror}); {self.remedy}") from error


def shard_name(index: int, count: int) -> str:
    return f"{index:05}-of-{count:05}.tfrecord"


def write_shard(path: Path, records: Iterable[bytes]) -> None:
    """Writes records; a shard that is there is whole."""
    import tensorflow as tf

    with whole_file(path) as temporary, tf.io.TFRecordWriter(str(temporary)) as writer:
        for record in records:
            writer.write(record)


def spans(paths: Iterable[Path], remedy: str = REMEDY) -> list[Span]:
    """Finds every record of some shards by hopping over their frames; remedy: what to do where one is damaged.

    Raises:
        InputError: a shard cannot be read, is cut off, or a record's length does not match its checksum.
    """
    found = []
    for path in paths:
        try:
            with open(path, "rb") as file:
                found += [Span(str(path), frame, remedy) for frame in frames(file)]
        except FrameError as error:
            raise InputError(f"{path}: {error}; {remedy}") from error
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
    return found


def _example(values: dict) -> bytes:
    """Serializes a dict of bytes, ints, floats and arrays; arrays are stored raw."""
    import tensorflow as tf

    features = {}
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            value = np.ascontiguousarray(value).tobytes()
        if isinstance(value, bytes):
            feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        elif isinstance(value, (int, np.integer)):
            feature = tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        else:
            feature = tf.train.Feature(int64_list=tf.train.Int64List(value=list(value)))
        features[name] = feature
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)  # a protobuf map has no order of its own


def feature_record(*, image_id, mirror, maps, size, original, boxes, labels, difficult, crowd) -> bytes:
    """One image's frozen features and objects.

    maps: tuple over levels of (H, W, C) float16. size, original: (height, width) after and before resizing. boxes
    (G, 4) float32 in resized pixels (mirrored where `mirror`); labels (G,) int32; difficult, crowd (G,) bool.
    """
    values = {"id": str(image_id).encode(), "mirror": int(mirror), "size": size, "original": original,
              "boxes": boxes.astype("<f4"), "labels": labels.astype("<i4"),
              "difficult": difficult.astype("u1"), "crowd": crowd.astype("u1")}
    for level, array in enumerate(maps):
        values[f"map/{level}"] = array.astype("<f2")
        values[f"shape/{level}"] = array.shape
    return _example(values)


def parse_features(serialized, channels: tuple[int, ...]) -> dict:
    """In a graph: the tensors of a feature record. `maps`: tuple over levels of (H, W, C) float16; channels: the C."""
    import tensorflow as tf

    spec = {name: tf.io.FixedLenFeature((), tf.string) for name in ("id", "boxes", "labels", "difficult", "crowd")}
    spec |= {"mirror": tf.io.FixedLenFeature((), tf.int64), "size": tf.io.FixedLenFeature((2,), tf.int64),
             "original": tf.io.FixedLenFeature((2,), tf.int64)}
    for level in range(len(channels)):
        spec[f"map/{level}"] = tf.io.FixedLenFeature((), tf.string)
        spec[f"shape/{level}"] = tf.io.FixedLenFeature((3,), tf.int64)
    parsed = tf.io.parse_single_example(serialized, spec)
    maps = tuple(tf.ensure_shape(tf.reshape(tf.io.decode_raw(parsed[f"map/{level}"], tf.float16),
                                            parsed[f"shape/{level}"]), (None, None, depth))
                 for level, depth in enumerate(channels))
    difficult, crowd = (tf.io.decode_raw(parsed[name], tf.uint8) > 0 for name in ("difficult", "crowd"))
    return {"id": parsed["id"], "mirror": parsed["mirror"], "maps": maps,
            "size": tf.cast(parsed["size"], tf.int32), "original": tf.cast(parsed["original"], tf.int32),
            "boxes": tf.reshape(tf.io.decode_raw(parsed["boxes"], tf.float32), (-1, 4)),
            "labels": tf.io.decode_raw(parsed["labels"], tf.int32),
            "crowd": crowd, "ignored": tf.logical_or(difficult, crowd)}


def minibatch_record(*, image_id, mirror, indices, labels, deltas) -> bytes:
    """Every draw of one image: indices (D, T) int32 into its anchors, labels (D, T) int8, deltas (D, T, 4) float32."""
    return _example({"id": str(image_id).encode(), "mirror": int(mirror), "shape": indices.shape,
                     "indices": indices.astype("<i4"), "labels": labels.astype("i1"), "deltas": deltas.astype("<f4")})


def parse_minibatch(serialized, draw) -> dict:
    """In a graph: one draw of a minibatch record; indices (T,), labels (T,) int32, deltas (T, 4)."""
    import tensorflow as tf

    spec = {name: tf.io.FixedLenFeature((), tf.string) for name in ("id", "indices", "labels", "deltas")}
    spec |= {"mirror": tf.io.FixedLenFeature((), tf.int64), "shape": tf.io.FixedLenFeature((2,), tf.int64)}
    parsed = tf.io.parse_single_example(serialized, spec)
    shape = parsed["shape"]
    draw = tf.cast(draw, tf.int64) % shape[0]
    return {"id": parsed["id"], "mirror": parsed["mirror"],
            "indices": tf.reshape(tf.io.decode_raw(parsed["indices"], tf.int32), shape)[draw],
            "labels": tf.cast(tf.reshape(tf.io.decode_raw(parsed["labels"], tf.int8), shape)[draw], tf.int32),
            "deltas": tf.reshape(tf.io.decode_raw(parsed["deltas"], tf.float32), tf.concat([shape, [4]], 0))[draw]}


def tile_record(*, image_id, mirror, draw, tiles, anchors, labels, deltas) -> bytes:
    """A whole minibatch that any TensorFlow program can train an RPN on.

    tiles (T, 3, 3, C) float16, cut from the zero-padded map; anchors (T,): which of the K anchors of its position a
    tile stands for; labels (T,) 1, 0 or -1 (ignored); deltas (T, 4) float32, meaningful where the label is 1.
    """
    return _example({"id": str(image_id).encode(), "mirror": int(mirror), "draw": int(draw), "shape": tiles.shape,
                     "tiles": tiles.astype("<f2"), "anchors": anchors.astype("<i4"), "labels": labels.astype("<i4"),
                     "deltas": deltas.astype("<f4")})


def parse_tiles(serialized) -> dict:
    """In a graph: tiles (T, 3, 3, C) float16, anchors (T,), labels (T,) int32, deltas (T, 4)."""
    import tensorflow as tf

    spec = {name: tf.io.FixedLenFeature((), tf.string) for name in ("id", "tiles", "anchors", "labels", "deltas")}
    spec |= {"mirror": tf.io.FixedLenFeature((), tf.int64), "draw": tf.io.FixedLenFeature((), tf.int64),
             "shape": tf.io.FixedLenFeature((4,), tf.int64)}
    parsed = tf.io.parse_single_example(serialized, spec)
    return {"id": parsed["id"], "mirror": parsed["mirror"], "draw": parsed["draw"],
            "tiles": tf.reshape(tf.io.decode_raw(parsed["tiles"], tf.float16), parsed["shape"]),
            "anchors": tf.io.decode_raw(parsed["anchors"], tf.int32),
            "labels": tf.io.decode_raw(parsed["labels"], tf.int32),
            "deltas": tf.reshape(tf.io.decode_raw(parsed["deltas"], tf.float32), (-1, 4))}


def proposal_record(*, image_id, mirror, boxes, scores) -> bytes:
    """One image's proposals, best first: boxes (P, 4) float32 in resized pixels, scores (P,) float32."""
    return _example({"id": str(image_id).encode(), "mirror": int(mirror),
                     "boxes": boxes.astype("<f4"), "scores": scores.astype("<f4")})


def parse_proposals(serialized) -> dict:
    """In a graph: boxes (P, 4), scores (P,)."""
    import tensorflow as tf

    spec = {name: tf.io.FixedLenFeature((), tf.string) for name in ("id", "boxes", "scores")}
    spec["mirror"] = tf.io.FixedLenFeature((), tf.int64)
    parsed = tf.io.parse_single_example(serialized, spec)
    return {"id": parsed["id"], "mirror": parsed["mirror"],
            "boxes": tf.reshape(tf.io.decode_raw(parsed["boxes"], tf.float32), (-1, 4)),
            "scores": tf.io.decode_raw(parsed["scores"], tf.float32)}
