"""bfloat16 where the processor does not multiply it: every command that is asked for it says so, once."""

import shutil

import numpy as np
import pytest
from PIL import Image

from frcnn_keras.__main__ import main

FIT = ["--epochs", "1", "--batch", "2"]
COMMANDS = {
    "predict": ["--run", "{run}", "--images", "{images}", "--out", "{out}"],
    "evaluate": ["--run", "{run}", "--shapes", "3", "--out", "{out}"],
    "export": ["--run", "{run}", "--out", "{out}"],
    "train-rpn": ["--data", "{prep}", "--run", "{out}", *FIT],
    "train-rcnn": ["--data", "{prep}", "--run", "{copy}", *FIT, "--head-width", "8", "--roi-size", "3", "--fresh"],
    "finetune": ["--run", "{run}", "--shapes", "3", "--out", "{out}", *FIT],
    "joint": ["--backbone", "{backbone}", "--backbone-weights", "none", "--feature-layers", "features", "--preprocess",
              "tf", "--shapes", "3", "--shorter", "64", "--longer", "80", "--neck-channels", "4", "--rpn-channels", "8",
              "--head-width", "8", "--roi-size", "3", "--out", "{out}", *FIT],
}


@pytest.fixture
def argv(tmp_path, tiny_run, tiny_backbone, prep):
    """argv(command, precision): what is given to it."""
    (tmp_path / "images").mkdir()
    for name in "abc":
        Image.fromarray(np.zeros((40, 50, 3), np.uint8)).save(tmp_path / "images" / f"{name}.png")

    def arguments(command, precision):
        copy = tmp_path / "copy"
        if command == "train-rcnn":
            shutil.copytree(tiny_run, copy)
        places = {"run": tiny_run, "copy": copy, "images": tmp_path / "images", "out": tmp_path / "out",
                  "prep": prep.path, "backbone": tiny_backbone}
        return [command, *(part.format(**places) for part in COMMANDS[command]), "--precision", precision]

    return arguments


@pytest.mark.parametrize("command", COMMANDS)
def test_one_line_where_the_processor_has_it_not(command, argv, monkeypatch, capsys):
    monkeypatch.setattr("frcnn_keras.models.precision.multiplies_bfloat16", lambda: False)
    assert main(argv(command, "bfloat16")) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "does not multiply bfloat16" in line]
    assert len(lines) == 1 and lines[0].startswith("warning: ") and "1.04 to 1.8 times" in lines[0]


@pytest.mark.parametrize("command, precision, has_it", [
    ("predict", "float32", False), ("predict", "bfloat16", True), ("train-rpn", "auto", False),
    ("finetune", "auto", False)])
def test_no_line_where_nothing_is_slower(command, precision, has_it, argv, monkeypatch, capsys):
    for module in ("models.precision", "training.loop"):
        monkeypatch.setattr(f"frcnn_keras.{module}.multiplies_bfloat16", lambda: has_it)
    assert main(argv(command, precision)) == 0
    assert "does not multiply" not in capsys.readouterr().err
