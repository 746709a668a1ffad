import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.readers.recognise import recognise
from tests import recognised_sets as sets
from tests.yolo_files import text

MAKERS = [("voc", sets.voc, [""]), ("voc", sets.voc_folders, ["train", "val", "test"]),
          ("coco", sets.coco, ["train", "val"]),
          ("coco", sets.coco_folders, ["train", "val", "test"]), ("yolo", sets.yolo, [""]),
          ("yolo", sets.yolo_folders, ["train", "val", "test"]), ("labelme", sets.labelme, [""]),
          ("csv", sets.table, [""]),
          ("csv", sets.table_folders, ["train", "val", "test"])]


@pytest.mark.parametrize("form, make, splits", MAKERS)
@pytest.mark.parametrize("wrapped", [False, True])
def test_every_form(form, make, splits, wrapped, tmp_path):
    make(tmp_path / "a/b" if wrapped else tmp_path)
    found = recognise(tmp_path)
    assert found.form == form and list(found.sources) == splits and not found.others
    assert found.line.startswith(f"{tmp_path}: ") and (", ".join(filter(None, splits)) or "no splits") in found.line
    for source in found.sources.values():
        dataset = source.read()
        assert not [str(problem) for problem in dataset.problems if problem.stops] and len(dataset.examples) in (3, 6)
        assert dataset.class_names == ("cat",)
        for example in dataset.examples:
            assert example.boxes.round(3).tolist() == [list(sets.BOX)]


def test_where_several_fit_it_says_why(tmp_path):
    for make in (sets.voc, sets.table, sets.labelme):
        make(tmp_path)
    found = recognise(tmp_path)
    assert found.form == "voc" and found.line.endswith(
        "; labelme (JSON, 0.json) and CSV (boxes.csv) would fit too, but Pascal VOC goes first")


def test_files(tmp_path):
    root = sets.yolo_folders(tmp_path / "y")
    assert list(recognise(root / "data.yaml").sources) == ["train", "val", "test"]
    root = sets.coco(tmp_path / "c")
    found = recognise(root / "annotations/instances_val2017.json")
    assert found.source(None).places == (str(root / "val2017"), str(root / "annotations/instances_val2017.json"))
    assert recognise(sets.table(tmp_path / "t") / "boxes.csv").form == "csv"
    text(tmp_path / "r/map.pbtxt")
    assert recognise(text(tmp_path / "r/a.tfrecord")).source(None).places[1] == str(tmp_path / "r/map.pbtxt")
    for name, words in (("a.xml", "name its folder"), ("a.json", "name its folder"),
                        ("x/a.tfrecord", "need a label map"),
                        ("a.zip", "looked for"), ("x.jpg", "name its folder")):
        with pytest.raises(InputError, match=words):
            recognise(text(tmp_path / "none" / name, "{}"))


@pytest.mark.parametrize("make, words", [
    (lambda root: sets.images(root, 20), "found 20 images and no annotations; looked for: VOC's XML"),
    (lambda root: text(root / "a.md"), "found no images, 1 file with .md"),
    (lambda root: root.mkdir(), "no images and no"),
    (lambda root: [text(root / name) for name in ("a.tfrecord", "b.tfrecord")], "TFRecords need a label map"),
    (lambda root: [text(root / name, "train: x\nnc: 1\n") for name in ("a.yaml", "b.yaml")], "both describe a YOLO")])
def test_nothing_fits(make, words, tmp_path):
    make(tmp_path / "set")
    with pytest.raises(InputError, match=words) as caught:
        recognise(tmp_path / "set")
    assert "\n" not in str(caught.value)


def test_no_such_place(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        recognise(tmp_path / "none")


def test_splits_are_named(tmp_path):
    found = recognise(sets.yolo_folders(tmp_path / "a"))
    assert found.source("valid") is found.source("val") is found.sources["val"]
    for split, words in ((None, "name a split .*train, val, test"), ("x", "no split 'x'; there are: train, val, test")):
        with pytest.raises(InputError, match=words):
            found.source(split)
    with pytest.raises(InputError, match="it has none; leave --split out"):
        recognise(sets.table(tmp_path / "b")).source("val")


def test_what_is_passed_over_is_told(tmp_path):
    sets.yolo(tmp_path)
    for name in ("a.json", "b.json"):
        text(tmp_path / name, sets.instances(["0.png"]))
    found = recognise(tmp_path)
    assert found.form == "yolo" and "COCO is passed over: " in found.line and "a.json and b.json both are" in found.line


@pytest.mark.parametrize("content, words", [
    ("image,x1,y1,x2,y2\na.png,1,1,5,5\n", "line 1: the header lacks class"),
    ("filename,x,y,w,h,label\na.png,1,1,5,5,cat\n", "line 1: the header lacks x1, y1, x2, y2")])
def test_a_table_that_lacks_something_says_what(content, words, tmp_path):
    """Where nothing else is a data set, however deep it was looked for."""
    sets.images(tmp_path / "set/pictures")
    for name in ("set/boxes.csv", "set/pictures/boxes.csv"):
        file = text(tmp_path / name, content)
        with pytest.raises(InputError, match=words) as caught:
            recognise(tmp_path / "set")
        assert str(file) in str(caught.value) and "nothing else is recognised as a data set" in str(caught.value)
        with pytest.raises(InputError, match=words):
            recognise(file)
        file.unlink()
    sets.labelme(tmp_path / "set")
    text(tmp_path / "set/boxes.csv", content)
    assert recognise(tmp_path / "set").form == "labelme"
