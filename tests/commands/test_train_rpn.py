import pytest

from frcnn_keras.commands import train_rpn
from frcnn_keras.settings.detector import ProposalConfig, RPNNetworkConfig
from frcnn_keras.settings.learning import RPNLossConfig
from frcnn_keras.settings.stages import FitConfig, RPNConfig
from frcnn_keras.training import rpn_stage


def test_flags_become_arguments(asked_of, capsys):
    asked = asked_of(rpn_stage, "train_rpn")
    assert train_rpn.run(["--data", "d", "--val", "v", "--run", "r", "--tiles", "--fresh", "--strategy", "mirrored",
                          "--epochs", "2", "--rpn-channels", "16", "--post-nms", "60", "--rpn", "other"]) == 0
    assert asked == [(("d", "r", RPNConfig(FitConfig(epochs=2), "other", 16, proposals=ProposalConfig(after=60))),
                      {"val": "v", "from_tiles": True, "fresh": True, "distribution": "devices of mirrored"})]
    assert capsys.readouterr().out == "loss 1.2500  AP 0.3333\n"  # of the last epoch


def test_without_flags_the_settings_are_the_defaults(asked_of):
    asked = asked_of(rpn_stage, "train_rpn")
    assert train_rpn.run(["--data", "d", "--run", "r"]) == 0
    assert asked == [(("d", "r", RPNConfig()), {"val": None, "from_tiles": False, "fresh": False,
                                                "distribution": "devices of none"})]


@pytest.mark.parametrize("flags", [[], ["--data", "d"], ["--run", "r"]])
def test_folders_are_asked_for(flags, asked_of, capsys):
    asked = asked_of(rpn_stage, "train_rpn")
    with pytest.raises(SystemExit) as caught:
        train_rpn.run(flags)
    assert caught.value.code == 2 and "required" in capsys.readouterr().err and not asked


def test_a_deeper_rpn_is_told_where_it_trains(asked_of, capsys):
    asked = asked_of(rpn_stage, "train_rpn")
    assert train_rpn.run(["--data", "d", "--val", "a v", "--run", "r", "--rpn-depth", "1"]) == 0 and len(asked) == 1
    assert capsys.readouterr().err == "next: python -m frcnn_keras train-rcnn --data d --val 'a v' --run r\n"
    assert train_rpn.run(["--data", "d", "--run", "r", "--rpn-depth", "2"]) == 2 and len(asked) == 1
    line = capsys.readouterr().err
    assert "--rpn-depth 2: train-rpn learns from 3x3 tiles" in line and "joint --rpn-depth 2" in line
    assert line.count("\n") == 1


def test_flags_of_the_network_and_its_loss(asked_of):
    asked = asked_of(rpn_stage, "train_rpn")
    for box_loss in ("--box-loss", "--rpn-box-loss"):
        assert train_rpn.run(["--data", "d", "--run", "r", "--rpn-activation", "linear", "--rpn-initial", "uniform",
                              box_loss, "mse"]) == 0
    assert [call[0][2] for call in asked] == [RPNConfig(loss=RPNLossConfig(distance="mse"), network=RPNNetworkConfig(
        "linear", "uniform"))] * 2
