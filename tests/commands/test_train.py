"""`train`: what its flags and its TOML file come to, what it prints, and the same command after a kill."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from frcnn_keras.commands import prep, train
from frcnn_keras.commands.flags import from_args
from frcnn_keras.pipeline import train as pipeline
from frcnn_keras.pipeline.settings import TrainConfig
from frcnn_keras.pipeline.trained import Trained
from frcnn_keras.settings.stages import PrepConfig
from tests import recognised_sets

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "stages.toml"
METRICS = {"coco": {"AP": 0.5, "AP50": 0.9, "AP75": 0.6, "AR100": 0.7}, "voc07": {"mAP": 0.8}, "voc10": {"mAP": 0.9},
           "images": 3, "per_class": {"cat": {"objects": 3, "AP": 0.5, "AP50": 0.9, "voc07": 0.8, "voc10": 0.8}}}


@pytest.fixture
def asked(monkeypatch):
    """The calls of the pipeline: (splits, OUT, config, keywords)."""
    calls = []

    def stand_in(splits, out, config, **settings):
        calls.append((splits, str(out), config, settings))
        return Trained(str(out), splits.lines, {}, splits.holdout, {}, "val", METRICS, {"RPN": 1.0}, f"{out}/d.jpg")

    monkeypatch.setattr(pipeline, "train", stand_in)
    return calls


@pytest.fixture
def data(tmp_path):
    return str(recognised_sets.voc(tmp_path / "data", ("train", "val")))


def test_flags_become_arguments(asked, data, capsys):
    assert train.run([data, "--out", "work/run", "--shorter", "320", "--anchor-sizes", "32,64", "--epochs", "3",
                      "--patience", "2", "--seed", "5", "--skip-bad", "--fresh"]) == 0
    (splits, out, config, settings), = asked
    assert out == "work/run" and settings["skip_bad"] and settings["fresh"] and settings["begun"] > 0
    assert [len(part.dataset.examples) for part in (splits.train, splits.val)] == [3, 3]
    assert config.prep.images.shorter == 320 and config.prep.anchors.sizes == (32, 64)
    assert (config.rpn_epochs, config.rcnn_epochs, config.rcnn.fit.patience) == (3, 3, 2)
    assert {config.prep.seed, config.rpn.fit.seed, config.rcnn.fit.seed} == {5}
    told = capsys.readouterr()
    assert "3 images to train on, 3 images to measure on" in told.err and "AP 0.500   AP50 0.900" in told.out


def test_without_flags_everything_is_at_its_default(asked, data):
    assert train.run([data, "--out", "o"]) == 0
    assert asked[0][2] == TrainConfig()


def test_the_toml_file_of_the_stages_serves(asked, data):
    """Every stage has of it what its own command has."""
    assert train.run([data, "--out", "o", "--config", str(EXAMPLE)]) == 0
    config = asked[0][2]
    parser = prep.build_parser()
    train.flags.apply_toml(parser, str(EXAMPLE), "prep")
    assert config.prep == from_args(PrepConfig, parser.parse_args(["--shapes", "1", "--out", "o"]))
    assert config.prep.minibatches.draws == 6 and config.rpn_epochs == 6
    assert config.rcnn_epochs == 4  # the default's number, but asked for: few images do not change it
    assert config.rcnn.detections.nms == 0.5


def test_a_stage_may_have_a_seed_of_its_own(asked, data, tmp_path):
    (tmp_path / "s.toml").write_text("[train]\nseed = 3\n[train-rcnn]\nseed = 7\n")
    assert train.run([data, "--out", "o", "--config", str(tmp_path / "s.toml")]) == 0
    config = asked[0][2]
    assert (config.prep.seed, config.rpn.fit.seed, config.rcnn.fit.seed) == (3, 3, 7)


def test_images_to_measure_on_from_elsewhere(asked, data, tmp_path):
    """The own ones train with the rest then."""
    other = recognised_sets.labelme(tmp_path / "other")
    assert train.run([str(recognised_sets.table(tmp_path / "rows")), "--val", str(other), "--out", "o"]) == 0
    splits = asked[0][0]
    assert [len(part.dataset.examples) for part in (splits.train, splits.val)] == [3, 3] and splits.holdout is None
    assert {Path(example.path).parent for example in splits.val.dataset.examples} == {other}


def test_a_run_as_backbone_brings_its_sizes(asked, data, tiny_run):
    assert train.run([data, "--out", "o", "--backbone", str(tiny_run)]) == 0
    assert train.run([data, "--out", "o", "--backbone", str(tiny_run), "--shorter", "90"]) == 0
    assert [call[2].prep.images.shorter for call in asked] == [96, 90]
    assert asked[0][2].prep.anchors.sizes != PrepConfig().anchors.sizes


def test_as_json(asked, data, capsys):
    assert train.run([data, "--out", "o", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == METRICS


@pytest.mark.parametrize("flags, line", [
    (["--holdout", "20%"], "leave --holdout out"), (["--epochs", "0"], "--epochs must be 1"),
    (["--patience", "-1"], "--patience must be 0"), (["--val", "nowhere"], "nowhere")])
def test_what_cannot_be_is_told_in_one_line(asked, data, flags, line, capsys):
    assert train.run([data, "--out", "o", *flags]) == 2 and not asked
    told = capsys.readouterr().err
    assert line in told and told.count("\n") == 1


FLAGS = ["--backbone-weights=none", "--feature-layers=features", "--preprocess=tf", "--shorter=64", "--longer=80",
         "--neck-channels=4", "--anchor-sizes=16,32", "--draws=1", "--epochs=2"]


def content(folder):
    """Bytes of what is the same from run to run."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.suffix in (".h5", ".tfrecord", ".csv") or path.name == "detections.json"}


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("after", ["prep/train", "rpn_log.csv", "rcnn_log.csv"])
def test_killed_it_goes_on_to_the_same(after, finished, tmp_path):
    """SIGKILL as soon as a part of the work is there."""
    data, argv, whole = finished
    out = tmp_path / "run"
    command = [sys.executable, "-m", "frcnn_keras", "train", str(data), "--out", str(out), *argv]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        while not (out / after).exists() and child.poll() is None:
            pass
        assert child.poll() is None, f"it ended before {after} was there"
        os.kill(child.pid, signal.SIGKILL)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert content(out) == content(whole) and files(out) == files(whole)


@pytest.mark.slow
def test_it_ends_with_a_page_that_has_its_pictures(finished):
    _, _, out = finished
    page = (out / "report.html").read_text(encoding="utf-8")
    assert str(out) in page and "the pictures are not at hand" not in page and "Fast R-CNN head): losses" in page


@pytest.mark.slow
def test_a_run_below_its_data_is_no_data(finished, tmp_path, monkeypatch, capsys):
    """Who stands in the folder of the images gives `work/run`; a second start, and another run, see the same images."""
    _, argv, _ = finished
    recognised_sets.yolo(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert train.run([".", "--out", "work/run", *argv]) == 0
    images = next(line for line in capsys.readouterr().err.splitlines() if "to measure on" in line)
    assert train.run([".", "--out", "work/run", *argv]) == 0
    told = capsys.readouterr().err
    assert images in told and "train: work/run is finished already" in told


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_backbone):
    """(data set, flags, a run folder that nothing has stopped)."""
    root = tmp_path_factory.mktemp("whole")
    data = recognised_sets.voc(root / "data", ("train", "val"))
    (root / "small.toml").write_text("[train-rpn]\nrpn-channels = 8\n[train-rcnn]\nhead-width = 16\nroi-size = 3\n")
    argv = [*FLAGS, f"--backbone={tiny_backbone}", "--config", str(root / "small.toml")]
    assert train.run([str(data), "--out", str(root / "run"), *argv]) == 0
    return data, argv, root / "run"
