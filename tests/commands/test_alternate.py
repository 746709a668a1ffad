"""The steps of alternating training as commands; what they train is in tests/product/test_alternate.py."""

import dataclasses
import importlib

import pytest

from frcnn_keras.commands import alternate
from frcnn_keras.commands.alternate import FOLDERS, AlternateRequest, Step, begin
from frcnn_keras.errors import InputError
from frcnn_keras.runs.request import read_request
from frcnn_keras.settings.detector import DeepRPNNetworkConfig, DetectionConfig, HeadConfig, ProposalConfig
from frcnn_keras.settings.image_trainers import (
    AlternateConfig,
    AugmentConfig,
    FinetuneConfig,
    ImageFitConfig,
    ImageLossConfig,
    JointConfig,
)
from frcnn_keras.settings.learning import AnchorSamplingConfig, HeadLossConfig, RegionSamplingConfig, RPNLossConfig
from tests.clusters import cluster

SHAPES = ["--shapes", "6", "--val-shapes", "2"]


@pytest.fixture
def started(monkeypatch):
    """Commands that were started, and the code that each ends with; nothing is written."""
    commands, codes = [], {}
    monkeypatch.setattr(alternate, "run_stage", lambda command: commands.append(command[0]) or codes.get(
        command[0], 0))
    return commands, codes


def test_one_process_starts_every_step_in_order(started, tmp_path, capsys):
    assert alternate.run([*SHAPES, "--out", str(tmp_path / "out")]) == 0
    assert started[0] == ["joint", "joint", "prep", "prep", "train-rpn", "train-rcnn"]
    assert f"evaluate --run {tmp_path / 'out' / 'run'}" in capsys.readouterr().err


@pytest.mark.parametrize("name, code", [("joint", 2), ("train-rpn", 130)])
def test_a_step_that_fails_ends_it_with_its_code(name, code, started, tmp_path):
    started[1][name] = code
    assert alternate.run([*SHAPES, "--out", str(tmp_path / "out")]) == code and started[0][-1] == name


def test_a_step_is_done_when_all_that_it_makes_is_there(tmp_path):
    step = Step(["prep"], (tmp_path / "a", tmp_path / "b"))
    assert not step.done
    (tmp_path / "a").touch()
    assert not step.done
    (tmp_path / "b").touch()
    assert step.done


def test_finished_steps_are_not_started_again(started, tmp_path):
    for name in ("detector.keras", "joint_metrics.json"):
        (tmp_path / "step1_rpn").mkdir(exist_ok=True)
        (tmp_path / "step1_rpn" / name).touch()
    assert alternate.run([*SHAPES, "--out", str(tmp_path)]) == 0
    assert started[0] == ["joint", "prep", "prep", "train-rpn", "train-rcnn"]


def test_without_images_to_measure_on_none_are_prepared(tmp_path):
    made = alternate.steps(tmp_path, AlternateConfig(), ["--shapes", "6"], None)
    assert [step.command[0] for step in made] == ["joint", "joint", "prep", "train-rpn", "train-rcnn"]
    assert not any("--val" in step.command for step in made)


def asked(**changes):
    return dataclasses.replace(AlternateRequest(AlternateConfig(), ("--shapes", "6"), None), **changes)


def test_another_request_is_refused_once_a_step_was_begun(tmp_path):
    begin(tmp_path, asked(), fresh=False)
    begin(tmp_path, asked(data=("--shapes", "5")), fresh=False)  # nothing was made yet
    (tmp_path / FOLDERS[0]).mkdir()
    with pytest.raises(InputError, match="alternate.json: .*config.stage_epochs: 4 -> 9.* another --out"):
        begin(tmp_path, asked(data=("--shapes", "5"), config=AlternateConfig(stage_epochs=9)), fresh=False)


def test_fresh_removes_every_step(tmp_path):
    begin(tmp_path, asked(), fresh=False)
    for name in (*FOLDERS, "mine"):
        (tmp_path / name).mkdir()
    begin(tmp_path, asked(config=AlternateConfig(stage_epochs=9)), fresh=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alternate.json", "mine"]
    assert read_request(tmp_path / "alternate.json", AlternateRequest).config.stage_epochs == 9


def test_several_workers_cannot_start_over(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", cluster(["a:1", "b:1"], 1))
    argv = [*SHAPES, "--out", str(tmp_path / "out"), "--strategy", "multiworker", "--fresh"]
    assert alternate.run(argv) == 2
    assert "remove it before they start" in capsys.readouterr().err


def test_an_out_of_ones_own_is_noticed(started, tmp_path, capsys, monkeypatch):
    """A worker that is not the chief, whose folder the chief does not write into."""
    monkeypatch.setenv("TF_CONFIG", cluster(["a:1", "b:1"], 1))
    assert alternate.run([*SHAPES, "--out", str(tmp_path / "out"), "--strategy", "multiworker"]) == 2
    assert "worker 1 does not see what the chief wrote" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_settings_reach_the_later_steps(tmp_path):
    training = FinetuneConfig(
        fit=ImageFitConfig(precision="bfloat16", seed=4, patience=2),
        augment=AugmentConfig(mirror=False),
        losses=ImageLossConfig(
            AnchorSamplingConfig(count=64, positive_fraction=0.4), regions=RegionSamplingConfig(positive_fraction=0.3),
            rpn=RPNLossConfig(beta=0.2), head=HeadLossConfig(0.5)))
    joint = JointConfig(rpn_channels=64, detections=DetectionConfig(nms=0.3), training=training)
    made = alternate.steps(tmp_path, AlternateConfig(joint, 5), ["--voc", "A"], ["--voc", "B"], "mirrored", "cpu")
    one, two, prep, val, rpn, rcnn = (step.command for step in made)
    assert set(two) - set(one) == {"rcnn", "--proposals", str(tmp_path / "step2_rcnn")}
    assert two[two.index("--proposals") + 1] == str(tmp_path / "step1_rpn") == one[-1]
    assert {"--samples=64", "--no-mirror", "--anchor-positive-fraction=0.4", "--seed=4", "--draws=5"} <= set(prep)
    assert val[1:3] == ["--voc", "B"] and "--like" in val
    assert {"--rpn-channels=64", "--rpn-beta=0.2", "--precision=bfloat16", "--epochs=5", "--strategy"} <= set(rpn)
    assert {"--head-beta=0.5", "--region-positive-fraction=0.3", "--nms=0.3", "--seed=4", "--strategy"} <= set(rcnn)
    assert all("--device cpu" in " ".join(step.command) for step in made)
    assert [step.command[0] for step in made if "--patience=2" in step.command] == ["train-rcnn"]  # what measures AP


@pytest.mark.parametrize("name", ["prep", "train-rpn", "train-rcnn", "joint"])
def test_the_steps_commands_know_their_flags(name, tmp_path):
    def other(value):
        if isinstance(value, str):
            return "mse" if value == "smooth_l1" else "batch"
        if isinstance(value, tuple):
            return (0.01, 0.1)
        return not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else value / 2

    def changed(part):
        return other(part) if isinstance(part, str) else type(part)(*map(other, dataclasses.astuple(part)))

    losses = ImageLossConfig(*(changed(getattr(ImageLossConfig(), field.name))
                               for field in dataclasses.fields(ImageLossConfig)))
    joint = JointConfig(rpn_channels=3, proposals=ProposalConfig(4, 5, .6, 2.),
                        head=HeadConfig(7, .1, "pool", 3, False, (1.,) * 4, (.1,) * 4),
                        detections=DetectionConfig(.2, .4, 9),
                        training=FinetuneConfig(losses=losses))
    seen = 0
    for step in alternate.steps(tmp_path, AlternateConfig(joint), ["--shapes", "3"], ["--shapes", "2"]):
        own, *flags = step.command
        if own == name:
            seen += 1
            module = importlib.import_module(f"frcnn_keras.commands.{name.replace('-', '_')}")
            args = module.build_parser().parse_args(flags)
            assert args.seed == 0
    assert seen == (1 if name.startswith("train-") else 2)


def test_a_deeper_rpn_is_refused_before_anything_starts(tmp_path, capsys):
    assert alternate.run(["--shapes", "3", "--out", str(tmp_path / "out"), "--rpn-depth", "2"]) == 2
    assert "--rpn-depth 2: step 3 trains the RPN on 3x3 tiles" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_network_of_step_1_is_that_of_step_3(tmp_path):
    joint = JointConfig(network=DeepRPNNetworkConfig("linear", "uniform"))
    made = alternate.steps(tmp_path, AlternateConfig(joint), ["--shapes", "3"], None)
    for name in ("joint", "train-rpn"):
        command = next(step.command for step in made if step.command[0] == name)
        assert {"--rpn-activation=linear", "--rpn-initial=uniform"} <= set(command)
