import pytest

from frcnn_keras.data.example import Dataset
from frcnn_keras.errors import InputError
from frcnn_keras.evaluation.coco import coco_ground_truth
from frcnn_keras.files import to_json
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.readers.file_tree import Tree
from frcnn_keras.readers.inner_sets import sets_below, unwrapped
from frcnn_keras.readers.recognise import recognise
from frcnn_keras.readers.splits import read_splits
from frcnn_keras.runs.marks import MARKS
from tests import recognised_sets as sets
from tests.yolo_files import picture, text

FORMS = [("voc", sets.voc_folders), ("coco", sets.coco_folders), ("yolo", sets.yolo_folders),
         ("csv", sets.table_folders), ("labelme", lambda root: sets.labelme(root, ("train", "valid", "test")))]
SPLITS = ["train", "val", "test"]
BESIDE = ("archive.zip", "README.txt", "LICENSE", "data.tar.gz", "cite.bib", "notes.xml", "info.json", "sizes.csv",
          "README.dataset.txt", ".DS_Store", "a.py")


def bare(make):
    """The set without its data.yaml."""
    def made(root):
        make(root)
        (root / "data.yaml").unlink(missing_ok=True)
        return root

    return made


@pytest.mark.parametrize("form, make", [*FORMS, ("yolo", bare(sets.yolo_folders))])
def test_whatever_lies_beside_the_only_folder(form, make, tmp_path):
    make(tmp_path / "animals/v2")
    for name in BESIDE:
        text(tmp_path / name, "{}" if name.endswith("json") else "some, words\n")
    found = recognise(tmp_path)
    assert found.form == form and list(found.sources) == SPLITS
    assert all(len(source.read().examples) == 3 for source in found.sources.values())


@pytest.mark.parametrize("form, make", [*FORMS, ("yolo", bare(sets.yolo_folders))])
def test_folders_and_pictures_beside_it(form, make, tmp_path):
    """train, valid and test are never taken together."""
    make(tmp_path / "animals")
    picture(tmp_path / "docs/logo.png")
    picture(tmp_path / "preview.jpg")
    found = recognise(tmp_path)
    assert found.form == form and list(found.sources) == SPLITS
    assert form in ("coco", "csv") or "in animals: " in found.line


@pytest.mark.parametrize("make", [lambda root: sets.voc(root, ["train", "val"]), sets.voc_folders, sets.yolo_folders,
                                  bare(sets.yolo_folders)])
def test_two_of_them(make, tmp_path):
    make(tmp_path / "a")
    make(tmp_path / "b")
    with pytest.raises(InputError, match="a and b are data sets with splits of their own; name one"):
        recognise(tmp_path)
    assert "train" in recognise(tmp_path / "a").sources


def test_a_set_beside_another_is_none_of_it(tmp_path):
    """VOC that somebody has converted once, below the folder it was made of."""
    sets.voc(tmp_path)
    sets.yolo_folders(tmp_path / "converted")
    assert list(recognise(tmp_path).sources) == [""]
    sets.yolo(tmp_path / "y")
    sets.yolo_folders(tmp_path / "y/old")
    assert list(recognise(tmp_path / "y").sources) == [""]
    assert len(recognise(tmp_path / "y").source(None).read().examples) == 3


def test_what_belongs_to_a_set_is_no_wrapping(tmp_path):
    for name, content in (("classes.txt", "cat\n"), ("obj.names", "cat\n"), ("a.pbtxt", ""), ("train.record", ""),
                          ("x.png", ""), ("data.yaml", ""), ("notes.json", "{}"), ("a.txt", sets.yolo_line()),
                          ("boxes.csv", sets.rows(["a.png"])), ("a.xml", sets.xml("a.png"))):
        text(tmp_path / name / name, content)
        (tmp_path / name / "images").mkdir()
        assert unwrapped(tmp_path / name) == tmp_path / name
    text(tmp_path / "only/train/a.txt")
    assert unwrapped(tmp_path / "only") == tmp_path / "only"  # a split is a part, not the set


def test_sets_below(tmp_path):
    sets.voc(tmp_path / "a/voc", ["train"])
    sets.yolo_folders(tmp_path / "b")
    for split in ("train", "val"):
        sets.images(tmp_path / "c/images" / split)
        sets.images(tmp_path / "train/x" / split)
    text(tmp_path / "b/deep/data.yaml", "train: x\nnc: 1\n")
    text(tmp_path / "d/ci.yaml", "jobs: x\n")
    assert sets_below(Tree(tmp_path)) == ["a/voc", "b", "c"]


def run(root):
    """What `train --out ROOT` leaves, as far as a reader could take it for data."""
    text(root / "rpn.json", to_json(dict.fromkeys(MARKS["rpn.json"], 1)))
    evaluated(root / "evaluation")
    picture(root / "detections.png")
    text(root / "proposals/train/00000-of-00001.tfrecord")
    text(root / "rcnn_log.csv", "epoch,loss,rpn_loss,recall,seconds,rate\n1,2,3,4,5,6\n")


def evaluated(root):
    root.mkdir(parents=True)
    truth = coco_ground_truth(Dataset("x", ("cat",), (1,), (), ()).examples, "x", ("cat",), (1,))
    ledger = Ledger(root)
    ledger.write("ground_truth.json", to_json(truth).encode())
    ledger.write("detections.json", b"[]")


def drawn(root):
    images = root.parent / "elsewhere"
    ledger = Ledger(root)
    root.mkdir()
    for name in sets.images(images):
        ledger.write(name, (images / name).read_bytes())
        (images / name).unlink()
    images.rmdir()
    ledger.write("detections.json", b"[]")


@pytest.mark.parametrize("ours", [run, evaluated, drawn])
@pytest.mark.parametrize("name", ["out", "valid", "images2"])
@pytest.mark.parametrize("make", [sets.voc, sets.voc_folders, sets.coco, sets.yolo, bare(sets.yolo_folders),
                                  sets.yolo_folders, sets.labelme, sets.table])
def test_what_this_package_wrote_changes_nothing(make, name, ours, tmp_path):
    make(tmp_path / "set")
    name = "out" if (tmp_path / "set" / name).exists() else name
    before = read_splits(tmp_path / "set")
    ours(tmp_path / "set" / name)
    after = read_splits(tmp_path / "set")
    assert after.lines == before.lines
    for part in ("train", "val", "test"):
        first, second = getattr(before, part), getattr(after, part)
        assert first == second is None or first.dataset.fingerprint() == second.dataset.fingerprint()
        assert first is None or [str(problem) for problem in first.dataset.problems] == [
            str(problem) for problem in second.dataset.problems]


def test_wrapped_beside_a_run(tmp_path):
    sets.voc_folders(tmp_path / "animals")
    run(tmp_path / "run")
    assert list(recognise(tmp_path).sources) == SPLITS


def test_nothing_but_what_this_package_wrote(tmp_path):
    run(tmp_path / "run")
    with pytest.raises(InputError, match="no data set is recognised: .*what this package wrote is passed over: run;"):
        recognise(tmp_path)
