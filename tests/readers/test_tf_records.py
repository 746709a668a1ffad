import gzip
import struct
import zlib

import cv2
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.data.framing import Frame, masked_checksum
from frcnn_keras.errors import InputError
from frcnn_keras.readers.tf_records import read_record_image, read_tf_records

MAP = "item {\n  id: 1\n  name: 'cat'\n}\nitem { name: \"big dog\" id: 4 }\n"


def jpeg(seed=0, height=40, width=80):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.imencode(".jpg", image)[1].tobytes()


def example(encoded=None, xmin=(0.25,), ymin=(0.5,), xmax=(0.5,), ymax=(1.0,), label=(1,), text=None, **more):
    """A serialized tf.train.Example; keyword a__b stands for feature image/a/b."""
    bbox = "image/object/bbox/"
    features = {bbox + "xmin": xmin, bbox + "ymin": ymin, bbox + "xmax": xmax, bbox + "ymax": ymax}
    features = {key: tf.train.Feature(float_list=tf.train.FloatList(value=value)) for key, value in features.items()}
    others = {f"image/{key.replace('__', '/')}": value for key, value in more.items()}
    others |= {"image/object/class/label": label, "image/object/class/text": text}
    for key, values in {**others, "image/encoded": [jpeg() if encoded is None else encoded]}.items():
        if values and isinstance(values[0], bytes):
            features[key] = tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
        elif values:
            features[key] = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


@pytest.fixture
def write(tmp_path):
    (tmp_path / "map.pbtxt").write_text(MAP)

    def write(*records, name="train-00000-of-00002.tfrecord"):
        with tf.io.TFRecordWriter(str(tmp_path / name)) as writer:
            for record in records:
                writer.write(record)
        return str(tmp_path / "train-*"), tmp_path / "map.pbtxt"

    return write


def only_problem(dataset):
    (problem,) = dataset.problems
    assert "\n" not in str(problem) and problem.fatal
    return problem


def test_objects_and_pictures(write):
    two = example(jpeg(1), (0, 0.5), (0, 0), (1, 1), (1, 0.25), (4, 1), filename=[b"x/two.jpg"], height=[40],
                  width=[80], object__difficult=[0, 1], object__group_of=[1, 0])
    write(example(jpeg(2), (), (), (), (), (), source_id=[b"three"]), name="train-00001-of-00002.tfrecord")
    dataset = read_tf_records(*write(example(filename=[b"one.jpg"]), two))
    one, two, three = dataset.examples
    assert [item.id for item in dataset.examples] == ["one.jpg", "x/two.jpg", "three"] and not dataset.problems
    np.testing.assert_allclose(one.boxes, [[20, 20, 40, 40]])
    np.testing.assert_allclose(two.boxes, [[0, 0, 80, 40], [40, 0, 80, 10]])
    assert two.labels.tolist() == [2, 1]
    assert two.difficult.tolist() == [False, True] and two.crowd.tolist() == [True, False]
    assert three.boxes.shape == (0, 4) and (three.height, three.width) == (40, 80)
    assert [item.read() for item in dataset.examples] == [jpeg(0), jpeg(1), jpeg(2)]
    assert dataset.class_names == ("cat", "big dog")


def test_offsets_are_those_that_tensorflow_writes(write, tmp_path):
    pattern, _ = write(*(example(jpeg(seed)) for seed in range(3)))
    path = str(next(tmp_path.glob("train-*")))
    offset = 0
    for seed, record in enumerate(tf.data.TFRecordDataset(path).as_numpy_iterator()):
        checksum = masked_checksum(record)
        assert read_record_image(path, Frame(seed + 1, offset + 12, len(record), checksum)) == jpeg(seed)
        with pytest.raises(InputError, match=f"train-.*: record {seed + 1}: its bytes do not match"):
            read_record_image(path, Frame(seed + 1, offset + 12, len(record), checksum ^ 1))
        offset += 8 + 4 + len(record) + 4
    with pytest.raises(InputError, match="cannot be read"):
        read_record_image(path + "x", Frame(1, 12, 1, 0))


def test_text_instead_of_labels(write):
    dataset = read_tf_records(*write(example(label=(), text=[b"big dog"])))
    assert dataset.examples[0].labels.tolist() == [2]
    assert "'cow'" in only_problem(read_tf_records(*write(example(label=(), text=[b"cow"])))).message


def test_class_names_of_another_data_set(write):
    dataset = read_tf_records(*write(example()), ["big dog", "cat"])
    assert dataset.examples[0].labels.tolist() == [2]


@pytest.mark.parametrize(
    "record, words",
    [
        (b"nonsense", "not a tf.train.Example"),
        (tf.train.Example().SerializeToString(), "no image/encoded"),
        (example(b"text"), "not a JPEG"),
        (example(jpeg()[:-30]), "truncated"),
        (example(label=(0,)), "background"),
        (example(label=(3,)), "not in the label map"),
        (example(label=(1, 1)), "each object needs one"),
        (example(xmin=()), "each object needs one"),
        (example(xmin=(20,), xmax=(40,)), "pixels"),
        (example(xmin=(0.5,), xmax=(0.25,)), "no area"),
        (example(xmin=(np.nan,)), "finite"),
        (example(xmax=(np.inf,)), "finite"),
        (example(None, *([0.5] * 100_001 for _ in range(4)), [1] * 100_001), "100001 objects"),
    ],
)
def test_bad_records(write, record, words):
    dataset = read_tf_records(*write(example(filename=[b"good.jpg"]), record))
    problem = only_problem(dataset)
    assert "record 2" in str(problem) and words in problem.message
    assert dataset.examples[0].id == "good.jpg"


def ids(*arguments):
    dataset = read_tf_records(*arguments)
    assert not dataset.problems
    return [item.id for item in dataset.examples]


def test_ids_are_paths_below_the_root_with_suffix(write):
    names = [b"cam1/0001.jpg", b"cam2/0001.jpg", b"cam2\\0002.jpg", b"./cam1/0002.jpg", b"0001.jpg", b"0001.png",
             b"/data/x/../0001.jpg", "caf\u00e9.jpg".encode(), b"caf\xe9.jpg", b"caf\xe8.jpg", b"n\0ul.jpg", b"n" * 300]
    assert ids(*write(*(example(filename=[name]) for name in names))) == [
        "cam1/0001.jpg", "cam2/0001.jpg", "cam2/0002.jpg", "cam1/0002.jpg", "0001.jpg", "0001.png", "data/0001.jpg",
        "caf\u00e9.jpg", "caf\\xe9.jpg", "caf\\xe8.jpg", "n\\x00ul.jpg", "n" * 300]


def test_ids_without_a_file_name(write, tmp_path):
    assert ids(*write(example(source_id=[b"17"]), example(filename=[b""], source_id=[b"18"]), example(),
                      example(filename=[b"./"]))) == ["17", "18", *(
                          f"train-00000-of-00002.tfrecord-{number}" for number in (3, 4))]
    for folder in "ab":  # shards of one name in two folders
        (tmp_path / folder).mkdir()
        write(example(), name=f"{folder}/x.record")
    assert ids(tmp_path / "*" / "x.record", tmp_path / "map.pbtxt") == ["a/x.record-1", "b/x.record-1"]


def test_one_file_name_for_several_records(write):
    """Their source ids tell them apart; where they do not, the second is refused, and its boxes go nowhere."""
    same = [example(jpeg(seed), filename=[b"image.jpg"], source_id=[b"%d" % seed]) for seed in (7, 8, 9)]
    assert ids(*write(*same)) == ["image.jpg", "image.jpg#8", "image.jpg#9"]
    for twice in ({}, {"source_id": [b"7"]}):
        dataset = read_tf_records(*write(*(example(jpeg(seed), filename=[b"a.jpg"], **twice) for seed in (1, 2))))
        assert "unique" in only_problem(dataset).message
        assert len(dataset.examples) == 1 and len(dataset.examples[0].boxes) == 1


def remarks(dataset):
    assert not any(problem.fatal for problem in dataset.problems)
    return [str(problem) for problem in dataset.problems]


def test_flags_of_another_number_are_told(write):
    two = example(xmin=(0, 0), ymin=(0, 0), xmax=(1, 1), ymax=(1, 1), label=(1, 1), object__difficult=[1])
    dataset = read_tf_records(*write(two))
    (remark,) = remarks(dataset)
    assert "record 1" in remark and "difficult has 1 values for 2 objects" in remark
    assert dataset.examples[0].difficult.tolist() == [False, False]


def test_texts_that_contradict_the_labels_are_told_once(write):
    other, own = example(label=(1,), text=[b"big dog"]), example(label=(1,), text=[b"/m/0x"])
    dataset = read_tf_records(*write(other, own, other))
    (remark,) = remarks(dataset)
    assert "2 objects" in remark and "record 1: object 1 (label 1 is 'cat', its text 'big dog')" in remark
    assert [item.labels.tolist() for item in dataset.examples] == [[1]] * 3


def test_a_class_text_that_is_no_text(write):
    problem = only_problem(read_tf_records(*write(example(label=(), text=[b"c\xffa\x1b[31mt"]))))
    assert str(problem).isprintable() and "\\xff" in str(problem)


def test_every_damaged_record_is_named_and_the_others_are_read(write, tmp_path):
    arguments = write(*(example(filename=[b"%d.jpg" % seed]) for seed in range(3)))
    file = next(tmp_path.glob("train-*"))
    whole = file.read_bytes()
    size = len(whole) // 3
    for place in (12, size // 2, size - 5, size - 1):  # the second's bytes and their checksum
        file.write_bytes(whole[:size + place] + bytes([whole[size + place] ^ 4]) + whole[size + place + 1:])
        dataset = read_tf_records(*arguments)
        problem = only_problem(dataset)
        assert problem.item == "record 2" and "checksum; copy" in problem.message
        assert [item.id for item in dataset.examples] == ["0.jpg", "2.jpg"]
    for place in range(12):  # its length and that one's checksum: where the third begins is not known
        file.write_bytes(whole[:size + place] + bytes([whole[size + place] ^ 4]) + whole[size + place + 1:])
        dataset = read_tf_records(*arguments)
        assert only_problem(dataset).item == "record 2" and "its length" in only_problem(dataset).message
        assert [item.id for item in dataset.examples] == ["0.jpg"]


def test_a_picture_that_is_damaged_after_it_was_looked_at(write, tmp_path):
    (item,) = read_tf_records(*write(example())).examples
    file = next(tmp_path.glob("train-*"))
    whole = file.read_bytes()
    file.write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])
    with pytest.raises(InputError, match="train-00000-of-00002.tfrecord: record 1: its bytes do not match"):
        item.read()
    file.write_bytes(whole[:200])
    with pytest.raises(InputError, match="record 1"):
        item.read()


@pytest.mark.parametrize("low", [0x8B1F, 0x9C78])
def test_a_first_record_whose_length_begins_as_a_compressed_file_does(write, tmp_path, low):
    fill = low - len(example(key=[b""])) - 8
    record = example(key=[b"x" * (fill + 65_536)])
    record = example(key=[b"x" * (fill + 65_536 + low + 65_536 - len(record))])
    assert len(record) == low + 65_536
    arguments = write(record)
    assert next(tmp_path.glob("train-*")).read_bytes()[:2] == struct.pack("<H", low)
    assert len(read_tf_records(*arguments).examples) == 1


def test_truncated_and_foreign_files(write, tmp_path):
    arguments = write(example(), example())
    file = next(tmp_path.glob("train-*"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-10])
    assert "record 2" in str(only_problem(read_tf_records(*arguments)))
    for content, words in ((b"text", "no record"), (struct.pack("<Q", 2**63) + whole[8:], "no TFRecord"),
                           (gzip.compress(whole), "GZIP"), (zlib.compress(whole), "ZLIB")):
        file.write_bytes(content)
        assert not read_tf_records(*arguments).examples
        assert words in only_problem(read_tf_records(*arguments)).message
    file.write_bytes(b"")
    assert not read_tf_records(*arguments).problems
    with pytest.raises(InputError, match="no such file"):
        read_tf_records(tmp_path / "none*", tmp_path / "map.pbtxt")
