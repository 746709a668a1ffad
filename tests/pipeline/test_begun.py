"""A folder that is not free, or was begun with something else, is told of before anything is read or written."""

import dataclasses
from pathlib import Path

import pytest

from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.errors import InputError
from frcnn_keras.pipeline.begun import MADE, REQUEST, TrainRequest, begin, look_at
from frcnn_keras.pipeline.settings import TrainConfig
from frcnn_keras.pipeline.train import train
from frcnn_keras.readers.splits import as_splits, read_splits
from tests import recognised_sets

CONFIG = TrainConfig()


@pytest.fixture
def splits(shapes):
    return as_splits(shapes, shapes_dataset(3, 9, 120, 160))


def seen(out, splits, config=CONFIG, fresh=False):
    look_at(out, TrainRequest.of(splits, config), splits, fresh)


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.mark.parametrize("name", [REQUEST, *MADE])
def test_what_somebody_put_there_stays(name, splits, tmp_path):
    (tmp_path / name).mkdir() if "." not in name else (tmp_path / name).write_text("mine")
    before = files(tmp_path)
    with pytest.raises(InputError, match=f"{name}: is there already, and nothing says that this package wrote it"):
        train(splits, tmp_path)
    with pytest.raises(InputError, match="is not empty and no run of this package"):
        train(splits, tmp_path, fresh=True)
    assert files(tmp_path) == before


def test_notes_of_ones_own_may_stand_there(splits, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    seen(tmp_path, splits)
    with pytest.raises(InputError, match="so --fresh removes nothing there"):
        seen(tmp_path, splits, fresh=True)


def test_the_folder_of_the_images_is_none_to_write_into(tmp_path, monkeypatch):
    data = recognised_sets.labelme(tmp_path / "data")
    splits = read_splits(data)
    with pytest.raises(InputError, match="is the folder that the data set is read from; give another --out"):
        seen(data, splits)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    (tmp_path / "me").mkdir()
    with pytest.raises(InputError, match="is a home; give a folder of its own with --out"):
        seen(tmp_path / "me", splits)
    assert not files(tmp_path / "me")


def begun(out, splits, config=CONFIG):
    begin(out, TrainRequest.of(splits, config), fresh=False)
    (out / "prep").mkdir()


def test_other_images_are_told(splits, shapes, tmp_path):
    begun(tmp_path, splits)
    seen(tmp_path, splits)
    other = as_splits(shapes, holdout="50%")
    with pytest.raises(InputError, match=r"begun with 6 images to train on, 3 images to measure on, and now there are "
                                         r"\d images? to train on, \d images? to measure on \(50 % held out\)"):
        seen(tmp_path, other)
    moved = dataclasses.replace(shapes.examples[0], boxes=shapes.examples[0].boxes + 1)
    changed = as_splits(dataclasses.replace(shapes, examples=(moved, *shapes.examples[1:])), splits.val.dataset)
    with pytest.raises(InputError, match="or their objects have changed"):
        seen(tmp_path, changed)


def test_another_config_is_told(splits, tmp_path):
    begun(tmp_path, splits)
    with pytest.raises(InputError, match=r"train.json: was begun with another config \(config.rpn_epochs: None -> 3\)"):
        seen(tmp_path, splits, TrainConfig(rpn_epochs=3))


def test_fresh_takes_another(splits, tmp_path):
    begun(tmp_path, splits)
    other = TrainConfig(rpn_epochs=3)
    seen(tmp_path, splits, other, fresh=True)
    begin(tmp_path, TrainRequest.of(splits, other), fresh=True)
    seen(tmp_path, splits, other)


def test_a_start_that_got_nowhere_binds_nobody(splits, tmp_path):
    begin(tmp_path, TrainRequest.of(splits, CONFIG), fresh=False)
    seen(tmp_path, splits, TrainConfig(rpn_epochs=3))


def test_features_that_were_removed_bind_as_before(splits, shapes, tmp_path):
    """The run is there: with other images it would be lost, step by step."""
    begun(tmp_path, splits)
    (tmp_path / "prep").rmdir()
    (tmp_path / "rpn.json").write_text("{}")
    with pytest.raises(InputError, match="was begun with"):
        seen(tmp_path, as_splits(shapes, holdout="50%"))
    assert not (Path(tmp_path) / "prep").exists()
