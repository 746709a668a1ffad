import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.readers import fits
from frcnn_keras.readers.file_tree import Tree
from frcnn_keras.readers.fits import FITS, images_of
from tests import recognised_sets as sets
from tests.yolo_files import text


def sources(form, root):
    """By split (form's flags), relative to the root."""
    fit = FITS[form](Tree(root))
    if fit is None:
        return None
    return {split: [word.replace(f"{root}/", "").replace(str(root), ".") for word in source.flags()]
            for split, source in fit.sources.items()}


def test_voc(tmp_path):
    assert sources("voc", sets.voc(tmp_path / "a")) == {"": ["--voc", "."]}
    assert sources("voc", sets.voc(tmp_path / "b", ["trainval", "test", "cat_train"])) == {
        "trainval": ["--voc", ".", "--split", "trainval"], "test": ["--voc", ".", "--split", "test"]}
    assert sources("voc", sets.voc(tmp_path / "c", ["all"])) == {"all": ["--voc", ".", "--split", "all"]}
    assert sources("voc", sets.voc_folders(tmp_path / "d")) == {
        "train": ["--voc", "train"], "val": ["--voc", "valid"], "test": ["--voc", "test"]}
    assert sources("voc", text(tmp_path / "e/pom.xml", "<project/>").parent) is None


def test_coco(tmp_path):
    assert sources("coco", sets.coco(tmp_path / "a")) == {
        "train": ["--coco", "train2017", "annotations/instances_train2017.json"],
        "val": ["--coco", "val2017", "annotations/instances_val2017.json"]}
    assert sources("coco", sets.coco_folders(tmp_path / "b", ("train", "valid"))) == {
        "train": ["--coco", "train", "train/_annotations.coco.json"],
        "val": ["--coco", "valid", "valid/_annotations.coco.json"]}
    text(tmp_path / "c/result.json", sets.instances([f"images\\{name}" for name in sets.images(tmp_path / "c/images")]))
    assert sources("coco", tmp_path / "c") == {"": ["--coco", ".", "result.json"]}  # as Label Studio writes it
    text(tmp_path / "c/other.json", sets.instances([]))
    with pytest.raises(InputError, match="other.json and result.json both are COCO JSON"):
        FITS["coco"](Tree(tmp_path / "c"))
    text(tmp_path / "c/instances_default.json", sets.instances([]))
    assert list(sources("coco", tmp_path / "c").values())[0][-1] == "instances_default.json"


def test_folders_of_images_of_a_coco_file(tmp_path):
    for place in ("images/train2017", "images", "img", "."):
        root = tmp_path / place.replace("/", "_")
        file = text(root / "annotations/instances_train2017.json", sets.instances(sets.images(root / place)))
        assert images_of(file, "train") == root / place
    assert images_of(text(tmp_path / "x/a.json", "{}"), "", tmp_path / "x") == tmp_path / "x"


def test_yolo(tmp_path):
    assert sources("yolo", sets.yolo(tmp_path / "a")) == {"": ["--yolo", "."]}
    assert sources("yolo", sets.yolo_folders(tmp_path / "b")) == {
        split: ["--yolo", "data.yaml", "--split", split] for split in ("train", "val", "test")}
    (tmp_path / "b/data.yaml").unlink()
    assert sources("yolo", tmp_path / "b") == {
        split: ["--yolo", ".", "--split", split] for split in ("train", "val", "test")}
    assert sources("yolo", sets.voc(tmp_path / "c", ["train", "val"])) is None
    sets.images(tmp_path / "d")
    text(tmp_path / "d/readme.txt", "0 of 5 images are labelled, 1 of 3\n")
    assert sources("yolo", tmp_path / "d") is None


def test_labelme(tmp_path):
    assert sources("labelme", sets.labelme(tmp_path / "a")) == {"": ["--labelme", "."]}
    assert sources("labelme", sets.labelme(tmp_path / "b", ("train", "val"))) == {
        "train": ["--labelme", "train"], "val": ["--labelme", "val"]}
    assert sources("labelme", sets.coco(tmp_path / "c")) is None


def test_tfrecord(tmp_path):
    for name in ("train/a.tfrecord", "valid/a.tfrecord"):
        text(tmp_path / "a" / name)
        text(tmp_path / "a" / name.replace("a.tfrecord", "a_label_map.pbtxt"))
    assert sources("tfrecord", tmp_path / "a") == {
        "train": ["--tfrecord", "train/a.tfrecord", "--label-map", "train/a_label_map.pbtxt"],
        "val": ["--tfrecord", "valid/a.tfrecord", "--label-map", "valid/a_label_map.pbtxt"]}
    for number in range(3):
        text(tmp_path / f"b/train.record-0000{number}-of-00003")
        text(tmp_path / f"b/val-0000{number}-of-00003.tfrecord")
    assert sources("tfrecord", tmp_path / "b") is None  # no label map
    text(tmp_path / "b/map.pbtxt")
    assert sources("tfrecord", tmp_path / "b") == {
        "train": ["--tfrecord", "train.record-0000*-of-00003", "--label-map", "map.pbtxt"],
        "val": ["--tfrecord", "val-0000*-of-00003.tfrecord", "--label-map", "map.pbtxt"]}


def test_records_that_no_pattern_names(tmp_path):
    for name in ("a.tfrecord", "b.tfrecord", "c.tfrecord"):
        text(tmp_path / name)
    with pytest.raises(InputError, match="cannot be named by one pattern"):
        fits._pattern(tmp_path, ["a.tfrecord", "b.tfrecord"])


def test_csv(tmp_path):
    assert sources("csv", sets.table(tmp_path / "a")) == {"": ["--csv", "boxes.csv"]}
    assert sources("csv", sets.table_folders(tmp_path / "b")) == {
        "train": ["--csv", "train/_annotations.csv"], "val": ["--csv", "valid/_annotations.csv"],
        "test": ["--csv", "test/_annotations.csv"]}
    text(tmp_path / "a/classes.csv", "cat,0\ndog,1\n")
    assert sources("csv", tmp_path / "a") == {"": ["--csv", "boxes.csv"]}
    for split in ("train", "test"):
        text(tmp_path / f"a/{split}_labels.csv", sets.rows(["0.png"]))
    assert sources("csv", tmp_path / "a") == {split: ["--csv", f"{split}_labels.csv"] for split in ("train", "test")}
    text(tmp_path / "a/train_2.csv", sets.rows(["0.png"]))
    with pytest.raises(InputError, match="both are CSV of objects"):
        FITS["csv"](Tree(tmp_path / "a"))


def test_voc_with_sub_folders_of_splits(tmp_path):
    for split in ("train", "val"):
        for name in sets.images(tmp_path / "images" / split):
            text(tmp_path / f"annotations/{split}/{name[:-4]}.xml", sets.xml(name))
    assert sources("voc", tmp_path) == {"train": ["--voc", ".", "--split", "train"],
                                        "val": ["--voc", ".", "--split", "val"]}
    for split in ("train", "val"):
        dataset = FITS["voc"](Tree(tmp_path)).sources[split].read()
        assert [example.id for example in dataset.examples] == [f"{split}/{number}.png" for number in range(3)]
        assert not dataset.problems


def test_splits_that_a_yaml_names_and_nobody_has(tmp_path):
    """Roboflow names all three where one was exported."""
    sets.yolo_folders(tmp_path, ("train",))
    fit = FITS["yolo"](Tree(tmp_path))
    assert list(fit.sources) == ["train"] and fit.seen == "data.yaml, which has no images of val and test"
    text(tmp_path / "data.yaml", "train: nowhere\nval: nowhere\nnames: [cat]\n")
    with pytest.raises(InputError, match="train: there is no 'nowhere'"):
        FITS["yolo"](Tree(tmp_path))
