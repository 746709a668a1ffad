import importlib

import numpy as np
import pytest

from frcnn_keras.commands import demo, demo_backbone, train
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.errors import InputError
from frcnn_keras.readers.splits import read_splits
from frcnn_keras.settings.stages import RCNNConfig, RPNConfig


def parsed(*argv):
    return demo.build_parser().parse_args(list(argv))


@pytest.fixture
def commands(tmp_path):
    args = parsed("--out", str(tmp_path), "--images", "7", "--test-images", "3", "--epochs", "5", "--device", "cpu")
    return demo.commands(args, tmp_path)


def test_every_command_knows_its_flags(commands):
    assert [name for name, *_ in commands] == ["check", "train", "predict", "export"]
    for name, *flags in commands:
        found = importlib.import_module(f"frcnn_keras.commands.{name}").build_parser().parse_args(flags)
        assert found.device == "cpu"


def test_the_settings_are_ones_that_train_knows(tmp_path):
    (tmp_path / "s.toml").write_text(demo.SETTINGS.format(backbone="b.keras", epochs=5))
    parser = train.build_parser()
    train.flags.apply_toml(parser, str(tmp_path / "s.toml"), "train")
    args = parser.parse_args(["data", "--out", "o", "--config", str(tmp_path / "s.toml")])
    assert (args.backbone, args.shorter, args.draws, args.epochs) == ("b.keras", 240, 5, 5)
    assert train.stage_config("train-rpn", RPNConfig, args)[0].channels == 256
    assert train.stage_config("train-rcnn", RCNNConfig, args)[0].head.width == 512


def test_the_data_set_is_that_of_the_shapes(tmp_path):
    """As its reader reads it: the same pictures and boxes, and other images to score on than to train on."""
    demo.write_data(tmp_path / "data", parsed("--images", "4", "--test-images", "3"))
    splits = read_splits(tmp_path / "data")
    for part, count, seed in ((splits.train, 4, demo.TRAIN_SEED), (splits.val, 3, demo.TEST_SEED)):
        drawn = shapes_dataset(count, seed)
        assert len(part.dataset.examples) == count and part.dataset.class_names == drawn.class_names
        for one, other in zip(part.dataset.examples, drawn.examples, strict=True):
            assert one.read() == other.read() and one.labels.tolist() == other.labels.tolist()
            np.testing.assert_allclose(one.boxes, other.boxes)
    assert len({demo.TRAIN_SEED, demo.TEST_SEED, demo.CROP_SEED}) == 3


def test_pictures_of_others_stay(tmp_path):
    (tmp_path / "data" / "val").mkdir(parents=True)
    name = f"shapes_{demo.TEST_SEED}_000001.png"
    (tmp_path / "data" / "val" / name).write_text("mine")
    with pytest.raises(InputError, match=name):
        demo.write_data(tmp_path / "data", parsed("--images", "1", "--test-images", "3"))
    assert (tmp_path / "data" / "val" / name).read_text() == "mine"


@pytest.fixture
def started(monkeypatch):
    """Commands that were started, and the code that each ends with."""
    commands, codes = [], {}

    def run_stage(command):
        commands.append(command[0])
        return codes.get(command[0], 0)

    monkeypatch.setattr(demo, "run_stage", run_stage)
    monkeypatch.setattr(demo_backbone, "pretrain", lambda path, crops, seed: path.write_text(f"{crops} {seed}"))
    return commands, codes


def test_it_runs_them_all_and_leaves_the_numbers(started, tmp_path, capsys):
    out = tmp_path / "demo"
    argv = ["--out", str(out), "--crops", "30", "--images", "1", "--test-images", "1"]
    assert demo.run(argv) == 0
    assert started[0] == ["check", "train", "predict", "export"]
    assert (out / "backbone.keras").read_text() == f"30 {demo.CROP_SEED}"
    assert "demo: 0:0" in capsys.readouterr().err


def test_a_second_start_keeps_the_backbone_and_fresh_does_not(started, tmp_path):
    started[1]["check"] = 3
    argv = ["--out", str(tmp_path), "--images", "1", "--test-images", "1"]
    assert demo.run([*argv, "--crops", "5"]) == 3
    (tmp_path / "notes.txt").write_text("mine")
    assert demo.run(argv) == 3 and (tmp_path / "backbone.keras").read_text() == "5 2"
    assert demo.run([*argv, "--crops", "9", "--fresh"]) == 3 and (tmp_path / "backbone.keras").read_text() == "9 2"
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name, flags", [("backbone.keras", []), ("settings.toml", []), ("photo.jpg", ["--fresh"])])
def test_a_folder_of_somebody_elses_is_left_alone(name, flags, started, tmp_path, capsys):
    (tmp_path / name).write_text("mine")
    assert demo.run(["--out", str(tmp_path), "--images", "1", "--test-images", "1", *flags]) == 2 and not started[0]
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "mine"}
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("name, code", [("check", 2), ("train", 130)])
def test_a_stage_that_fails_ends_it_with_its_code(name, code, started, tmp_path):
    started[1][name] = code
    assert demo.run(["--out", str(tmp_path), "--images", "1", "--test-images", "1"]) == code
    assert started[0][-1] == name
