import json

import pytest

from frcnn_keras.readers import file_tree
from frcnn_keras.readers.file_tree import Tree, file_names, kind_of_json, split_by_path
from tests.recognised_sets import images, instances, shapes
from tests.yolo_files import text


def test_what_lies_below(tmp_path):
    for name in ("a.PNG", "x/b.png", "x/.hidden.png", "x/c.txt", "x/noend"):
        text(tmp_path / name)
    tree = Tree(tmp_path)
    assert tree.files == ["a.PNG", "x/b.png", "x/c.txt", "x/noend"] and tree.ending(".png", ".txt") == tree.files[:3]
    assert tree.content() == "2 images, 1 file with .txt, 1 file with no suffix"


def test_images_alone(tmp_path):
    images(tmp_path, 20)
    assert Tree(tmp_path).content() == "20 images and no annotations"
    assert Tree(text(tmp_path / "x/a.md").parent).content() == "no images, 1 file with .md"


@pytest.mark.parametrize("content, kind", [
    (instances(["a.png"]), "coco"), (shapes("a.png"), "labelme"), ("{}", ""), ("[1]", ""), ("{", ""),
    ('{"images": [], "annotations": []}', ""), ('{"shapes": []}', ""), ('{"shapes": 1, "imagePath": ""}', "")])
def test_kinds_of_json(content, kind, tmp_path):
    assert kind_of_json(text(tmp_path / "a.json", content)) == kind
    assert kind_of_json(tmp_path / "none.json") == ""


def test_large_json_is_known_by_its_ends(tmp_path, monkeypatch):
    content = json.loads(instances([f"{number}.png" for number in range(500)]))
    path = text(tmp_path / "a.json", json.dumps({key: content[key] for key in ("images", "annotations", "categories")}))
    captions = text(tmp_path / "b.json", json.dumps({key: content[key] for key in ("images", "annotations")}))
    monkeypatch.setattr(file_tree, "_WHOLE", 1000)
    monkeypatch.setattr(file_tree, "_END", 400)
    monkeypatch.setattr(file_tree, "load_json", None)
    assert kind_of_json(path) == "coco" and kind_of_json(captions) == ""
    assert file_names(path, 2) == ["0.png", "1.png"]


def test_names_of_images(tmp_path):
    path = text(tmp_path / "a.json", json.dumps({"images": [{"file_name": "x\\a.png"}, {}, 5, {"file_name": 7}]}))
    assert file_names(path) == ["x/a.png"]


@pytest.mark.parametrize("name, split", [
    ("train/_annotations.csv", "train"), ("data/train_labels.csv", "train"), ("val/train.json", "train"),
    ("test/x/a.csv", "test"), ("a.csv", ""), ("valid/x.tfrecord", "val")])
def test_split_by_path(name, split):
    assert split_by_path(name) == split


def test_json_of_folders_that_hold_many_is_not_looked_into_for_coco(tmp_path, monkeypatch):
    monkeypatch.setattr(file_tree, "_MOST", 3)
    for number in range(5):
        text(tmp_path / f"many/{number}.json", shapes("a.png"))
    text(tmp_path / "a.json", instances([]))
    tree = Tree(tmp_path)
    assert tree.json_of("coco") == ["a.json"] and tree.json_of("labelme") == []
    assert tree.is_json_of("labelme", "many/4.json")
