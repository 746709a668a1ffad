"""No spoilt input gets anything but InputError out of what reads CSV, TFRecords, label maps and the stages' shards."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.data import records
from frcnn_keras.errors import InputError
from frcnn_keras.readers.csv_file import read_csv
from frcnn_keras.readers.label_map import read_label_map
from frcnn_keras.readers.tf_records import read_tf_records
from tests.mutations import mutations

NUMBERS = (b"9" * 400, b"-1", b"nan", b"inf", b"1e999", b"0", b"0x7", b"1_0", b"2147483648", b"18446744073709551616")
BYTES = (b"\0", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\n", b"\r", b"\x1b[31m", b"a" * 5000)
CSV = (b"a.jpg,1,2,30,40,cat\nb.jpg,,,,,\na.jpg,2,3,9,9,dog\n",
       b"filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,53,37,cat,1,2,30,20\n./a.jpg,53,37,dog,5,6,9,9\n",
       b"path;x1;y1;x2;y2;class;difficult\na.jpg;1,5;2;30;20;\"a; b\";1\n",
       "a.jpg\t1\t2\t30\t20\tcaf\u00e9\n".encode("utf-16"))
CSV_WORDS = (*NUMBERS, *BYTES, b",", b";", b"\t", b'"', b"path", b"xmin", b"class", b"a.jpg", b"..", b"/", b"\\", b"*",
             b"n" * 300, b"%00", b"sep=;\n", b"name")
MAPS = (b"item {\n  id: 1\n  name: 'cat'\n}\nitem { name: \"big dog\" id: 4 }\n",
        b"item: { id: 0x2; name: '\\303\\251\\x41\\u00e9' display_name: 'a' 'b' } # c\nitem < id: 3 name: 'c' >",
        b"item { id: 0 name: 'background' keypoints { id: 0 label: 'n' } } item: [{ id: 1 name: 'x' }]")
MAP_WORDS = (*NUMBERS, *BYTES, b"item", b"{", b"}", b"<", b">", b"[", b"]", b":", b"'", b'"', b"\\", b"#", b"id",
             b"name", b"\\u", b"\\ud83d", b"\\x", b"{" * 500, b" " * 5000)


def pictures():
    image = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
    return cv2.imencode(".jpg", image)[1].tobytes(), cv2.imencode(".png", image[:5, :6])[1].tobytes()


def example(encoded, **more):
    """A serialized tf.train.Example of one object; keyword a__b stands for feature image/a/b."""
    features = {f"image/object/bbox/{side}": tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
                for side, value in (("xmin", 0.1), ("ymin", 0.2), ("xmax", 0.7), ("ymax", 0.9))}
    for key, value in {"encoded": encoded, "object__class__label": 1, "filename": b"c/a.jpg", **more}.items():
        kinds = {"bytes_list": tf.train.BytesList(value=[value])} if isinstance(value, bytes) else {
            "int64_list": tf.train.Int64List(value=[value])}
        features[f"image/{key.replace('__', '/')}"] = tf.train.Feature(**kinds)
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def framed(folder, payloads):
    with tf.io.TFRecordWriter(str(folder / "framed")) as writer:
        for payload in payloads:
            writer.write(payload)
    return (folder / "framed").read_bytes()


def outcome(read, path):
    """Whether reading went well; every message is one line, of bearable length."""
    try:
        found = read(path)
    except InputError as error:
        said, well = [str(error)], False
    else:
        said, well = [str(problem) for problem in getattr(found, "problems", ())], True
        for item in getattr(found, "examples", ()):
            str(item.id).encode()
    for text in said:
        assert len(text.splitlines()) == 1 and len(text) < 3000, text[:3000]
    return well


def test_csv(tmp_path):
    (tmp_path / "a.jpg").write_bytes(pictures()[0])
    path, well = tmp_path / "t.csv", 0
    for data in mutations(1, CSV, CSV_WORDS):
        path.write_bytes(data)
        well += outcome(read_csv, path)
    assert well > 10


def test_label_maps(tmp_path):
    path, well = tmp_path / "m.pbtxt", 0
    for data in mutations(2, MAPS, MAP_WORDS):
        path.write_bytes(data)
        well += outcome(read_label_map, path)
    assert well > 2


def read_records(path):
    """A data set, and each picture of it as training reads it."""
    dataset = read_tf_records(path, path.with_name("m.pbtxt"))
    for item in dataset.examples:
        item.read()
    return dataset


@pytest.fixture
def map_file(tmp_path):
    (tmp_path / "m.pbtxt").write_bytes(MAPS[0])
    return tmp_path


def test_tf_records(map_file):
    """Files whose frames are spoilt too."""
    sources = tuple(framed(map_file, payloads) for payloads in (
        [example(picture, width=53, source_id=b"7") for picture in pictures()], [], [example(b"")]))
    for data in mutations(3, sources, (b"\x1f\x8b", b"\x78\x9c", bytes(12), b"\xff" * 8)):
        (map_file / "t.record").write_bytes(data)
        assert outcome(read_records, map_file / "t.record")  # what is wrong in one is a Problem


def test_records_whose_frames_are_right(map_file):
    sources = tuple(example(picture, width=53, height=37, object__difficult=1, object__class__text=b"cat")
                    for picture in pictures())
    for data in mutations(4, sources, (*BYTES, b"image/encoded", b"image/filename", b"\x0a", b"\x12\x00")):
        (map_file / "t.record").write_bytes(framed(map_file, [data]))
        assert outcome(read_records, map_file / "t.record")


def test_shards_of_the_stages(tmp_path):
    """Every spoilt shard is told; one that is read gives what was written."""
    payloads = [b"first", b"", b"x" * 400, b"last"]
    source, wrong = framed(tmp_path, payloads), 0

    def read(path):
        found = [span.read() for span in records.spans([path])]
        assert set(found) <= set(payloads)  # whole records may be gone, or doubled: `checksums` tells that
        return found

    for data in mutations(5, (source,), (bytes(16), b"\xff" * 8)):
        (tmp_path / "s").write_bytes(data)
        wrong += not outcome(read, tmp_path / "s")
    assert wrong > 10
