import argparse

import cv2
import numpy as np
import pytest

from frcnn_keras.commands.data_flags import add_source_arguments, read_source
from frcnn_keras.errors import InputError
from frcnn_keras.readers.csv_file import csv_splits, read_csv
from frcnn_keras.readers.splits import read_splits
from tests import recognised_sets as sets
from tests.yolo_files import text


@pytest.fixture
def write(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("a.jpg", "b.PNG", "sub/a.jpg", "sub/c.jpg"):
        cv2.imwrite(str(tmp_path / name), np.zeros((37, 53, 3), np.uint8))

    def write(text, encoding="utf-8"):
        (tmp_path / "set.csv").write_bytes(text.encode(encoding))
        return tmp_path / "set.csv"

    return write


def only_problem(dataset):
    (problem,) = dataset.problems
    assert "\n" not in str(problem) and problem.fatal and problem.file.endswith("set.csv")
    return problem


def test_rows(write, tmp_path):
    dataset = read_csv(write("a.jpg,0,1,20.5,30,cat\nsub/c.jpg,,,,,\n\na.jpg, 5, 5, 9, 9, ape\nb.png,1,1,9,9,cat\n"))
    a, c, b = dataset.examples
    assert [a.id, c.id, b.id] == ["a.jpg", "sub/c.jpg", "b.PNG"] and not dataset.problems
    np.testing.assert_array_equal(a.boxes, [[0, 1, 20.5, 30], [5, 5, 9, 9]])
    assert dataset.class_names == ("ape", "cat") and a.labels.tolist() == [2, 1] and c.boxes.shape == (0, 4)
    assert a.read() == (tmp_path / "a.jpg").read_bytes()
    assert (b.height, b.width) == (37, 53)


def test_an_image_may_stand_with_an_empty_row_and_objects(write):
    (example,) = read_csv(write("a.jpg,,,,,\na.jpg,0,0,9,9,cat\n")).examples
    assert len(example.boxes) == 1


@pytest.mark.parametrize("header", ["path,x1,y1,x2,y2,class", "filepath, XMIN, ymin, xmax, ymax, class_name"])
def test_headers(write, header):
    dataset = read_csv(write(f"\ufeff{header}\r\na.jpg,0,0,9,9,cat\r\nb.png,0,0,9,9,cat,7\r\n"))
    assert len(dataset.examples) == 1 and only_problem(dataset).item == "line 3"


def test_the_header_of_the_tensorflow_tutorials(write):
    text = ("filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,53,37,cat,1,2,30,20\na.jpg,53,37,ape,5,6,9,9\n"
            "b.PNG,53,37,,,,,\n")
    a, b = read_csv(write(text)).examples
    np.testing.assert_array_equal(a.boxes, [[1, 2, 30, 20], [5, 6, 9, 9]])
    assert a.labels.tolist() == [2, 1] and len(b.boxes) == 0 and not read_csv(write(text)).problems


def test_a_stated_size_that_is_another(write):
    header = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
    dataset = read_csv(write(f"{header}a.jpg,640,480,cat,1,2,30,20\n"))
    (problem,) = dataset.problems
    assert "640 x 480" in str(problem) and "53 x 37" in str(problem)
    dataset = read_csv(write(f"{header}a.jpg,53,37,cat,1,2,30,20\na.jpg,37,53,cat,1,2,30,20\na.jpg,,,cat,1,2,30,20\n"))
    problem = only_problem(dataset)
    assert problem.item == "line 3" and "not those of line 2" in problem.message
    assert len(dataset.examples[0].boxes) == 2


def test_difficult_objects(write):
    text = "path,x1,y1,x2,y2,class,difficult\na.jpg,0,0,9,9,cat,1\na.jpg,0,0,9,9,cat,0\na.jpg,0,0,9,9,cat,\n"
    assert read_csv(write(text)).examples[0].difficult.tolist() == [True, False, False]


def test_quotes_and_absolute_and_foreign_paths(write, tmp_path):
    dataset = read_csv(write(f'"{tmp_path}/b.PNG",0,0,9,9,"a, b"\nsub\\c.jpg,0,0,9,9,cat\n'))
    assert dataset.class_names == ("a, b", "cat") and len(dataset.examples) == 2


def test_ids_are_paths_below_the_folder_with_suffix(write, tmp_path):
    for name in ("a.png", "sub_a.jpg"):
        cv2.imwrite(str(tmp_path / name), np.full((37, 53, 3), 9, np.uint8))
    names = ("a.jpg", "a.png", "sub/a.jpg", "sub_a.jpg")
    dataset = read_csv(write("".join(f"{name},0,0,9,9,cat\n" for name in names)))
    assert [example.id for example in dataset.examples] == list(names) and not dataset.problems
    assert [example.read() for example in dataset.examples] == [(tmp_path / name).read_bytes() for name in names]


def test_spellings_of_one_file_are_one_image(write, tmp_path, monkeypatch):
    spellings = ("sub/c.jpg", "sub\\c.jpg", "./sub/c.jpg", "sub/../sub/c.jpg", f"{tmp_path}/sub/c.jpg")
    path = write("".join(f"{name},{place},0,9,9,cat\n" for place, name in enumerate(spellings)))
    (example,) = read_csv(path).examples
    assert example.id == "sub/c.jpg" and example.boxes[:, 0].tolist() == [0, 1, 2, 3, 4]
    monkeypatch.chdir(tmp_path / "sub")  # nor does it matter where one stands
    (other,) = read_csv("../set.csv").examples
    assert other.id == example.id and len(other.boxes) == 5
    path.rename(tmp_path / "sub" / "set.csv")
    (tmp_path / "sub" / "set.csv").write_text("../a.jpg,0,0,9,9,cat\n")
    assert read_csv(tmp_path / "sub" / "set.csv").examples[0].id == "../a.jpg"


@pytest.mark.parametrize(
    "row, words",
    [
        ("a.jpg,1,2,3,cat", "six columns"),
        ("a.jpg,1,2,3,4,cat,5", "six columns"),
        (",1,2,3,4,cat", "path is missing"),
        ("a.jpg,one,2,3,4,cat", "must be numbers"),
        ("a.jpg,1,2,,4,cat", "must be numbers"),
        ("a.jpg,,,,,cat", "must be numbers"),
        ("a.jpg,9,2,9,8,cat", "no area"),
        ("a.jpg,nan,2,9,8,cat", "finite"),
        ("a.jpg,60,2,90,8,cat", "outside"),
        ("a.jpg,1,2,9,8,", "no class name"),
        ("a.jpg,1,2,9,8,background", "background"),
        ("none.jpg,1,2,9,8,cat", "no image 'none.jpg'"),
        ("n" * 300 + ".jpg,1,2,9,8,cat", "n" * 80),
        ("a\0.jpg,1,2,9,8,cat", "NUL"),
        ("a.jpg,1,2,9,8,c\x1b[31mat\0", "NUL"),
        (f"a.jpg,1,2,{'9' * 400},8,cat", "finite"),
        (f"a.jpg,1,2,{'n' * 400},8,cat", "must be numbers"),
        ("a.jpg,1,2,1_0,8,cat", "must be numbers"),
        ('a.jpg,1,2,"9,5",8,cat', "must be numbers"),
        ("a.jpg,1,2,inf,8,cat", "finite"),
    ],
)
def test_bad_rows_name_their_line(write, row, words):
    dataset = read_csv(write(f"b.png,0,0,9,9,cat\n{row}\nb.png,0,0,9,9,cat\n"))
    problem = only_problem(dataset)
    assert problem.item.split(" (")[0] == "line 2" and words in problem.message
    assert len(str(problem)) < 500 and str(problem).isprintable()
    assert len(dataset.examples[0].boxes) == 2


def test_unknown_class(write):
    dataset = read_csv(write("b.png,0,0,9,9,cat\nb.png,0,0,9,9,cow\n"), ["dog", "cat"])
    assert dataset.examples[0].labels.tolist() == [2] and only_problem(dataset).item == "line 2 (cow)"


def test_truncated_image(write, tmp_path):
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:-20])
    (problem,) = read_csv(write("a.jpg,0,0,9,9,cat\n")).problems
    assert problem.fatal and problem.file.endswith("a.jpg") and "truncated" in problem.message


def test_files_that_are_no_csv(write, tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_csv(tmp_path / "none.csv")
    with pytest.raises(InputError, match="malformed CSV"):
        read_csv(write('a.jpg,0,0,9,9,"cat\nb.png,,,,,\n'))
    with pytest.raises(InputError, match="line 2: not a text file in UTF-8 .*iconv"):
        read_csv(write("a.jpg,0,0,9,9,cat\na.jpg,0,0,9,9,ä\n", "latin-1"))
    for path in (tmp_path, "a\0b.csv"):
        with pytest.raises(InputError, match="cannot be read"):
            read_csv(path)
    assert not read_csv(write("")).examples


HEADER = "filename,xmin,ymin,xmax,ymax,class,{}\n"


def split_table(root, words=("train", "train", "valid", "TEST"), column="split"):
    lines = [f"{name},{','.join(map(str, sets.BOX))},cat,{word}\n"
             for name, word in zip(sets.images(root, len(words)), words, strict=True)]
    return text(root / "boxes.csv", HEADER.format(column) + "".join(lines))


@pytest.mark.parametrize("column", ["split", "Subset", "partition"])
def test_a_column_of_splits(column, tmp_path):
    path = split_table(tmp_path, column=column)
    assert csv_splits(path) == ["train", "val", "test"]
    for split, found in (("train", ["0.png", "1.png"]), ("val", ["2.png"]), ("valid", ["2.png"]), ("test", ["3.png"])):
        assert [example.id for example in read_csv(path, split=split).examples] == found
    whole = read_csv(path)
    assert len(whole.examples) == 4 and any("lines of all its splits are read (train, val, test); name one" in
                                            problem.message for problem in whole.problems)
    assert not read_csv(path, split="train").problems


@pytest.mark.parametrize("asked", [lambda root: root, lambda root: root / "boxes.csv"])
def test_its_splits_are_the_data_sets(asked, tmp_path):
    split_table(tmp_path)
    splits = read_splits(asked(tmp_path))
    parts = splits.train, splits.val, splits.test
    assert [[example.id for example in part.dataset.examples] for part in parts] == [
        ["0.png", "1.png"], ["2.png"], ["3.png"]]
    assert splits.val.flags == ("--csv", str(tmp_path / "boxes.csv"), "--split", "val") and splits.holdout is None
    parser = argparse.ArgumentParser()
    add_source_arguments(parser)
    for part in parts:
        assert read_source(parser.parse_args(part.flags)).fingerprint() == part.dataset.fingerprint()
    with pytest.raises(InputError, match="has splits of its own"):
        read_source(parser.parse_args(["--csv", str(tmp_path / "boxes.csv"), "--split", "val", "--holdout", "20%"]))


@pytest.mark.parametrize("words", [("train", "", "val"), ("train", "x", "val"), ("1", "2", "3")])
def test_a_column_of_something_else(words, tmp_path):
    path = split_table(tmp_path, words)
    assert csv_splits(path) == [] and len(read_csv(path).examples) == 3
    (note,) = read_csv(path).problems
    assert "column of splits is passed over: not every line says" in note.message and not note.stops
    with pytest.raises(InputError, match="no split 'val'; it has no column split"):
        read_csv(path, split="val")
    with pytest.raises(InputError, match="no split 'test'; there are: train"):
        read_csv(split_table(tmp_path, ("train", "train")), split="test")
