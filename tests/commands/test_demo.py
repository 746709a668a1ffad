import importlib
import json
from pathlib import Path

import cv2
import pytest

from frcnn_keras.commands import demo, demo_backbone


def parsed(*argv):
    return demo.build_parser().parse_args(list(argv))


@pytest.fixture
def stages(tmp_path):
    args = parsed("--out", str(tmp_path), "--images", "7", "--test-images", "3", "--epochs", "5")
    return args, demo.stages(args, tmp_path, tmp_path / "backbone.keras")


def test_every_command_knows_its_flags(stages):
    args, commands = stages
    assert [name for name, *_ in commands] == [
        "check", "prep", "prep", "train-rpn", "train-rcnn", "evaluate", "predict", "export"]
    for name, *flags in commands:
        module = importlib.import_module(f"frcnn_keras.commands.{name.replace('-', '_')}")
        found = module.build_parser().parse_args(flags)
        assert getattr(found, "epochs", 5) == 5 and getattr(found, "draws", 5) in (4, 5)  # 4: prep's own, with --like


def test_it_is_scored_on_other_images_than_it_is_trained_on(stages):
    _, commands = stages
    shapes = {name: (flags[flags.index("--shapes") + 1], flags[flags.index("--shapes-seed") + 1])
              for name, *flags in commands if "--shapes" in flags and "--like" not in flags}
    assert shapes == {"check": ("7", "0"), "prep": ("7", "0"), "evaluate": ("3", "1")}
    assert len({demo.TRAIN_SEED, demo.TEST_SEED, demo.CROP_SEED}) == 3


def test_pictures_to_draw_on(tmp_path):
    folder = demo.pictures(tmp_path, parsed("--test-images", "3"))
    assert len(list(folder.glob("*.png"))) == 3
    assert all(cv2.imread(str(path)) is not None for path in folder.glob("*.png"))
    demo.pictures(tmp_path, parsed("--test-images", "9"), count=2)
    assert len(list(folder.glob("*.png"))) == 3  # those are there


@pytest.fixture
def started(monkeypatch):
    """Commands that were started, and the code that each ends with."""
    commands, codes = [], {}

    def run_stage(command):
        commands.append(command[0])
        if command[0] == "evaluate":
            folder = Path(command[command.index("--run") + 1]) / "evaluation"
            folder.mkdir(parents=True)
            (folder / "metrics.json").write_text(json.dumps({"images": 3}))
        return codes.get(command[0], 0)

    monkeypatch.setattr(demo, "run_stage", run_stage)
    monkeypatch.setattr(demo_backbone, "pretrain", lambda path, crops, seed: path.write_text(f"{crops} {seed}"))
    return commands, codes


def test_it_runs_them_all_and_leaves_the_numbers(started, tmp_path, capsys):
    out = tmp_path / "demo"
    argv = ["--out", str(out), "--crops", "30", "--test-images", "1"]
    assert demo.run(argv) == 0
    assert len(started[0]) == 8 and json.loads((out / "metrics.json").read_text()) == {"images": 3}
    assert (out / "backbone.keras").read_text() == f"30 {demo.CROP_SEED}"
    assert "demo: 0:0" in capsys.readouterr().err


def test_a_second_start_keeps_the_backbone_and_fresh_does_not(started, tmp_path):
    started[1]["check"] = 3
    argv = ["--out", str(tmp_path), "--test-images", "1"]
    assert demo.run([*argv, "--crops", "5"]) == 3
    (tmp_path / "notes.txt").write_text("mine")
    assert demo.run(argv) == 3 and (tmp_path / "backbone.keras").read_text() == "5 2"
    assert demo.run([*argv, "--crops", "9", "--fresh"]) == 3 and (tmp_path / "backbone.keras").read_text() == "9 2"
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name, flags", [("backbone.keras", []), ("metrics.json", []), ("photo.jpg", ["--fresh"])])
def test_a_folder_of_somebody_elses_is_left_alone(name, flags, started, tmp_path, capsys):
    (tmp_path / name).write_text("mine")
    assert demo.run(["--out", str(tmp_path), "--test-images", "1", *flags]) == 2 and not started[0]
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "mine"}
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("name, code", [("prep", 2), ("train-rcnn", 130)])
def test_a_stage_that_fails_ends_it_with_its_code(name, code, started, tmp_path):
    started[1][name] = code
    assert demo.run(["--out", str(tmp_path), "--test-images", "1"]) == code
    assert started[0][-1] == name and not (tmp_path / "metrics.json").exists()
