import pytest

from frcnn_keras.readers.file_tree import Tree
from frcnn_keras.readers.fits import FITS
from frcnn_keras.readers.recognise import recognise
from frcnn_keras.readers.split_folders import folders_with, split_folders
from tests import recognised_sets as sets
from tests.yolo_files import text


@pytest.mark.parametrize("inside, splits, said", [
    (["train", "valid", "test"], {"train": "train", "val": "valid", "test": "test"}, ""),
    (["train/a", "train/b", "Val"], {"train": "train", "val": "Val"}, ""),
    (["test"], {"test": "test"}, ""), (["cam1", "cam2"], {"": ""}, ""), ([""], {"": ""}, ""), ([], {"": ""}, ""),
    (["train", "val", "new"], {"train": "train", "val": "val"}, "new/ is left out: no split is called so"),
    (["", "a", "train"], {"train": "train"}, "what lies beside them, a/ are left out: no split is called so"),
    (["test", "new"], {"": ""}, "test/: taken as no split, for nothing beside it is called train"),
    (["val", "", "x"], {"": ""}, "val/: taken as no split, for nothing beside it is called train"),
    (["valid", "val", "train"], {"train": "train", "val": "val"}, "valid/ is left out: no split is called so")])
def test_by_what_they_are_called(inside, splits, said):
    assert split_folders(inside)[:2] == (splits, said)


def test_a_stray_file_makes_no_folder_of_annotations():
    files = ["a.xml", "deep/notes.xml", "deep/y.xml", "train/a.xml", "train/b.xml", "x/notes.xml"]
    looked = []
    assert folders_with(files, lambda name: looked.append(name) or "notes" not in name) == ["", "deep", "train"]
    assert looked == ["a.xml", "deep/notes.xml", "deep/y.xml", "train/a.xml", "x/notes.xml"]


def labelme(root, splits=("train", "valid", "test")):
    return sets.labelme(root, splits)


@pytest.mark.parametrize("form, make, stray, content", [
    ("labelme", labelme, "classes.json", '["cat"]'), ("labelme", labelme, "meta/info.json", "{}"),
    ("labelme", labelme, "a.json", sets.instances([])), ("voc", sets.voc_folders, "notes.xml", "<notes/>"),
    ("voc", sets.voc_folders, "docs/pom.xml", "<project/>")])
def test_one_stray_file_beside_splits(form, make, stray, content, tmp_path):
    make(tmp_path)
    text(tmp_path / stray, content)
    fit = FITS[form](Tree(tmp_path))
    assert list(fit.sources) == ["train", "val", "test"] and "left out" not in fit.seen
    assert all(len(source.read().examples) == 3 for source in fit.sources.values())


@pytest.mark.parametrize("make, add", [
    (labelme, lambda root: sets.labelme(root, ("new",))),
    (sets.voc_folders, lambda root: sets.voc_folders(root, ["new"])),
    (lambda root: (sets.yolo_folders(root) / "data.yaml").unlink(), lambda root: sets.yolo(root / "new")),
    (sets.coco_folders, lambda root: sets.coco_folders(root, ["new"])),
    (sets.table_folders, lambda root: sets.table_folders(root, ["new"]))])
def test_folders_that_are_no_split_are_named(make, add, tmp_path):
    make(tmp_path)
    add(tmp_path)
    found = recognise(tmp_path)
    assert list(found.sources) == ["train", "val", "test"]
    assert "new/" in found.line and "left out: no split is called so" in found.line


@pytest.mark.parametrize("make", [sets.yolo, lambda root: sets.yolo(root / "mine")])
def test_images_to_test_on_beside_all_others(make, tmp_path):
    """What is not called `test` is to train on; it was passed over."""
    make(tmp_path)
    for name in sets.images(tmp_path / "test/images"):
        text(tmp_path / f"test/labels/{name[:-4]}.txt", sets.yolo_line())
    found = recognise(tmp_path)
    assert list(found.sources) == ["train", "test"] and "to train on: nothing is called so" in found.line
    assert [len(source.read().examples) for source in found.sources.values()] == [3, 3]


@pytest.mark.parametrize("form, name, content", [("coco", "a.json", sets.instances), ("csv", "a.csv", sets.rows)])
def test_files_to_test_on_beside_one_other(form, name, content, tmp_path):
    names = sets.images(tmp_path)
    text(tmp_path / name, content(names[:2]))
    text(tmp_path / f"test_{name}", content(names[2:]))
    found = recognise(tmp_path)
    assert list(found.sources) == ["train", "test"] and f"{name} is to train on: nothing is called so" in found.line
    text(tmp_path / f"train_{name}", content(names[:1]))
    found = recognise(tmp_path)
    assert list(found.sources) == ["train", "test"] and f"{name} is left out: no split is called so" in found.line


def test_loose_pictures_and_a_folder_to_test_on(tmp_path):
    for place in (tmp_path, tmp_path / "test"):
        for name in sets.images(place):
            text(place / f"{name[:-4]}.txt", sets.yolo_line())
    found = recognise(tmp_path)
    assert list(found.sources) == [""] and "test/: taken as no split" in found.line


def test_lists_without_one_to_train_on(tmp_path):
    found = recognise(sets.voc(tmp_path, ["all", "test"]))
    assert list(found.sources) == ["test"] and "there is no train or trainval among all, test" in found.line
