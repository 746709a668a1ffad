import argparse
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from frcnn_keras.commands import data_flags as sources
from frcnn_keras.commands.data_flags import add_source_arguments, read_source, source_arguments
from frcnn_keras.errors import InputError


def parse(*arguments):
    parser = argparse.ArgumentParser()
    add_source_arguments(parser)
    return parser.parse_args([str(argument) for argument in arguments])


@pytest.fixture
def table(tmp_path):
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((20, 30, 3), np.uint8))
    (tmp_path / "set.csv").write_text("a.jpg,0,0,9,9,dog\na.jpg,0,0,9,9,cat\n")
    return tmp_path / "set.csv"


def test_shapes():
    dataset = read_source(parse("--shapes", 5, "--shapes-seed", 2))
    assert len(dataset.examples) == 5 and dataset.examples[0].id.startswith("shapes_2")
    assert len(read_source(parse("--shapes", 5, "--max-images", 3)).examples) == 3
    with pytest.raises(InputError, match="--shapes has the classes"):
        read_source(parse("--shapes", 5), ["cat"])
    assert source_arguments(parse("--shapes", 5)) == ["--shapes", "5", "--shapes-seed", "0"]


def test_csv_with_classes(table):
    assert read_source(parse("--csv", table)).class_names == ("cat", "dog")
    assert read_source(parse("--csv", table, "--classes", "dog, cat")).class_names == ("dog", "cat")
    assert read_source(parse("--csv", table), ("dog", "cat")).class_names == ("dog", "cat")
    with pytest.raises(InputError, match="contradicts"):
        read_source(parse("--csv", table, "--classes", "dog,cat"), ("cat", "dog"))
    assert source_arguments(parse("--csv", table)) == ["--csv", str(table)]


def test_each_reader_is_reached(tmp_path):
    for arguments, words in (
        (("--voc", tmp_path, "--split", "train"), "no ImageSets"),
        (("--coco", tmp_path, tmp_path / "x.json"), "x.json"),
        (("--csv", tmp_path / "x.csv"), "x.csv"),
        (("--yolo", tmp_path / "x.yaml", "--split", "val"), "x.yaml"),
        (("--labelme", tmp_path / "x"), "x: there is no"),
        (("--tfrecord", tmp_path / "x*", "--label-map", tmp_path / "x.pbtxt"), "x.pbtxt"),
    ):
        assert source_arguments(parse(*arguments)) == [str(argument) for argument in arguments]
        with pytest.raises(InputError, match=words):
            read_source(parse(*arguments))


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((), "received: none"),
        (("--shapes", 3, "--csv", "x"), "received: --csv and --shapes"),
        (("--labelme", "x", "--split", "train"), "--split belongs to --voc, --yolo and --csv"),
        (("--csv", "x", "--holdout", "20%"), "name one with --split; received: none"),
        (("--csv", "x", "--holdout", "20%", "--split", "test"), "train and val; name one with --split; received: test"),
        (("--csv", "x", "--holdout", "0", "--split", "val"), "--holdout must be the share"),
        (("--yolo", "x", "--scale-boxes"), "--scale-boxes belongs to"),
        (("--csv", "x", "--label-map", "y"), "--label-map belongs"),
        (("--tfrecord", "x"), "needs --label-map"),
        (("--shapes", 0), "at least 1"),
        (("--shapes", 3, "--max-images", 0), "at least 1"),
    ],
)
def test_wrong_flags(arguments, words):
    with pytest.raises(InputError, match=words):
        read_source(parse(*arguments))


def test_nothing_here_imports_tensorflow():
    code = ("import sys, frcnn_keras.commands.data_flags as s, frcnn_keras.readers.validation; "
            "sys.exit(any(name in sys.modules for name in ('tensorflow', 'keras')))")
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, timeout=60).returncode == 0


def test_flags_of_how_boxes_are_read(monkeypatch):
    asked = []
    for name in ("read_voc", "read_coco", "read_csv", "read_tf_records"):
        monkeypatch.setattr(sources, name, lambda *args, **keywords: asked.append(keywords) or "data")
    read_source(parse("--voc", "x", "--voc-from-zero", "--scale-boxes"))
    read_source(parse("--coco", "x", "y", "--coco-corners"))
    read_source(parse("--csv", "x", "--scale-boxes"))
    read_source(parse("--tfrecord", "x", "--label-map", "y"))
    assert asked == [{"scale_boxes": True, "from_zero": True}, {"scale_boxes": False, "corners": True},
                     {"split": None, "scale_boxes": True}, {"scale_boxes": False}]
    assert source_arguments(parse("--voc", "x", "--voc-from-zero", "--scale-boxes")) == [
        "--voc", "x", "--scale-boxes", "--voc-from-zero"]
    for wrong in (("--csv", "x", "--voc-from-zero"), ("--voc", "x", "--coco-corners"),
                  ("--shapes", 3, "--scale-boxes")):
        with pytest.raises(InputError, match="belongs to --"):
            read_source(parse(*wrong))


def test_classes_with_commas(tmp_path):
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((20, 30, 3), np.uint8))
    (tmp_path / "set.csv").write_text('a.jpg,0,0,9,9,"dog, big"\na.jpg,0,0,9,9,cat\n')
    args = parse("--csv", tmp_path / "set.csv", "--classes", '"dog, big",cat')
    assert read_source(args).class_names == ("dog, big", "cat")
    assert source_arguments(args)[-1] == '"dog, big",cat'


def ids_of(data):
    return {example.id for example in data.examples}


def test_a_share_held_out_is_the_same_for_every_command(many, capsys):
    flags = ("--csv", many, "--holdout", "30%")
    train, val = (read_source(parse(*flags, "--split", split)) for split in ("train", "valid"))
    assert ids_of(train) | ids_of(val) == {f"{number}.png" for number in range(40)} and not ids_of(train) & ids_of(val)
    assert "30% held out" in capsys.readouterr().err and train.class_names == val.class_names == ("cat", "dog")
    assert ids_of(read_source(parse(*flags, "--split", "val", "--max-images", 2))) <= ids_of(val)
    assert source_arguments(parse(*flags, "--split", "train")) == ["--csv", str(many), "--split", "train", "--holdout",
                                                                   "30%"]


def test_splits_of_its_own_are_not_split_again(many):
    root = many.parent
    for split in ("train", "val"):
        (root / split / "images").mkdir(parents=True)
    (root / "data.yaml").write_text("train: train\nval: val\nnames: [cat]\n")
    (root / "ImageSets/Main").mkdir(parents=True)
    for name in ("one", "two"):
        (root / f"ImageSets/Main/{name}.txt").write_text("")
    for source, words in (("--yolo", "train, val"), ("--voc", "one, two")):
        with pytest.raises(InputError, match=f"has splits of its own .{words}.; leave --holdout out"):
            read_source(parse(source, root, "--holdout", "20%", "--split", "val"))


def test_the_only_split_may_be_split(many):
    root = many.parent
    for number in range(40):
        (root / f"{number}.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (root / "data.yaml").write_text("train: .\nnames: [cat]\n")
    val = read_source(parse("--yolo", root, "--holdout", "30%", "--split", "val"))
    assert ids_of(val) == ids_of(read_source(parse("--csv", many, "--holdout", "30%", "--split", "val")))
