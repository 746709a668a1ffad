"""Corrected labels are read back by the readers that read people's own."""

import dataclasses

import cv2
import numpy as np
import pytest

from frcnn_keras.auditing.annotation_forms import written
from frcnn_keras.errors import InputError
from frcnn_keras.readers.coco import read_coco
from frcnn_keras.readers.voc import read_voc
from frcnn_keras.readers.yolo import read_yolo
from tests.auditing.by_hand import audited, image

OBJECTS = [(0, 0, 10, 10, 1), (20.25, 30, 200, 99.5, 3), (40, 41, 60, 62, 2)]


def data(folder=""):
    images = [image(OBJECTS, ignored=[2]), image((), number=2), image(OBJECTS[:1], number=3, first=4)]
    return audited(*(dataclasses.replace(one, file=f"{folder}{one.file}") for one in images))


def pictures(root, files):
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / file), np.full((100, 200, 3), 90, np.uint8))


def write(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def same(read, expected, ignored=True):
    assert read.class_names == expected.class_names and not [one for one in read.problems if one.stops]
    assert [example.path.rpartition("/")[2] for example in read.examples] == [f"{n}.jpg" for n in (1, 2, 3)]
    for example, one in zip(read.examples, expected.images, strict=True):
        kept = np.ones(len(one.boxes), bool) if ignored else ~one.ignored
        np.testing.assert_allclose(example.boxes, one.boxes[kept], atol=1e-3)
        np.testing.assert_array_equal(example.labels, one.labels[kept])
        np.testing.assert_array_equal(example.ignored, one.ignored[kept])


@pytest.mark.parametrize("folder", ["", "cam 1/"])
def test_coco(tmp_path, folder):
    expected = data(folder)
    pictures(tmp_path / "images", [one.file for one in expected.images])
    write(tmp_path, written(expected, "coco"))
    read = read_coco(tmp_path / "images", tmp_path / "instances.json")
    same(read, expected)
    assert [example.id for example in read.examples] == [1, 2, 3]


@pytest.mark.parametrize("folder", ["", "cam 1/"])
def test_voc(tmp_path, folder):
    expected = data(folder)
    pictures(tmp_path / "JPEGImages", [one.file for one in expected.images])
    write(tmp_path, written(expected, "voc"))
    same(read_voc(tmp_path, class_names=expected.class_names), expected)


@pytest.mark.parametrize("folder, below", [("", "images/"), ("train/", "images/"), ("train/images/", "")])
def test_yolo(tmp_path, folder, below):
    expected = data(folder)
    pictures(tmp_path, [f"{below}{one.file}" for one in expected.images])
    files = written(expected, "yolo")
    if not below:  # Roboflow's layout: labels/ beside images/ in each split
        files = {name.replace("labels/train/", "train/labels/"): content for name, content in files.items()}
        files["data.yaml"] = files["data.yaml"].replace(b"images", b"train/images")
    write(tmp_path, files)
    same(read_yolo(tmp_path / "data.yaml", "train"), expected, ignored=False)


def test_names_with_letters_of_their_own(tmp_path):
    names = ("<a & b>", 'x: "y"', "zebra")
    expected = dataclasses.replace(data(), class_names=names)
    pictures(tmp_path / "JPEGImages", [one.file for one in expected.images])
    pictures(tmp_path / "images", [one.file for one in expected.images])
    for form in ("voc", "yolo"):
        write(tmp_path, written(expected, form))
    same(read_voc(tmp_path, class_names=names), expected)
    same(read_yolo(tmp_path / "data.yaml", "train"), expected, ignored=False)


@pytest.mark.parametrize("form", ["voc", "yolo"])
@pytest.mark.parametrize("files, named", [(("a.jpg", "a.png"), "a.jpg too"), (("../a.jpg", "b.jpg"), "no path below"),
                                          (("/a.jpg", "b.jpg"), "no path below")])
def test_pictures_that_would_share_or_leave(form, files, named):
    images = [image(number=number) for number in (1, 2)]
    named_so = [dataclasses.replace(one, file=file) for one, file in zip(images, files, strict=True)]
    with pytest.raises(InputError, match=named):
        written(audited(*named_so), form)


def test_pictures_whose_labels_would_be_one_file():
    """YOLO's labels/ stands in place of images/, so images/a and a are two pictures with one file of labels."""
    one, other = image(OBJECTS), image(OBJECTS, number=2)
    both = audited(*(dataclasses.replace(part, file=file) for part, file in ((one, "images/a.jpg"), (other, "a.jpg"))))
    with pytest.raises(InputError, match="a.jpg: its labels would stand in labels/a.txt, those of images/a.jpg too"):
        written(both, "yolo")
    assert len(written(both, "voc")) == 2


def test_edges_of_a_wide_picture_are_whole():
    [text] = written(audited(image([(12345.67, 1, 20000.25, 99999.5, 1)], width=30000, height=100000)), "voc").values()
    for edge in (b"<xmin>12346.67</xmin>", b"<ymin>2</ymin>", b"<xmax>20000.25</xmax>", b"<ymax>99999.5</ymax>"):
        assert edge in text
