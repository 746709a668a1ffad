import dataclasses

import pytest

from frcnn_keras.commands.data_flags import add_source_arguments, read_source
from frcnn_keras.errors import InputError
from frcnn_keras.readers.splits import read, read_splits
from tests import recognised_sets as sets
from tests.fuzz.reader_targets import LABEL_MAP, objects, tfrecord
from tests.yolo_files import text


def ids(part):
    return [example.id for example in part.dataset.examples]


def by_flags(part, names):
    import argparse

    parser = argparse.ArgumentParser()
    add_source_arguments(parser)
    return read_source(parser.parse_args(part.flags), names)


@pytest.mark.parametrize("make", [sets.voc_folders, sets.coco_folders, sets.yolo_folders, sets.table_folders])
def test_splits_of_its_own(make, tmp_path):
    splits = read_splits(make(tmp_path))
    sizes = "3 images to train on, 3 images to measure on, 3 images to test on"
    assert splits.holdout is None and splits.lines == (splits.recognised.line, sizes)
    for part in (splits.train, splits.val, splits.test):
        assert by_flags(part, ("cat",)).fingerprint() == part.dataset.fingerprint()
    with pytest.raises(InputError, match="has images to measure on, train, val, test; leave --holdout out"):
        read_splits(tmp_path, "20%")


@pytest.mark.parametrize("make", [sets.voc, sets.yolo, sets.labelme, sets.table])
def test_without_splits(make, tmp_path):
    splits = read_splits(make(tmp_path), "40%")
    assert splits.test is None and splits.holdout == pytest.approx(0.4) and "40% held out" in splits.lines[1]
    assert not set(ids(splits.train)) & set(ids(splits.val)) and ids(splits.val)
    for part in (splits.train, splits.val):
        assert part.flags[-2:] == ("--holdout", "40%")
        assert [example.id for example in by_flags(part, None).examples] == ids(part)
    assert not splits.val.dataset.problems
    assert read_splits(tmp_path).holdout == pytest.approx(0.2)


def test_images_to_train_on_and_to_test_on(tmp_path):
    splits = read_splits(sets.voc(tmp_path, ["trainval", "test"]))
    assert ids(splits.test) == ["1.png", "3.png", "5.png"] and sorted(ids(splits.train) + ids(splits.val)) == [
        "0.png", "2.png", "4.png"]
    assert splits.train.flags == ("--voc", str(tmp_path), "--split", "train", "--holdout", "20%")
    assert [example.id for example in by_flags(splits.val, None).examples] == ids(splits.val)
    assert splits.lines[1].startswith("trainval: split by the hash of ids") and len(splits.lines) == 3


def test_the_only_split_is_split(tmp_path):
    splits = read_splits(sets.voc_folders(tmp_path, ("train",)), 0.4)
    assert sorted(ids(splits.train) + ids(splits.val)) == ["0.png", "1.png", "2.png"] and splits.holdout == 0.4


def test_nothing_to_train_on(tmp_path):
    with pytest.raises(InputError, match="no images to train on, only val, test"):
        read_splits(sets.voc_folders(tmp_path, ("valid", "test")))


def test_all_splits_have_the_classes_of_all(tmp_path):
    sets.voc_folders(tmp_path, ("train", "valid"))
    text(tmp_path / "valid/0.xml", sets.xml("0.png", label="ant"))
    splits = read_splits(tmp_path)
    assert splits.train.dataset.class_names == splits.val.dataset.class_names == ("ant", "cat")
    assert [example.labels.tolist() for example in splits.val.dataset.examples] == [[1], [2], [2]]
    assert not any(problem.stops for part in (splits.train, splits.val) for problem in part.dataset.problems)
    (note,) = splits.train.dataset.problems
    assert "no object of ant is in train" in note.message
    assert read_splits(tmp_path, class_names=["cat", "ant"]).train.dataset.class_names == ("cat", "ant")


def test_classes_by_number_are_those_of_all_splits(tmp_path):
    sets.yolo_folders(tmp_path)
    text(tmp_path / "data.yaml", "train: train\nval: valid\n")
    text(tmp_path / "valid/labels/0.txt", sets.yolo_line(label=2))
    splits = read_splits(tmp_path)
    assert splits.train.dataset.class_names == splits.val.dataset.class_names == ("class_0", "class_1", "class_2")
    assert not any(problem.stops for problem in splits.val.dataset.problems)


def test_read(tmp_path):
    sets.yolo_folders(tmp_path)
    assert len(read(tmp_path, "valid").examples) == 3
    assert read(tmp_path / "data.yaml", "val", ["cat", "x"]).class_names == ("cat", "x")
    with pytest.raises(InputError, match="name a split"):
        read(tmp_path)


def test_sizes_are_scaled_where_it_is_asked(tmp_path):
    sets.voc(tmp_path)
    wrong = sets.xml("0.png").replace("200", "400").replace("<height>100", "<height>200")
    text(tmp_path / "Annotations/0.xml", wrong)
    assert any(problem.stops for problem in read(tmp_path).problems)
    assert not any(problem.stops for problem in read(tmp_path, scale_boxes=True).problems)
    assert dataclasses.is_dataclass(read_splits(tmp_path, scale_boxes=True))


def test_records_in_folders_of_splits(tmp_path):
    """As Roboflow writes them: each folder with its shard and its label map."""
    for split in ("train", "valid"):
        text(tmp_path / split / "cells_label_map.pbtxt", LABEL_MAP.decode())
        (tmp_path / split / "cells.tfrecord").write_bytes(tfrecord([objects(1), objects(2)]))
    splits = read_splits(tmp_path)
    assert splits.recognised.form == "tfrecord" and ids(splits.train) == ids(splits.val) == ["1.jpg", "2.jpg"]
    assert splits.val.dataset.class_names == ("cat", "Dog") and splits.val.flags[0] == "--tfrecord"
    assert len(by_flags(splits.val, None).examples) == 2


@pytest.mark.parametrize("kind", [sets.voc, sets.voc_folders, sets.coco, sets.coco_folders, sets.yolo,
                                  sets.yolo_folders, sets.labelme, sets.table, sets.table_folders])
def test_a_path_from_the_working_folder_is_as_good(kind, tmp_path, monkeypatch):
    kind(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    for near, far in ((read_splits("mine"), read_splits(tmp_path / "mine")),
                      (read_splits("./mine/"), read_splits(tmp_path / "mine"))):
        assert ids(near.train) == ids(far.train) and ids(near.val) == ids(far.val)
        assert ids(near.train) and all(example.read() for example in near.train.dataset.examples)


def test_the_only_folder_by_its_dot(tmp_path, monkeypatch):
    sets.yolo(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert ids(read_splits(".").train) == ids(read_splits(tmp_path).train)


def other(tmp_path, make=sets.yolo_folders):
    """Two data sets: six images without splits, and one of another form with splits."""
    return sets.voc(tmp_path / "mine"), make(tmp_path / "theirs")


@pytest.mark.parametrize("make", [sets.yolo_folders, sets.coco, sets.table_folders])
def test_another_data_set_is_measured_on(make, tmp_path):
    """The first is wholly trained on, the second's val split measured on; each line says what was recognised."""
    mine, theirs = other(tmp_path, make)
    splits = read_splits(mine, val=theirs)
    assert len(ids(splits.train)) == 6 and len(ids(splits.val)) == 3 and splits.test is None and splits.holdout is None
    assert splits.val.dataset.fingerprint() == read(theirs, "val", ("cat",)).fingerprint()
    assert [line.split(" (")[0] for line in splits.lines[:2]] == [
        f"{mine}: Pascal VOC", f"to measure on: {read_form(theirs)}"]
    assert splits.lines[2] == "6 images to train on, 3 images to measure on"
    for part in (splits.train, splits.val):
        assert by_flags(part, ("cat",)).fingerprint() == part.dataset.fingerprint()
    assert ids(read_splits(mine, val=theirs, val_split="train").val) == ids_of(read(theirs, "train"))


def read_form(path):
    from frcnn_keras.readers.recognise import recognise

    return recognise(path).line.split(" (")[0]


def ids_of(dataset):
    return [example.id for example in dataset.examples]


def test_splits_of_the_images_to_train_on_stay_out_of_what_is_measured(tmp_path):
    """Its training images train, its test images test; its own val is left out, as another is given."""
    mine, theirs = sets.voc_folders(tmp_path / "mine"), sets.table(tmp_path / "theirs")
    splits = read_splits(mine, val=theirs)
    assert by_flags(splits.train, None).name == str(mine / "train") and splits.train.flags == (
        "--voc", str(mine / "train"))
    assert len(ids(splits.test)) == 3 and splits.val.flags == ("--csv", str(theirs / "boxes.csv"))


def test_classes_are_those_of_the_images_to_train_on(tmp_path):
    mine, theirs = sets.voc(tmp_path / "mine"), sets.voc_folders(tmp_path / "theirs", ("valid",))
    text(mine / "Annotations/0.xml", sets.xml("0.png", label="ant"))
    val = read_splits(mine, val=theirs).val.dataset
    assert val.class_names == ("ant", "cat") and [example.labels.tolist() for example in val.examples] == [[2]] * 3
    text(theirs / "valid/0.xml", sets.xml("0.png", label="zebra"))
    splits = read_splits(mine, val=theirs)
    assert splits.val.dataset.class_names == splits.train.dataset.class_names == ("ant", "cat")
    assert any("zebra" in str(problem) for problem in splits.val.dataset.problems)


def test_what_is_measured_on_is_named_once_and_does_not_train(tmp_path):
    mine, theirs = other(tmp_path)
    with pytest.raises(InputError, match="so none is held out; leave --holdout out"):
        read_splits(mine, "20%", val=theirs)
    with pytest.raises(InputError, match="these are the images to train on"):
        read_splits(mine, val=mine)
    with pytest.raises(InputError, match="there is no such file or folder"):
        read_splits(mine, val=tmp_path / "absent")
    with pytest.raises(InputError, match="no images to train on, only val, test"):
        read_splits(sets.voc_folders(tmp_path / "no", ("valid", "test")), val=theirs)


def test_from_python(tmp_path):
    import frcnn_keras

    mine, theirs = other(tmp_path)
    splits = frcnn_keras.read_splits(mine, val=theirs, val_split="test")
    assert ids(splits.val) == ids_of(read(theirs, "test")) and splits.lines[1].endswith("test is taken")
    with pytest.raises(InputError, match="leave holdout out"):
        frcnn_keras.read_splits(mine, 0.2, val=theirs)
    with pytest.raises(InputError, match="name one that there is with val_split: train"):
        frcnn_keras.read_splits(mine, val=theirs, val_split="mine")
