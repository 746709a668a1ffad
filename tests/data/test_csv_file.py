import cv2
import numpy as np
import pytest

from frcnn_keras.data.csv_file import read_csv
from frcnn_keras.errors import InputError


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
    assert [a.id, c.id, b.id] == ["a", "c", "b"] and not dataset.problems
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


@pytest.mark.parametrize("header", ["path,xmin,xmax,ymin,ymax,class", "name,width,height,class,xmin,ymin,xmax,ymax"])
def test_columns_in_another_order_are_refused(write, header):
    with pytest.raises(InputError, match="line 1: the columns must be"):
        read_csv(write(f"{header}\na.jpg,0,0,9,9,cat\n"))


def test_quotes_and_absolute_and_foreign_paths(write, tmp_path):
    dataset = read_csv(write(f'"{tmp_path}/b.PNG",0,0,9,9,"a, b"\nsub\\c.jpg,0,0,9,9,cat\n'))
    assert dataset.class_names == ("a, b", "cat") and len(dataset.examples) == 2


def test_stems_that_two_folders_share(write):
    dataset = read_csv(write("a.jpg,0,0,9,9,cat\nsub/a.jpg,0,0,9,9,cat\nsub/c.jpg,,,,,\n"))
    assert [example.id for example in dataset.examples] == ["a", "sub_a", "c"] and not dataset.problems


@pytest.mark.parametrize(
    "row, words",
    [
        ("a.jpg,1,2,3,cat", "six columns"),
        ("a.jpg,1,2,3,4,cat,5", "six columns"),
        (",1,2,3,4,cat", "six columns"),
        ("a.jpg,one,2,3,4,cat", "must be numbers"),
        ("a.jpg,1,2,,4,cat", "must be numbers"),
        ("a.jpg,,,,,cat", "must be numbers"),
        ("a.jpg,9,2,9,8,cat", "no area"),
        ("a.jpg,nan,2,9,8,cat", "finite"),
        ("a.jpg,60,2,90,8,cat", "outside"),
        ("a.jpg,1,2,9,8,", "no class name"),
        ("a.jpg,1,2,9,8,background", "background"),
        ("none.jpg,1,2,9,8,cat", "no image 'none.jpg'"),
    ],
)
def test_bad_rows_name_their_line(write, row, words):
    dataset = read_csv(write(f"b.png,0,0,9,9,cat\n{row}\nb.png,0,0,9,9,cat\n"))
    problem = only_problem(dataset)
    assert problem.item.split(" (")[0] == "line 2" and words in problem.message
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
    with pytest.raises(InputError, match="UTF-8"):
        read_csv(write("a.jpg,0,0,9,9,ä\n", "latin-1"))
    assert not read_csv(write("")).examples
