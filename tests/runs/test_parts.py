import dataclasses
import zipfile

import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.models.rcnn import two_fc
from frcnn_keras.models.saving import save_model
from frcnn_keras.models.settings import Geometry
from frcnn_keras.runs import parts
from tests.detectors import random_detector

STRIDES, OFFSETS = (8.0, 16.0), (4.0, 8.0)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(model of two levels, its run folder). Not to be changed."""
    model = random_detector(levels=2)
    folder = tmp_path_factory.mktemp("run")
    save_model(model, folder / "detector.keras")
    return model, folder


def test_a_folder_is_a_run_and_a_file_or_a_name_is_none(run, tiny_backbone):
    assert parts.is_run(str(run[1])) and not parts.is_run(str(tiny_backbone)) and not parts.is_run("mobilenet_v2")


def test_settings_and_detector_are_those_that_were_saved(run):
    model, folder = run
    assert parts.run_settings(folder) == parts.run_settings(str(folder)) == model.settings
    for one, other in zip(parts.load_detector(folder).weights, model.weights, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("call", [parts.run_settings, parts.load_detector, parts.default_settings,
                                  lambda run: parts.load_rpn(run, random_detector().geometry, 4),
                                  lambda run: parts.load_head_trunk(run, None)])
def test_a_folder_without_a_detector(call, tmp_path):
    with pytest.raises(InputError, match=f"^{tmp_path}: holds no detector.keras.*import-torchvision"):
        call(tmp_path)


def no_zip(path):
    path.write_bytes(b"no zip")


def another_zip(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.txt", "a")


def no_object(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("config.json", "[1]")


def no_json(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("config.json", "{")


@pytest.mark.parametrize("write", [no_zip, another_zip, no_object, no_json])
def test_a_file_that_is_no_detector(write, tmp_path):
    write(tmp_path / "detector.keras")
    with pytest.raises(InputError, match="detector.keras: is no detector of this package") as caught:
        parts.run_settings(tmp_path)
    assert "\n" not in str(caught.value)


def test_another_keras_model_is_no_run(run, tmp_path):
    save_model(run[0].rpn, tmp_path / "detector.keras")
    with pytest.raises(InputError, match="detector.keras: it is of format"):
        parts.run_settings(tmp_path)


@pytest.mark.parametrize("geometry, wanted", [
    (Geometry((8.0,), (4.0,), ((16.0, 32.0),), (0.5, 2.0)),
     {"anchor_sizes": (16.0, 32.0), "anchors_on_every_level": False, "neck_channels": 0}),
    (Geometry(STRIDES, OFFSETS, ((16.0,), (32.0,)), (0.5, 2.0)),
     {"anchor_sizes": (16.0, 32.0), "anchors_on_every_level": False}),
    (Geometry(STRIDES, OFFSETS, ((16.0, 32.0),) * 2, (0.5, 2.0), anchor_rounded=True),
     {"anchor_sizes": (16.0, 32.0), "anchors_on_every_level": True, "anchors_rounded": True}),
    (Geometry((8.0,), (4.0,), ((3.0, 6.0),), (0.5, 2.0), stride_rule="fraction", anchor_unit="stride",
              anchor_centres="tile"),
     {"anchor_scales": (3.0, 6.0), "anchors_on_every_level": False, "neck_channels": 0, "anchor_stride": "fraction",
      "anchor_centres": "tile"})])
def test_defaults_of_prep_make_the_runs_own_anchors(geometry, wanted, monkeypatch, run):
    stored = dataclasses.replace(run[0].settings, geometry=geometry)
    monkeypatch.setattr(parts, "run_settings", lambda run: stored)
    assert parts.default_settings("run") == {"shorter": 64, "longer": 100, "anchor_ratios": (0.5, 2.0),
                                             "anchors_rounded": False, **wanted}


def test_an_rpn_for_its_own_anchors_and_maps(run):
    model, folder = run
    found = parts.load_rpn(folder, model.geometry, 4)
    for one, other in zip(found.get_weights(), model.rpn.get_weights(), strict=True):
        assert np.array_equal(one, other)
    nearly = dataclasses.replace(model.geometry, offsets=(4 + 1e-7, 8.0))  # as another way of measuring gives it
    parts.load_rpn(folder, nearly, 4)


@pytest.mark.parametrize("change", [
    {"strides": (8.0, 32.0)}, {"offsets": (4.0, 7.0)}, {"anchor_sizes": ((16.0,), (33.0,))}, {"anchor_ratios": (1.0,)},
    {"anchor_sizes": ((16.0, 20.0), (32.0, 40.0))}, {"anchor_rounded": True}, {"stride_rule": "quotient"}])
def test_an_rpn_of_other_anchors_is_refused_by_name(run, change):
    model, folder = run
    (field,) = change
    with pytest.raises(InputError, match=f"^--rpn {folder}: its RPN was trained with {field} .* these features have"):
        parts.load_rpn(folder, dataclasses.replace(model.geometry, **change), 4)


def test_an_rpn_of_other_maps_is_refused(run):
    with pytest.raises(InputError, match="takes maps of 4 channels, these have 5; .*--neck-channels 0"):
        parts.load_rpn(run[1], run[0].geometry, 5)


def test_the_trunk_of_a_head_is_copied(run):
    model, folder = run
    trunk = two_fc(3, 4, 16)
    assert not np.array_equal(trunk.get_weights()[0], model.rcnn.trunk.get_weights()[0])
    parts.load_head_trunk(folder, trunk)
    for one, other in zip(trunk.get_weights(), model.rcnn.trunk.get_weights(), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("shape", [(3, 4, 17), (2, 4, 16), (3, 5, 16)], ids=["width", "size", "channels"])
def test_a_trunk_of_another_shape_is_refused(run, shape):
    trunk = two_fc(*shape)
    before = trunk.get_weights()
    with pytest.raises(InputError, match=f"^--head-weights {run[1]}: its head has layers of shapes") as caught:
        parts.load_head_trunk(run[1], trunk)
    assert "\n" not in str(caught.value)
    assert all(np.array_equal(one, other) for one, other in zip(before, trunk.get_weights(), strict=True))
