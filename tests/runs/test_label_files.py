"""By hand; that the readers read it back is in test_prelabels.py and tests/auditing/test_annotation_forms.py."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.runs import label_files as forms

NAMES = ("cat", "a,b")
ONE = forms.Labelled(7, "cam/1.jpg", 200, 100, np.array([[0, 0, 10, 10], [20.256, 30, 200, 99.5]]), np.array([1, 2]),
                     [4, 5], np.array([False, True]), np.array([0.5, 0.25]))
EMPTY = forms.Labelled(8, "2.jpg", 200, 100, np.zeros((0, 4)), np.zeros(0, int), [])


def test_coco():
    assert forms.coco_image(ONE) == {"id": 7, "file_name": "cam/1.jpg", "height": 100, "width": 200}
    first, second = forms.coco_annotations(ONE, (18, 44))
    assert first == {"id": 4, "image_id": 7, "category_id": 18, "bbox": [0, 0, 10, 10], "area": 100, "iscrowd": 0,
                     "score": 0.5}
    assert second["bbox"] == [20.256, 30, 179.744, 69.5] and second["iscrowd"] == 1 and second["category_id"] == 44
    assert forms.coco_annotations(EMPTY, (18, 44)) == []


def test_voc_counts_from_one():
    tree = ElementTree.fromstring(forms.voc_xml(ONE, NAMES))
    assert (tree.findtext("folder"), tree.findtext("filename"), tree.findtext("size/width")) == ("cam", "1.jpg", "200")
    assert [[edge.text for edge in box] for box in tree.iter("bndbox")] == [
        ["1", "1", "10", "10"], ["21.26", "31", "200", "99.5"]]
    assert [one.text for one in tree.iter("difficult")] == ["0", "1"]
    assert ElementTree.fromstring(forms.voc_xml(EMPTY, NAMES)).find("object") is None


def test_voc_of_large_pictures_keeps_two_decimals():
    one = forms.Labelled(1, "1.jpg", 30000, 20000, np.array([[12345.67, 1, 23456.78, 9]]), np.array([1]), [1])
    tree = ElementTree.fromstring(forms.voc_xml(one, NAMES))
    assert [edge.text for edge in tree.find("object/bndbox")] == ["12346.67", "2", "23456.78", "9"]


def test_xml_of_letters_that_it_cannot_hold():
    tree = ElementTree.fromstring(forms.voc_xml(ONE, ("a\x01b", "\ud800")))
    assert [one.text for one in tree.iter("name")] == ["a\\x01b", "\\ud800"]


def test_yolo_leaves_out_what_is_ignored():
    assert forms.yolo_lines(ONE) == b"0 0.025 0.05 0.05 0.1\n" and forms.yolo_lines(EMPTY) == b""
    assert forms.yolo_names(NAMES).decode().splitlines()[-2:] == ['  0: "cat"', '  1: "a,b"']


def test_csv():
    assert forms.csv_lines(ONE, NAMES).decode() == (
        'cam/1.jpg,200,100,0,0,10,10,cat,0.5\ncam/1.jpg,200,100,20.256,30,200,99.5,"a,b",0.25\n')
    assert forms.csv_lines(EMPTY, NAMES) == b"2.jpg,200,100,,,,,,\n"


@pytest.mark.parametrize("file, stem, yolo", [("a.jpg", "a", "a"), ("x/a.b.png", "x/a.b", "x/a.b"),
                                              ("train/images/a.jpg", "train/images/a", "train/a"), ("a", "a", "a")])
def test_names_of_label_files(file, stem, yolo):
    assert forms.LabelNames("voc").of(file) == f"Annotations/{stem}.xml"
    assert forms.LabelNames("yolo").of(file) == f"labels/{yolo}.txt"


@pytest.mark.parametrize("files, told", [(("a.jpg", "a.png"), "a.jpg too"), (("../a.jpg",), "no path below"),
                                         (("/a.jpg",), "no path below")])
def test_labels_without_a_place(files, told):
    names = forms.LabelNames("voc")
    with pytest.raises(InputError, match=told):
        for file in files:
            names.of(file)
