import json

import pytest

from frcnn_keras.data import prepared
from frcnn_keras.data.image_paths import ImageFolder, files_below
from frcnn_keras.data.own_folders import data_folders, is_own, own
from frcnn_keras.errors import InputError
from frcnn_keras.files import to_json
from frcnn_keras.files.ledger import Ledger
from frcnn_keras.runs.marks import MARKS
from frcnn_keras.serving import saved_model
from frcnn_keras.training import proposals
from tests.yolo_files import text


def results(folder, *names):
    """Files that a command writes beside somebody's."""
    folder.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(folder)
    for name in names:
        ledger.write(name, b"{}")
    return folder


@pytest.mark.parametrize("mark, keys", [
    *MARKS.items(), *prepared.LAYOUT.marks[:1], *proposals.LAYOUT.marks,
    *((name.rpartition("/")[2], keys) for name, keys in (*prepared.LAYOUT.marks[1:], *saved_model.LAYOUT.marks))])
def test_folders_of_every_kind_that_is_written(mark, keys, tmp_path):
    """By the marks that the rooms above know them by."""
    text(tmp_path / "run" / mark, to_json(dict.fromkeys([*keys, "kind", "shards"], 1)))
    text(tmp_path / "run/deep/a.png")
    assert is_own(tmp_path / "run") and files_below(tmp_path, ("",)) == []
    text(tmp_path / "run" / mark, json.dumps({"name": "a model of somebody's"}))
    assert not is_own(tmp_path / "run") and len(files_below(tmp_path, ("",))) == 2


def test_an_exported_model(tmp_path):
    text(tmp_path / "1/saved_model.pb")
    text(tmp_path / "1/assets.extra/label_map.pbtxt")
    assert files_below(tmp_path, ("",)) == []


@pytest.mark.parametrize("names", [("a.png", "detections.json"), ("a.png", "proposals.json"),
                                   ("metrics.json", "ground_truth.json"), ("detections.jpg", "train_metrics.json")])
def test_results_are_what_the_ledger_lists(names, tmp_path):
    """What a user has beside them is the user's."""
    results(tmp_path / "drawn", *names)
    left_out = []
    assert files_below(tmp_path, ("",), left_out) == [] and left_out == ["drawn"] and data_folders(tmp_path) == []
    text(tmp_path / "drawn/mine.png")
    assert files_below(tmp_path, ("",)) == ["drawn/mine.png"] and data_folders(tmp_path) == [tmp_path / "drawn"]


def test_drawn_images_to_train_on_are_data(tmp_path):
    """The ledger alone says nothing: `demo` writes its data set with one."""
    results(tmp_path / "data/train", "0.png")
    results(tmp_path / "data/annotations", "instances_train.json")
    assert files_below(tmp_path, ("",)) == ["data/annotations/instances_train.json", "data/train/0.png"]
    assert not is_own(tmp_path / "data")


def test_the_folder_that_is_asked_for_is_read(tmp_path):
    results(tmp_path, "a.png", "detections.json")
    assert [path.name for path in ImageFolder(tmp_path).images()] == ["a.png"]


def test_folders_of_folders(tmp_path):
    for split in ("train", "val"):
        text(tmp_path / "run/prep" / split / "config.json",
             to_json(dict.fromkeys(("format", "prep", "eval_only", "classes", "annotations"), 1)))
    results(tmp_path / "run", "train_metrics.json")
    assert is_own(tmp_path / "run") and not is_own(tmp_path / "run", depth=0)
    (tmp_path / "run/empty").mkdir()
    assert not is_own(tmp_path / "run")
    (tmp_path / "run/empty").rmdir()
    text(tmp_path / "run/prep/a.txt")
    assert not is_own(tmp_path / "run")


def test_broken_ledgers(tmp_path):
    text(tmp_path / ".frcnn_keras.json", '{"file": "detections.json"}\n{"file": "a.png"}\n[]\n{"fi')
    assert own(tmp_path, {".frcnn_keras.json", "a.png", "b.png"}) == {"a.png"}
    with pytest.raises(InputError, match="cannot be listed"):
        is_own(tmp_path / "none")
    with pytest.raises(InputError, match="cannot be listed"):
        data_folders(tmp_path / "none")
