import dataclasses

import numpy as np
import pytest

from frcnn_keras.data.example import Dataset, Example
from frcnn_keras.errors import InputError
from frcnn_keras.readers.overlap import apart
from frcnn_keras.readers.splits import as_splits, read_splits
from tests import recognised_sets as sets
from tests.fuzz.reader_targets import LABEL_MAP, objects, tfrecord
from tests.yolo_files import picture, text

TOO_GOOD = "to train on as well: AP will be too good"


def dataset(*paths, ids=None, name="set"):
    none = np.zeros(0, bool)
    examples = [Example(id, str(path), lambda: b"", 10, 10, np.zeros((0, 4), np.float32), np.zeros(0, np.int32), none,
                        none, path=str(path)) for id, path in zip(ids or range(len(paths)), paths, strict=True)]
    return Dataset(name, ("cat",), (1,), tuple(examples), ())


def shared(train, other):
    """How many images of the other train as well, by the line."""
    _, lines = apart(train, other, "measure on")
    return int(lines[0].split()[0]) if lines else 0


def test_one_file_whatever_leads_to_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        text(tmp_path / "real" / name, name)
    (tmp_path / "folder").symlink_to(tmp_path / "real")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "real/a.jpg")
    train = dataset(tmp_path / "real/a.jpg", tmp_path / "real/b.jpg", ids=["a", "b"])
    for path, same in (("link.jpg", 1), ("folder/b.jpg", 1), ("real/../real/a.jpg", 1), ("real/c.jpg", 0),
                       (tmp_path / "link.jpg", 1)):
        assert shared(train, dataset(path, ids=["else"])) == same


def test_records_of_one_file_are_many_images():
    train = dataset("x.tfrecord", "x.tfrecord", "x.tfrecord", ids=["a", "b", "c"])
    assert shared(train, dataset("x.tfrecord", "x.tfrecord", ids=["c", "d"])) == 1
    assert shared(train, dataset("y.tfrecord", "y.tfrecord", ids=["a", "b"])) == 0
    twice = dataset("a.jpg", "a.jpg", ids=[0, 1])  # a picture listed twice
    assert shared(twice, dataset("a.jpg", ids=[5])) == 1


def test_pictures_in_memory_are_their_examples():
    train = dataset("", "", "")
    assert shared(train, dataclasses.replace(train, examples=train.examples[1:])) == 2
    assert shared(train, dataset("", "", "")) == 0


def test_what_is_said():
    train, other = dataset("a", "b", "c"), dataset("b", "d", name="val")
    marked, lines = apart(train, other, "measure on", "advice")
    assert lines == (f"1 of 2 images to measure on is {TOO_GOOD}",)
    (problem,) = marked.problems
    assert problem.message == lines[0] and not problem.stops and marked.examples == other.examples
    with pytest.raises(InputError, match="val: all 2 images to measure on are to train on as well; advice$"):
        apart(train, dataset("b", "c", name="val"), "measure on", "advice")
    assert apart(train, dataset("b", "c"), "test on")[1] == (f"2 of 2 images to test on are {TOO_GOOD}",)
    assert apart(train, dataset("d"), "measure on", "advice")[1] == ()


def yaml(root, val):
    sets.yolo_folders(root)
    return text(root / "data.yaml", f"train: train/images\nval: {val}\nnames: [cat]\n").parent


def test_a_yaml_whose_train_and_val_are_one(tmp_path):
    """As coco128.yaml, and Label Studio's export."""
    with pytest.raises(InputError, match="all 3 images to measure on are to train on as well; name others with --val"):
        read_splits(yaml(tmp_path, "train/images"))
    assert len(read_splits(yaml(tmp_path / "a", "valid/images")).lines) == 2


def test_some_of_them(tmp_path):
    splits = read_splits(yaml(tmp_path, "[valid/images, train/images]"))
    line = f"3 of 6 images to measure on are {TOO_GOOD}"
    assert splits.lines[-1] == line and [problem.message for problem in splits.val.dataset.problems] == [line]


def test_lists_of_image_sets(tmp_path):
    root = sets.voc(tmp_path, ["train", "test"])
    text(root / "ImageSets/Main/test.txt", "".join(f"{number}\n" for number in range(6)))
    splits = read_splits(root)
    trains = len(splits.train.dataset.examples)
    assert splits.lines[-1] == f"{trains} of 6 images to test on are {TOO_GOOD}" and trains == 2
    text(root / "ImageSets/Main/val.txt", "0\n2\n")
    with pytest.raises(InputError, match="all 2 images to measure on"):
        read_splits(root)


def test_another_data_set_of_the_same_images(tmp_path):
    """In another form, or through a link."""
    mine = sets.voc(tmp_path / "mine")
    text(mine / "boxes.csv", sets.rows([f"JPEGImages/{number}.png" for number in (1, 2)]))
    with pytest.raises(InputError, match="all 2 images to measure on are to train on as well; leave --val out"):
        read_splits(mine, val=mine / "boxes.csv")
    picture(mine / "more/9.png")
    text(mine / "boxes.csv", sets.rows(["JPEGImages/1.png", "more/9.png"]))
    assert read_splits(mine, val=mine / "boxes.csv").lines[-1] == f"1 of 2 images to measure on is {TOO_GOOD}"
    (tmp_path / "link").symlink_to(mine)
    with pytest.raises(InputError, match="all 6 images"):
        read_splits(mine, val=tmp_path / "link")


def test_records(tmp_path):
    (tmp_path / "train.tfrecord").write_bytes(tfrecord([objects(1), objects(2)]))
    text(tmp_path / "a.pbtxt", LABEL_MAP.decode())
    (tmp_path / "val").mkdir()
    (tmp_path / "val/a.tfrecord").symlink_to(tmp_path / "train.tfrecord")
    with pytest.raises(InputError, match="all 2 images"):
        read_splits(tmp_path)


def test_from_python():
    train = dataset("a", "b", "c")
    with pytest.raises(InputError, match="all 3 images to measure on"):
        as_splits(train, train)
    with pytest.raises(InputError, match="all 1 image to measure on"):
        as_splits(train, dataset("b"))
    splits = as_splits(train, dataset("x"), dataset("a", "y"))
    assert splits.lines[-1] == f"1 of 2 images to test on is {TOO_GOOD}" and not splits.val.dataset.problems
