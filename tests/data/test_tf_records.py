import struct

import cv2
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.data.tf_records import read_record_image, read_tf_records
from frcnn_keras.errors import InputError

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
    assert [item.id for item in dataset.examples] == ["one", "two", "three"] and not dataset.problems
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
        assert read_record_image(path, offset) == jpeg(seed)
        offset += 8 + 4 + len(record) + 4


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
    ],
)
def test_bad_records(write, record, words):
    dataset = read_tf_records(*write(example(filename=[b"good.jpg"]), record))
    problem = only_problem(dataset)
    assert "record 2" in str(problem) and words in problem.message
    assert dataset.examples[0].id == "good"


def test_names_are_unique(write):
    assert len(read_tf_records(*write(example(), example())).examples) == 2
    assert "unique" in only_problem(read_tf_records(*write(*[example(filename=[b"a.jpg"])] * 2))).message


def test_truncated_and_foreign_files(write, tmp_path):
    arguments = write(example(), example())
    file = next(tmp_path.glob("train-*"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-10])
    assert "record 2" in str(only_problem(read_tf_records(*arguments)))
    for content in (b"text", struct.pack("<Q", 2**63) + whole[8:], b"\x1f\x8b" + whole):
        file.write_bytes(content)
        assert not read_tf_records(*arguments).examples
        only_problem(read_tf_records(*arguments))
    with pytest.raises(InputError, match="no such file"):
        read_tf_records(tmp_path / "none*", tmp_path / "map.pbtxt")
