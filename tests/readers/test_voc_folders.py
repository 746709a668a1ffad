from pathlib import Path

import pytest

from frcnn_keras.data.image_paths import ImageFolder, Names
from frcnn_keras.errors import InputError
from frcnn_keras.readers.voc_folders import (
    Folders,
    find_folders,
    find_splits,
    folder_splits,
    meanings,
    split_file,
    split_lines,
    xml_of,
)
from tests.yolo_files import text


def fill(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


@pytest.mark.parametrize("annotations, images", [
    ("Annotations", "JPEGImages"), ("annotations", "images"), ("annots", "images"), ("labels", "IMAGES"),
    ("ANNOTATIONS", "jpegimages"), ("xmls", "imgs"),
])
def test_folders_of_any_name(tmp_path, annotations, images):
    fill(tmp_path, f"{annotations}/a.xml", f"{annotations}/sub/b.XML", f"{annotations}/._a.xml", f"{images}/a.jpg")
    found = find_folders(tmp_path)
    assert found.annotations == tmp_path / annotations and found.files == ["a.xml", "sub/b.XML"]
    assert found.images.root == tmp_path / images


def test_a_folder_without_xml_is_none_of_annotations(tmp_path):
    fill(tmp_path, "labels/a.txt", "annotations/xmls/a.xml", "images/a.jpg")
    assert find_folders(tmp_path).files == ["xmls/a.xml"]


def test_xml_beside_images(tmp_path):
    fill(tmp_path, "a.xml", "a.jpg", "sub/b.xml", "sub/b.jpg", "images/c.jpg")
    found = find_folders(tmp_path)
    assert (found.annotations, found.images.root, found.files) == (tmp_path, tmp_path, ["a.xml", "sub/b.xml"])
    fill(tmp_path / "set", "Annotations/a.xml", "a.jpg")
    assert find_folders(tmp_path / "set").images.root == tmp_path / "set"


def test_no_xml_says_what_is_there_and_what_is_expected(tmp_path):
    empty = tmp_path / "images" / "empty"
    empty.mkdir(parents=True)
    fill(tmp_path, "Labels/a.txt", "images/a.jpg", "data.yaml")
    with pytest.raises(InputError, match=r"no XML file; expected are .*Annotations/\*.xml.*found: Labels/, data.y"):
        find_folders(tmp_path)
    with pytest.raises(InputError, match="found: nothing"):
        find_folders(empty)


def test_several_sets_are_not_read_as_one(tmp_path):
    fill(tmp_path, "train/a.xml", "train/a.jpg", "valid/b.xml", "valid/b.jpg")
    with pytest.raises(InputError, match="several sets.* train, valid; name the folder of one"):
        find_folders(tmp_path)
    assert find_folders(tmp_path / "train").files == ["a.xml"]


@pytest.mark.parametrize("folder", ["ImageSets/Main", "imagesets/main", "ImageSets", "IMAGESETS/MAIN"])
def test_splits(tmp_path, folder):
    fill(tmp_path, f"{folder}/train.txt", f"{folder}/val.txt", f"{folder}/._val.txt", f"{folder}/notes.md")
    assert list(find_splits(tmp_path)) == ["train", "val"]
    for name in ("val", "VAL", "val.txt"):
        assert split_file(tmp_path, name) == tmp_path / folder / "val.txt"
    with pytest.raises(InputError, match="no such split; there are: train, val"):
        split_file(tmp_path, "test")


def test_no_splits(tmp_path):
    fill(tmp_path, "ImageSets/Main/readme", "train/a.xml")
    assert find_splits(tmp_path) == {}
    with pytest.raises(InputError, match="no ImageSets/Main .* or name .*train itself"):
        split_file(tmp_path, "train")


@pytest.mark.parametrize("line, expected", [
    ("a 1", ["a 1", "a"]), ("a -1", ["a -1", "a"]), ("a,0", ["a,0", "a"]), ('"a b.jpg"', ['"a b.jpg"', "a b.jpg"]),
    ("'a' 1", ["'a' 1", "'a'", "a"]), ("a1", ["a1"]), ("a 2", ["a 2"]),
])
def test_what_a_line_can_mean(line, expected):
    assert meanings(line) == expected


@pytest.mark.parametrize("line, file", [
    ("a", "a.xml"), ("a.jpg", "a.xml"), ("a.xml", "a.xml"), ("A.JPG", "a.xml"), ("JPEGImages/a.jpg", "a.xml"),
    ("./a.jpg", "a.xml"), ("D:\\set\\JPEGImages\\a.jpg", "a.xml"), ("cam1/0001", "cam1/0001.xml"),
    ("img 1", "img 1.xml"), ("img%201.jpg", "img 1.xml"), ("one.v2", "one.v2.XML"), ('"a.jpg" 1', "a.xml"),
    ("cam2\\0001.png", "cam2/0001.xml"),
    ("b", None), ("\0", None), ("x" * 300, None), ("\udcff", None), ("x" * 5000, None),
])
def test_the_file_of_a_line(line, file):
    assert xml_of(line, Names(["a.xml", "cam1/0001.xml", "cam2/0001.xml", "img 1.xml", "one.v2.XML"])) == file


def test_a_line_that_fits_two():
    with pytest.raises(InputError, match="fits both cam1/0001.xml and cam2/0001.xml"):
        xml_of("0001", Names(["cam1/0001.xml", "cam2/0001.xml"]))


def test_lines_in_any_encoding(tmp_path):
    for data, lines in ((b"a\r\n\r\n b \rc", ["a", "b", "c"]), ("\ufeffa\nb".encode(), ["a", "b"]),
                        ("a\nb".encode("utf-16"), ["a", "b"]), (b"caf\xe9\n", ["caf\udce9"]), (b"", [])):
        (tmp_path / "s.txt").write_bytes(data)
        assert split_lines(tmp_path / "s.txt") == lines
    with pytest.raises(InputError, match="cannot be read"):
        split_lines(Path(tmp_path, "none.txt"))


@pytest.mark.parametrize("files, splits", [
    (["train/a.xml", "valid/x/b.xml"], {"train": "train", "val": "valid"}), (["a.xml", "val/b.xml"], {}),
    (["a.xml", "cam1/a.xml", "train/b.xml"], {"train": "train"}), (["a.xml"], {}), ([], {})])
def test_splits_by_sub_folders(files, splits, tmp_path):
    for name in files:
        text(tmp_path / name, "<annotation/>")
    folders = Folders(tmp_path, files, ImageFolder(tmp_path))
    assert folder_splits(folders) == splits
    text(tmp_path / "notes.xml", "<notes/>")
    text(tmp_path / "old/notes.xml", "<notes/>")
    assert folder_splits(folders._replace(files=["notes.xml", "old/notes.xml", *files])) == splits
