"""A grid: nothing computed twice, and each setting beside the best on the same images."""

import dataclasses
import json
import os

import numpy as np
import pytest

import frcnn_keras
from frcnn_keras.crossval import fold_training, grid
from frcnn_keras.crossval.grid import cross_validate_grid, format_grid
from frcnn_keras.errors import InputError
from frcnn_keras.training import rpn_stage

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def crossed_grid(crossed, small_stages, tmp_path_factory):
    """(Split, RUN, cells, results, parts of images that an RPN was trained on)."""
    images, _, _ = crossed
    rpn, rcnn = small_stages
    wide = dataclasses.replace(rcnn, head=dataclasses.replace(rcnn.head, width=24))
    cells = {"head-width=32": (rpn, rcnn), "head-width=24": (rpn, wide),
             "of a/b": (dataclasses.replace(rpn, channels=8), wide)}
    run, trained = tmp_path_factory.mktemp("grid") / "g", []
    fit = rpn_stage.RPNStage.fit_model
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rpn_stage.RPNStage, "fit_model", lambda stage: trained.append(stage.run) or fit(stage))
        results = cross_validate_grid(images, run, cells)
    return images, run, cells, results, trained


def test_an_rpn_of_the_same_settings_is_trained_once(crossed_grid):
    _, run, _, _, trained = crossed_grid
    folders = sorted(path.name for path in (run / "grid").iterdir())
    assert folders[1:] == ["head-width=24", "head-width=32"] and len(folders[0]) == 16  # no name of a folder: its hash
    assert trained == [run / "grid" / name / "folds" / fold for name in ("head-width=32", folders[0])
                       for fold in "123"]
    for fold in "123":
        first, second, third = (run / "grid" / name / "folds" / fold for name in ("head-width=32", "head-width=24",
                                                                                  folders[0]))
        for name in ("rpn.weights.h5", "proposals/train/manifest.json"):
            assert os.path.samefile(first / name, second / name) and not os.path.samefile(first / name, third / name)
        assert frcnn_keras.load(second).model.rcnn.count_params() < frcnn_keras.load(first).model.rcnn.count_params()


def test_a_cell_is_what_it_is_by_itself(crossed_grid, crossed):
    """The first cell's settings are those of the fixture, and so are its numbers."""
    _, _, _, results, _ = crossed_grid
    assert results["cells"]["head-width=32"]["AP"] == crossed[2]["AP"]


def test_the_best_and_how_far_the_others_are_behind(crossed_grid):
    _, run, cells, results, _ = crossed_grid
    pooled = {name: cell["AP"]["pooled"] for name, cell in results["cells"].items()}
    assert list(pooled) == list(cells) and pooled[results["best"]] == max(pooled.values())
    for name, cell in results["cells"].items():
        assert cell["less_best"]["difference"] == pytest.approx(pooled[name] - max(pooled.values()), abs=1e-6)
    assert results["cells"][results["best"]]["less_best"]["better"] == 0.5
    assert json.loads((run / "grid.json").read_text())["best"] == results["best"]
    lines = format_grid(results).splitlines()
    assert lines[2] == f" 1  {results['best']}" and sum("the best" in line for line in lines[7:]) == 1


def test_again_nothing_is_computed_and_a_new_cell_alone(crossed_grid, small_stages, monkeypatch):
    images, run, cells, results, _ = crossed_grid
    heads = []
    real = fold_training.train_rcnn
    monkeypatch.setattr(fold_training, "train_rcnn",
                        lambda part, run, *rest, **more: heads.append(run) or real(part, run, *rest, **more))
    again = cross_validate_grid(images, run, cells)
    assert not heads and again["cells"].keys() == results["cells"].keys()
    np.testing.assert_equal(again["cells"]["of a/b"]["AP"], results["cells"]["of a/b"]["AP"])
    rpn, rcnn = small_stages
    cross_validate_grid(images, run, {**cells, "new": (rpn, dataclasses.replace(rcnn, detections=dataclasses.replace(
        rcnn.detections, limit=3)))})
    assert heads == [run / "grid" / "new" / "folds" / fold for fold in "123"]
    assert os.path.samefile(run / "grid" / "new" / "folds" / "2" / "rpn.weights.h5",
                            run / "grid" / "head-width=32" / "folds" / "2" / "rpn.weights.h5")


def test_damaged_detections_are_told(crossed_grid, crossed):
    _, run, *_ = crossed_grid
    with pytest.raises(InputError, match="detections.json: not in the form.*with --fresh does$"):
        path = run / "grid" / "head-width=24" / "evaluation" / "detections.json"
        text = path.read_text()
        path.write_text('[{"image_id": 1, "bbox": [1, 2], "score": 1}]')
        try:
            grid._detections(run / "grid" / "head-width=24")
        finally:
            path.write_text(text)
