import pytest

from frcnn_keras.commands import joint
from frcnn_keras.settings.detector import BackboneConfig
from frcnn_keras.settings.image_trainers import JointConfig
from frcnn_keras.training import joint as training
from frcnn_keras.training.image_losses import LOSSES, RCNN_LOSSES, RPN_LOSSES


def test_flags_become_arguments(asked_of, capsys):
    asked = asked_of(training, "train_joint")
    assert joint.run(["--shapes", "3", "--val-shapes", "2", "--out", "o", "--backbone", "resnet50", "--rpn-channels",
                      "16", "--strategy", "multiworker"]) == 0
    (((dataset, out, config), settings),) = asked
    assert len(dataset.examples) == 3 and out == "o"
    assert config == JointConfig(BackboneConfig("resnet50"), rpn_channels=16)
    assert len(settings.pop("validation").examples) == 2
    assert settings == {"fresh": False, "losses": LOSSES, "proposals": None, "distribution": "devices of multiworker"}
    assert capsys.readouterr().out == "loss 1.2500  AP 0.3333\n"


@pytest.mark.parametrize("name, losses", [("all", LOSSES), ("rpn", RPN_LOSSES), ("rcnn", RCNN_LOSSES)])
def test_losses_by_name(name, losses, asked_of):
    asked = asked_of(training, "train_joint")
    assert joint.run(["--shapes", "1", "--out", "o", "--losses", name, "--proposals", "run"]) == 0
    assert asked[0][1]["losses"] == losses and asked[0][1]["proposals"] == "run"
