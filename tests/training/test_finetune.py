"""finetune through its command, on the small detector that the stages would leave."""

import json

import keras
import numpy as np
import pytest

import frcnn_keras
from frcnn_keras.__main__ import main as frcnn
from frcnn_keras.models.neck import Extractor
from frcnn_keras.models.saving import load_model, save_model
from tests.detectors import small_faster_rcnn

pytestmark = pytest.mark.slow

SMALL = ["--epochs", "2", "--warmup", "1", "--samples", "16", "--train-pre-nms", "60", "--train-post-nms", "20",
         "--regions", "12", "--precision", "float32", "--jitter-shorter", "80,110", "--freeze-stages", "1"]
DATA = ["--shapes", "4", "--val-shapes", "2"]


@pytest.fixture(scope="module")
def run(tmp_path_factory, prep):
    """A run folder with a detector on the prep folder's frozen extractor. Not to be changed."""
    extractor = load_model(prep.extractor_path)
    keras.utils.set_random_seed(2)
    model = small_faster_rcnn(extractor, 8, class_names=prep.class_names, geometry=prep.geometry, shorter=96,
                              longer=160, preprocessing="tf", score_threshold=0.01, limit=20)
    folder = tmp_path_factory.mktemp("run")
    save_model(model, folder / "detector.keras")
    return folder


def finetune(run, out, *flags, data=DATA):
    return frcnn(["finetune", "--run", str(run), "--out", str(out), *data, *SMALL, *flags])


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def tuned(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "tuned"
    assert finetune(run, out) == 0
    return out


def test_it_leaves_a_run_like_any_other(run, tuned, capsys, tmp_path):
    wanted = {"finetune.json", "finetune_log.csv", "finetune_curves.png", "finetune_metrics.json", "detector.keras"}
    assert set(files(tuned)) == wanted
    assert set(files(run)) == {"detector.keras"}
    with open(tuned / "finetune_log.csv", encoding="utf-8") as file:
        assert set(file.readline().strip().split(",")) == {
            "epoch", "loss", "objectness_loss", "proposal_box_loss", "class_loss", "box_loss", "AP", "AP50"}
    assert frcnn(["evaluate", "--run", str(tuned), "--shapes", "2", "--shapes-seed", "1", "--json",
                  "--out", str(tmp_path)]) == 0
    history = json.loads((tuned / "finetune_metrics.json").read_text())
    found = json.loads(capsys.readouterr().out)["coco"]["AP"]
    assert found == pytest.approx(np.nanmax(np.array(history["AP"], float)), abs=1e-6)  # as trained, so evaluated


def test_what_was_frozen_stays_and_the_rest_moves(run, tuned):
    before, after = frcnn_keras.load(run).model, frcnn_keras.load(tuned).model
    moved = {one.path.split("/")[-2] for one, other in zip(before.weights, after.weights, strict=True)
             if not np.array_equal(one, other)}
    names = {weight.path.split("/")[-2] for weight in before.weights}
    assert isinstance(after.extractor, Extractor)
    assert names - moved == {"fine"} and {"middle", "features", "neck"} <= moved


def test_again_has_nothing_to_do_and_other_settings_stop(run, tuned, capsys):
    before = files(tuned)
    assert finetune(run, tuned) == 0 and "trained already" in capsys.readouterr().err
    assert finetune(run, tuned, "--learning-rate", "0.5") == 2
    text = capsys.readouterr().err
    assert "fit.learning_rate: 0.0008 -> 0.5" in text and text.count("\n") == 1
    assert finetune(run, tuned, data=["--shapes", "5"]) == 2
    assert "was begun with another config (data.images: 4 -> 5" in capsys.readouterr().err
    assert files(tuned) == before


def test_the_same_again_is_the_same_detector(run, tuned, tmp_path):
    assert finetune(run, tmp_path / "again") == 0
    assert files(tmp_path / "again")["detector.keras"] == files(tuned)["detector.keras"]


@pytest.mark.parametrize("flags, message", [
    (["--classes", "cat,dog"], "cat,dog"), (["--val-split", "test"], "--split belongs to --voc"),
    (["--freeze-stages", "7"], "--freeze-stages must be 0 to 3"), (["--accumulate", "3"], "--accumulate 3")])
def test_bad_input_is_one_line(run, tmp_path, capsys, flags, message):
    assert finetune(run, tmp_path / "out", *flags) == 2
    text = capsys.readouterr().err
    assert message in text and text.count("\n") == 1
    assert not (tmp_path / "out" / "detector.keras").exists()


def test_a_run_is_never_written_over(run, capsys):
    assert finetune(run, run) == 2
    assert "is the run itself" in capsys.readouterr().err
    assert set(files(run)) == {"detector.keras"}


def test_no_run(tmp_path, capsys):
    assert finetune(tmp_path / "absent", tmp_path / "out") == 2
    assert "detector.keras" in capsys.readouterr().err and not (tmp_path / "out").exists()
