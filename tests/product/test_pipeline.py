"""The stages, one after the other, through their commands."""

import json
import shutil

import cv2
import numpy as np
import pytest

from data_prep import shards
from frcnn_keras.__main__ import main as frcnn
from frcnn_keras.commands import prep as data_prep
from frcnn_keras.commands import train_rcnn, train_rpn
from frcnn_keras.data import records
from frcnn_keras.files import ledger
from frcnn_keras.training.loop import Keeper

SMALL = ["--feature-layer", "features", "--preprocess", "tf", "--shorter", "96", "--longer", "160",
         "--neck-sample", "4", "--anchor-sizes", "16,32,64", "--samples", "32", "--draws", "2"]
RPN = ["--epochs", "1", "--rpn-channels", "16", "--train-post-nms", "60", "--post-nms", "30"]
RCNN = ["--epochs", "1", "--head-width", "16", "--roi-size", "3", "--regions", "16"]


class Folders:
    """Paths of one pipeline, and its commands with the settings of a small one."""

    def __init__(self, root, backbone):
        self.root, self.train, self.val, self.run = root, root / "train", root / "val", root / "run"
        self.backbone = ["--backbone", str(backbone)]

    def prepare(self, *flags, out=None, shapes="6"):
        return data_prep.run(["--shapes", shapes, "--out", str(out or self.train), "--neck-channels", "8",
                              *self.backbone, *SMALL, *flags])

    def prepare_val(self, *flags):
        return data_prep.run(["--shapes", "4", "--shapes-seed", "1", "--eval-only", "--like", str(self.train),
                              "--out", str(self.val), *flags])

    def stage(self, command, settings, *flags, run=None, data=None, val=True):
        argv = ["--data", str(data or self.train), "--run", str(run or self.run), *settings, *flags]
        return command.run([*argv, "--val", str(self.val)] if val else argv)

    def rpn(self, *flags, **where):
        return self.stage(train_rpn, RPN, *flags, **where)

    def rcnn(self, *flags, **where):
        return self.stage(train_rcnn, RCNN, *flags, **where)


@pytest.fixture(scope="module")
def done(tmp_path_factory, tiny_backbone):
    """A pipeline that has run to its detector. Not to be changed."""
    folders = Folders(tmp_path_factory.mktemp("pipeline"), tiny_backbone)
    assert folders.prepare("--write-tiles") == 0
    assert folders.prepare_val() == 0
    assert folders.rpn() == 0
    assert folders.rcnn() == 0
    return folders


@pytest.fixture
def copied(done, tmp_path, tiny_backbone):
    """The same, with a run folder of its own."""
    folders = Folders(tmp_path, tiny_backbone)
    folders.train, folders.val = done.train, done.val
    shutil.copytree(done.run, folders.run)
    return folders


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_stage_leaves_what_it_says(done):
    assert {path.name for path in done.train.iterdir()} == {"config.json", "features", "minibatches", "tiles"}
    assert {path.name for path in done.val.iterdir()} == {"config.json", "features"}
    for name in ("rpn.json", "rpn.weights.h5", "rpn_log.csv", "rpn_curves.png", "proposals/train/manifest.json",
                 "proposals/val/manifest.json", "rcnn.json", "rcnn_log.csv", "rcnn_curves.png", "detector.keras"):
        assert (done.run / name).stat().st_size > 0, name
    left = [path.name for path in done.root.rglob("*") if "tmp" in path.name or "partial" in path.name]
    assert not left and not list(done.run.glob("*state*"))
    assert "recall" in (done.run / "rpn_log.csv").read_text().lower()
    assert "AP50" in (done.run / "rcnn_log.csv").read_text()


def test_a_second_start_has_nothing_to_do(copied, capsys):
    before = files(copied.run)
    assert copied.prepare("--write-tiles") == 0 and "finished already" in capsys.readouterr().err
    assert copied.prepare_val() == 0 and "finished already" in capsys.readouterr().err
    assert copied.rpn() == 0 and "trained already" in capsys.readouterr().err
    assert copied.rcnn() == 0 and "trained already" in capsys.readouterr().err
    assert files(copied.run) == before


def test_another_config_stops_and_names_the_difference(copied, capsys):
    before = files(copied.run)
    assert copied.prepare("--write-tiles", "--shorter", "80") == 2
    assert "images.shorter: 96 -> 80" in capsys.readouterr().err
    assert copied.prepare("--write-tiles", shapes="5") == 2
    assert "images: 6 -> 5" in capsys.readouterr().err
    assert copied.rpn("--learning-rate", "0.5") == 2
    assert "fit.learning_rate: 0.001 -> 0.5" in capsys.readouterr().err
    assert copied.rcnn("--roi-op", "pool") == 2
    text = capsys.readouterr().err
    assert "roi_op: align -> pool" in text and "--fresh" in text and text.count("\n") == 1
    assert files(copied.run) == before


def test_tiles_train_the_same_rpn(done, tmp_path):
    assert done.rpn("--tiles", run=tmp_path) == 0
    assert files(tmp_path)["rpn.weights.h5"] == files(done.run)["rpn.weights.h5"]


def test_both_roi_ops(copied):
    aligned = (copied.run / "detector.keras").read_bytes()
    assert copied.rcnn("--roi-op", "pool", "--fresh") == 0
    assert (copied.run / "detector.keras").read_bytes() != aligned


def test_the_same_again_is_the_same_detector(copied):
    before = (copied.run / "detector.keras").read_bytes()
    assert copied.rcnn("--fresh") == 0
    assert (copied.run / "detector.keras").read_bytes() == before


def test_backbone_top_goes_on_with_the_backbone(tmp_path, tiny_backbone, capsys):
    folders = Folders(tmp_path, tiny_backbone)
    assert folders.prepare("--neck-channels", "0") == 0
    assert folders.rpn(val=False) == 0
    assert folders.rcnn("--head", "backbone_top", "--roi-op", "pool", val=False) == 0
    import frcnn_keras

    detector = frcnn_keras.load(folders.run, score_threshold=0.0)
    assert len(detector.predict(np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8))[0])


def test_backbone_top_needs_raw_maps(copied, capsys):
    assert copied.rcnn("--head", "backbone_top", "--fresh") == 2
    assert "--neck-channels 0" in capsys.readouterr().err


def test_an_rpn_of_another_prep_folder_stops_the_head(copied, tmp_path, capsys):
    other = tmp_path / "other"
    assert copied.prepare("--seed", "5", out=other) == 0
    capsys.readouterr()
    assert copied.rcnn("--fresh", data=other, val=False) == 2
    text = capsys.readouterr().err
    assert "another prep folder" in text and "prep_seed: 0 -> 5" in text and text.count("\n") == 1


def test_the_head_without_an_rpn(done, tmp_path, capsys):
    assert done.rcnn(run=tmp_path / "new") == 2
    assert "train-rpn" in capsys.readouterr().err


def test_an_eval_only_folder_trains_nothing(done, tmp_path, capsys):
    assert done.rpn(data=done.val, run=tmp_path / "new", val=False) == 2
    assert "--eval-only" in capsys.readouterr().err


def test_tiles_that_were_not_written(done, tmp_path, capsys):
    assert done.prepare(out=tmp_path / "plain") == 0
    assert done.rpn("--tiles", data=tmp_path / "plain", run=tmp_path / "new", val=False) == 2
    assert "--write-tiles" in capsys.readouterr().err


def test_missing_folders(done, tmp_path, capsys):
    assert done.rpn(data=tmp_path / "absent", run=tmp_path / "new", val=False) == 2
    assert "no prep folder" in capsys.readouterr().err
    assert frcnn(["predict", "--run", str(tmp_path / "absent"), "--images", str(tmp_path), "--out", "x"]) == 2
    assert frcnn(["evaluate", "--run", str(tmp_path / "absent"), "--shapes", "2"]) == 2
    assert "detector.keras" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_killed_preparation_goes_on_to_the_same_bytes(done, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shards, "SHARD_IMAGES", 2)
    assert done.prepare("--write-tiles", out=tmp_path / "whole") == 0
    real, count = records.write_shard, [0]

    def write(path, shard):
        count[0] += 1
        if count[0] == 5:  # between the kinds of the second group
            raise KeyboardInterrupt
        real(path, shard)

    monkeypatch.setattr(records, "write_shard", write)
    assert done.prepare("--write-tiles", out=tmp_path / "killed") == 130
    assert not (tmp_path / "killed").exists()
    monkeypatch.setattr(records, "write_shard", real)
    assert done.rpn(data=tmp_path / "killed", run=tmp_path / "new", val=False) == 2
    assert "not finished" in capsys.readouterr().err
    assert done.prepare("--write-tiles", out=tmp_path / "killed") == 0
    assert "resuming: 4 of 12" in capsys.readouterr().err
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


@pytest.mark.parametrize("stage", ["rpn", "rcnn"])
def test_a_killed_training_goes_on_to_the_same_bytes(done, tmp_path, monkeypatch, capsys, stage):
    runs = [shutil.copytree(done.run, tmp_path / name) for name in ("whole", "killed")]
    train = getattr(done, stage)
    assert train("--epochs", "2", "--fresh", run=runs[0]) == 0
    real, count = Keeper.on_epoch_end, [0]

    def end(self, epoch, logs=None):
        count[0] += 1
        if count[0] == 2:
            raise KeyboardInterrupt
        real(self, epoch, logs)

    monkeypatch.setattr(Keeper, "on_epoch_end", end)
    assert train("--epochs", "2", "--fresh", run=runs[1]) == 130
    monkeypatch.setattr(Keeper, "on_epoch_end", real)
    capsys.readouterr()
    assert train("--epochs", "2", run=runs[1]) == 0
    assert "resuming after epoch 1 of 2" in capsys.readouterr().err
    found = [{name: content for name, content in files(run).items() if "tensorboard" not in name} for run in runs]
    assert found[0].keys() == found[1].keys()
    assert [name for name in found[0] if found[0][name] != found[1][name]] == []


def test_the_order_of_work_changes_nothing(done, tmp_path):
    assert done.prepare("--write-tiles", "--workers", "1", out=tmp_path / "one") == 0
    assert files(tmp_path / "one") == files(done.train)


def test_evaluate_prints_one_object(done, capsys, tmp_path):
    argv = ["evaluate", "--run", str(done.run), "--shapes", "3", "--shapes-seed", "5", "--json",
            "--score-threshold", "0.01", "--out", str(tmp_path)]
    assert frcnn(argv) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"coco", "voc07", "voc10", "per_class", "images", "seconds_per_image"} <= found.keys()
    assert {"AP", "AP50", "AP75", "AR100"} <= found["coco"].keys()
    assert "mAP" in found["voc07"] and "mAP" in found["voc10"]
    assert list(found["per_class"]) == ["circle", "cross", "square", "triangle"]
    assert all({"AP", "AP50", "voc07"} <= values.keys() for values in found["per_class"].values())
    assert found["images"] == 3 and found["seconds_per_image"] > 0
    assert json.loads((tmp_path / "metrics.json").read_text())["images"] == 3
    assert (tmp_path / "precision_recall.png").stat().st_size > 0
    for record in json.loads((tmp_path / "detections.json").read_text()):
        assert {"image_id", "category_id", "bbox", "score"} <= record.keys()


def test_evaluate_of_other_classes_stops(done, capsys):
    assert frcnn(["evaluate", "--run", str(done.run), "--shapes", "2", "--classes", "cat,dog"]) == 2
    assert "cat,dog" in capsys.readouterr().err


@pytest.fixture
def pictures(tmp_path):
    from frcnn_keras.data.shapes import draw_image

    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    for name, number in (("a.png", 0), ("B.JPG", 1), ("more/a.png", 2)):
        cv2.imwrite(str(folder / name), draw_image(3, number, 130, 170)[..., ::-1])
    return folder


def test_predict_draws_and_lists(done, pictures, tmp_path, capsys):
    out = tmp_path / "drawn"
    argv = ["predict", "--run", str(done.run), "--images", str(pictures), str(pictures / "more" / "*.png"),
            "--out", str(out), "--score-threshold", "0.01", "--max-detections", "5", "--json"]
    assert frcnn(argv) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((out / "detections.json").read_text()) and printed
    assert len([path for path in out.iterdir() if path.suffix.lower() in (".png", ".jpg")]) == 3
    for path in out.iterdir():
        if path.suffix != ".json":
            assert cv2.imread(str(path)).shape == (130, 170, 3)
    for record in printed:
        x, y, width, height = record["bbox"]
        assert x >= 0 and y >= 0 and x + width <= 170.01 and y + height <= 130.01 and 0.01 < record["score"] <= 1
        assert record["name"] == ("circle", "cross", "square", "triangle")[record["category_id"] - 1]
        assert record["file"].startswith(str(pictures))
    numbers = [record["image_id"] for record in printed]
    assert max(numbers.count(number) for number in numbers) <= 5


def test_predict_past_a_bad_image(done, pictures, tmp_path, capsys):
    (pictures / "bad.png").write_bytes(b"no image")
    argv = ["predict", "--run", str(done.run), "--images", str(pictures), "--out", str(tmp_path / "drawn"), "--no-draw"]
    assert frcnn(argv) == 2
    assert "bad.png" in capsys.readouterr().err
    assert frcnn([*argv, "--skip-bad"]) == 0
    assert "bad.png" in capsys.readouterr().err
    assert {path.name for path in (tmp_path / "drawn").iterdir()} == {"detections.json", ledger.NAME}


def test_settings_from_a_file(done, tmp_path, capsys):
    """One file serves every stage: each takes its own table."""
    path = tmp_path / "settings.toml"
    path.write_text(f"""
[data_prep]
shapes = 6
write-tiles = true
backbone = "{done.backbone[1]}"
feature_layers = ["features"]
preprocess = "tf"
shorter = 96
longer = 160
neck-channels = 8
neck-sample = 4
anchor-sizes = [16, 32, 64]
samples = 32
draws = 2
[train_rpn]
epochs = 1
rpn-channels = 16
train-post-nms = 60
post-nms = 30
""")
    assert data_prep.run(["--config", str(path), "--out", str(done.train)]) == 0
    assert "finished already" in capsys.readouterr().err
    where = ["--data", str(done.train), "--val", str(done.val), "--run", str(done.run)]
    assert train_rpn.run([*where, "--config", str(path)]) == 0
    assert "trained already" in capsys.readouterr().err
    assert train_rpn.run([*where, "--config", str(path), "--epochs", "2"]) == 2
    assert "fit.epochs: 1 -> 2" in capsys.readouterr().err
