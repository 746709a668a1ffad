import pytest

from frcnn_keras.readers.yolo_labels import LabelFiles, is_label, label_below
from tests.yolo_files import text

LINE = "0 0.5 0.5 0.2 0.2\n"


@pytest.mark.parametrize("image, label", [
    ("images/a.jpg", "labels/a.txt"), ("images/train/a.jpg", "labels/train/a.txt"),
    ("train/images/a.jpg", "train/labels/a.txt"),
    ("a.jpg", "a.txt"), ("images/a.jpg", "images/a.txt"), ("Images/a.JPG", "Labels/A.TXT"),
    ("JPEGImages/a.jpg", "labels/a.txt"),
    ("images/images/a.jpg", "images/labels/a.txt"), ("images/a.b.jpg", "labels/a.b.txt"),
    ("images/a.jpg", "labels/a.jpg.txt"),
    ("images/x/a.jpg", "images/x/a.txt"), ("images/Train/a.jpg", "labels/train/a.txt"),
    ("images/a v1", "labels/a v1.txt")])
def test_where_a_label_lies(image, label, tmp_path):
    text(tmp_path / image)
    file = text(tmp_path / label, LINE)
    assert LabelFiles().of(tmp_path / image) == file


@pytest.mark.parametrize("label", ["labels/b.txt", "labels/x/a.txt", "a.txt", "labels/._a.txt", "labels/a.xml"])
def test_another_images_label_is_not_taken(label, tmp_path):
    text(tmp_path / "images/a.jpg")
    text(tmp_path / label, LINE)
    assert LabelFiles().of(tmp_path / "images/a.jpg") is None


def test_labels_go_before_what_lies_beside(tmp_path):
    text(tmp_path / "images/a.txt", LINE)
    file = text(tmp_path / "labels/a.txt", LINE)
    assert LabelFiles().of(tmp_path / "images/a.jpg") == file


def test_labels_without_an_image(tmp_path):
    for name in ("a", "b"):
        text(tmp_path / f"labels/{name}.txt", LINE)
    text(tmp_path / "labels/classes.txt", "cat\n")
    search = LabelFiles()
    search.of(tmp_path / "images/a.jpg")
    assert search.lone() == [tmp_path / "labels/b.txt"]


def test_what_a_label_is(tmp_path):
    assert is_label(text(tmp_path / "a.txt", LINE + "nonsense"))
    assert not is_label(text(tmp_path / "b.txt", "nonsense\n" + LINE))
    assert not is_label(text(tmp_path / "c.txt")) and not is_label(tmp_path / "none.txt")
    assert label_below(tmp_path) and not label_below(text(tmp_path / "x/readme.txt", "hello").parent)
