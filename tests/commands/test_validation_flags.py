import argparse

import pytest

from frcnn_keras.commands import data_flags as sources
from frcnn_keras.commands.validation_flags import add_validation_arguments, read_validation, validation_arguments
from frcnn_keras.errors import InputError
from tests import recognised_sets as sets
from tests.fuzz.reader_targets import LABEL_MAP, objects, tfrecord
from tests.yolo_files import text


def ids_of(data):
    return {example.id for example in data.examples}


def parsed_with_validation(*argv):
    parser = argparse.ArgumentParser()
    sources.add_source_arguments(parser)
    add_validation_arguments(parser)
    return parser.parse_args(argv)


def test_no_validation_flag_is_no_data_set():
    assert read_validation(parsed_with_validation("--shapes", "3"), ()) is None


def test_validation_images_are_others_by_default():
    args = parsed_with_validation("--shapes", "3", "--val-shapes", "2", "--max-images", "1")
    first = sources.read_source(args)
    second = read_validation(args, first.class_names)
    assert len(first.examples) == 1 and len(second.examples) == 2
    assert not {example.id for example in first.examples} & {example.id for example in second.examples} or (
        first.examples[0].read() != second.examples[0].read())


def test_a_split_alone_is_of_the_same_folder(monkeypatch):
    asked = []
    monkeypatch.setattr(sources, "read_voc", lambda *args, **_: asked.append(args) or "data")
    args = parsed_with_validation("--voc", "here", "--split", "trainval", "--val-split", "test")
    assert read_validation(args, ("a",)) == "data" and asked == [("here", "test", ("a",))]
    args = parsed_with_validation("--voc", "here", "--val-voc", "there", "--val-split", "test")
    assert read_validation(args, ("a",)) == "data" and asked[1] == ("there", "test", ("a",))


@pytest.mark.parametrize("argv", [("--shapes", "3", "--val-split", "test"),
                                  ("--shapes", "3", "--val-shapes", "2", "--val-csv", "x.csv"),
                                  ("--shapes", "3", "--val-shapes", "0"), ("--shapes", "3", "--val-tfrecord", "x")])
def test_validation_flags_that_contradict_say_whose_they_are(argv):
    with pytest.raises(InputError, match="--val-"):
        read_validation(parsed_with_validation(*argv), ("circle",))


def test_validation_images_are_read_the_same_way():
    args = parsed_with_validation("--voc", "x", "--voc-from-zero", "--scale-boxes", "--val-coco", "a", "b")
    assert validation_arguments(args) == ["--coco", "a", "b", "--scale-boxes"]
    args = parsed_with_validation("--voc", "x", "--voc-from-zero", "--val-split", "test")
    assert validation_arguments(args) == ["--voc", "x", "--split", "test", "--voc-from-zero"]


def test_drawn_images_are_held_out_too():
    args = parsed_with_validation("--shapes", "20", "--shapes-seed", "5", "--holdout", "0.3", "--split", "train",
                                  "--max-images", "4", "--val-split", "val")
    train, val = sources.read_source(args), read_validation(args, ("circle", "cross", "square", "triangle"))
    assert len(train.examples) == 4 and val.examples[0].id.startswith("shapes_5") and not ids_of(train) & ids_of(val)


def test_yolo_and_labelme_to_measure_on(monkeypatch):
    asked = []
    for name in ("read_yolo", "read_labelme"):
        monkeypatch.setattr(sources, name, lambda *args, **_: asked.append(args) or "data")
    args = parsed_with_validation("--yolo", "x", "--split", "train", "--val-split", "val")
    assert read_validation(args, ("a",)) == "data" and asked.pop() == ("x", "val", ("a",))
    args = parsed_with_validation("--shapes", "3", "--val-yolo", "y", "--val-split", "test")
    assert read_validation(args, ("a",)) == "data" and asked.pop() == ("y", "test", ("a",))
    args = parsed_with_validation("--shapes", "3", "--val-labelme", "z")
    assert read_validation(args, ("a",)) == "data" and asked.pop() == ("z", ("a",))


def test_a_share_held_out_is_measured_on(many):
    flags = ("--csv", str(many), "--holdout", "30%", "--split", "train", "--val-split", "val")
    args = parsed_with_validation(*flags)
    train, val = sources.read_source(args), read_validation(args, ("cat", "dog"))
    assert ids_of(train) | ids_of(val) == {f"{number}.png" for number in range(40)} and not ids_of(train) & ids_of(val)
    assert validation_arguments(args) == ["--csv", str(many), "--split", "val", "--holdout", "30%"]


def measured(*argv, classes=("cat",)):
    return read_validation(parsed_with_validation("--shapes", "3", *map(str, argv)), classes)


@pytest.mark.parametrize("make", [sets.voc_folders, sets.coco, sets.coco_folders, sets.yolo_folders,
                                  sets.table_folders])
def test_val_is_of_any_form_and_takes_its_val_split(make, tmp_path, capsys):
    """Its val split without a word, another by name; what was recognised is told."""
    from frcnn_keras.readers.splits import read

    found = measured("--val", make(tmp_path))
    assert found.fingerprint() == read(tmp_path, "val", ("cat",)).fingerprint() and len(found.examples) == 3
    told = capsys.readouterr().err
    assert told.startswith(f"to measure on: {tmp_path}: ") and told.endswith("val is taken\n")
    assert ids_of(measured("--val", tmp_path, "--val-split", "train")) == ids_of(read(tmp_path, "train", ("cat",)))
    assert measured("--val", tmp_path, "--val-split", "valid").fingerprint() == found.fingerprint()
    with pytest.raises(InputError, match="there is no split 'other'; name one that there is with --val-split: train"):
        measured("--val", tmp_path, "--val-split", "other")


@pytest.mark.parametrize("make, count", [(sets.voc, 6), (sets.yolo, 3), (sets.labelme, 3), (sets.table, 3)])
def test_val_without_splits_is_all_of_it(make, count, tmp_path):
    assert len(measured("--val", make(tmp_path)).examples) == count
    with pytest.raises(InputError, match="it has no splits; leave --val-split out"):
        measured("--val", tmp_path, "--val-split", "val")


def test_several_splits_and_none_is_val(tmp_path):
    with pytest.raises(InputError, match="more than one split, and no val; name .* --val-split: trainval, test"):
        measured("--val", sets.voc(tmp_path, ["trainval", "test"]))
    args = parsed_with_validation("--shapes", "3", "--val", str(tmp_path), "--val-split", "test")
    assert validation_arguments(args) == ["--voc", str(tmp_path), "--split", "test"]
    assert ids_of(read_validation(args, ("cat",))) == {"1.png", "3.png", "5.png"}


def test_records_bring_their_label_map(tmp_path):
    text(tmp_path / "cells_label_map.pbtxt", LABEL_MAP.decode())
    (tmp_path / "cells.tfrecord").write_bytes(tfrecord([objects(1), objects(2)]))
    args = parsed_with_validation("--shapes", "3", "--val", str(tmp_path))
    assert ids_of(read_validation(args, ("cat", "Dog"))) == {"1.jpg", "2.jpg"}
    assert validation_arguments(args)[2:] == ["--label-map", str(tmp_path / "cells_label_map.pbtxt")]


def test_val_is_read_the_way_the_first_images_are(tmp_path):
    """A box that starts at pixel 21 of VOC's is at 20, and at 21 where pixels count from 0."""
    sets.voc_folders(tmp_path)
    first = ("--voc", str(tmp_path / "train"))
    usual, from_zero = (read_validation(parsed_with_validation(*first, *more, "--val", str(tmp_path)), ("cat",))
                        for more in ((), ("--voc-from-zero",)))
    assert usual.examples[0].boxes[0].tolist() == [20, 10, 60, 50]
    assert from_zero.examples[0].boxes[0].tolist() == [21, 11, 60, 50]
    args = parsed_with_validation(*first, "--scale-boxes", "--val", str(tmp_path))
    assert validation_arguments(args) == ["--voc", str(tmp_path / "valid"), "--scale-boxes"]
    wrong = sets.xml("0.png").replace("200", "400").replace("<height>100", "<height>200")
    text(tmp_path / "valid/0.xml", wrong)
    assert not any(problem.stops for problem in read_validation(args, ("cat",)).problems)
    assert any(problem.stops for problem in measured("--val", tmp_path).problems)


@pytest.mark.parametrize("argv, received", [
    (("--val", "x", "--val-csv", "y"), "--val and --val-csv"),
    (("--val-voc", "x", "--val-csv", "y", "--val-split", "z"), "--val-voc and --val-csv"),
    (("--val", "x", "--val-coco", "y", "z"), "--val and --val-coco")])
def test_images_to_measure_on_are_named_once(argv, received):
    for ask in (measured, lambda *flags: validation_arguments(parsed_with_validation("--shapes", "3", *flags))):
        with pytest.raises(InputError, match="name the images to measure on once") as caught:
            ask(*argv)
        assert str(caught.value).endswith(f"received: {received}")


def test_a_prep_folder_is_no_data_set(tmp_path):
    text(tmp_path / "config.json", "{}")
    (tmp_path / "features").mkdir()
    with pytest.raises(InputError, match="is a prep folder, which .*train-rpn and .*train-rcnn measure on"):
        measured("--val", tmp_path)
    with pytest.raises(InputError, match="there is no such file or folder"):
        measured("--val", tmp_path / "absent")
