import dataclasses
import types

import pytest

from frcnn_keras.commands import finetune
from frcnn_keras.runs import detector
from frcnn_keras.settings.image_trainers import FinetuneConfig
from frcnn_keras.training import finetune as training


@pytest.fixture(autouse=True)
def run(monkeypatch):
    """The run `r`, of the shapes' classes."""
    classes = ("circle", "cross", "square", "triangle")
    monkeypatch.setattr(detector, "load", lambda run: {"r": types.SimpleNamespace(class_names=classes)}[run])


def test_flags_become_arguments(asked_of, capsys):
    asked = asked_of(training, "finetune")
    assert finetune.run(["--run", "r", "--out", "o", "--shapes", "3", "--val-shapes", "2", "--fresh",
                         "--epochs", "5", "--freeze-stages", "4", "--strategy", "mirrored"]) == 0
    (((run, dataset, out, config), settings),) = asked
    usual = FinetuneConfig()
    assert (run, out) == ("r", "o") and len(dataset.examples) == 3
    assert config == dataclasses.replace(usual, fit=dataclasses.replace(usual.fit, epochs=5), freeze_stages=4)
    assert len(settings.pop("validation").examples) == 2
    assert settings == {"fresh": True, "distribution": "devices of mirrored"}
    assert capsys.readouterr().out == "loss 1.2500  AP 0.3333\n"


def test_classes_are_the_runs(asked_of, capsys):
    asked = asked_of(training, "finetune")
    argv = ["--run", "r", "--out", "o", "--shapes", "3"]
    assert finetune.run([*argv, "--classes", "cat,dog"]) == 2
    assert "cat,dog" in capsys.readouterr().err and not asked
    assert finetune.run(argv) == 0 and asked[0][1]["validation"] is None
