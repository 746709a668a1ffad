import argparse
import importlib

import pytest

from benchmarks import regimes
from benchmarks.arguments import training_parser

FLAGS = argparse.Namespace(voc="D", split="trainval", backbone="mobilenet_v2", backbone_weights="W",
                           finetune_flags="--jitter 0.1", joint_flags="--ema 0.9", alternate_flags="--stage-epochs 2")
MODULES = {"data_prep": "frcnn_keras.commands.prep", "train_rpn": "frcnn_keras.commands.train_rpn",
           "train_rcnn": "frcnn_keras.commands.train_rcnn",
           **{kind: f"frcnn_keras.commands.{kind}" for kind in ("finetune", "joint", "alternate")}}


@pytest.mark.parametrize("regime", [*regimes.REGIMES, "finetune2-float32", "joint1-bfloat16"])
def test_commands_have_the_flags_they_are_given(regime, tmp_path):
    commands, run = regimes.commands(FLAGS, regimes.regime_name(regime), tmp_path, 7)
    for _, *words in commands:
        name, *flags = [str(word) for word in words if word != "frcnn_keras"]
        args = importlib.import_module(MODULES[name]).build_parser().parse_args(flags)
        assert args.seed == 7
        assert regime == "stages" or args.epochs == int(regimes.PATTERN.fullmatch(regime)[2])
        assert not regime.endswith("float32") or args.precision == "float32"
    assert run.is_relative_to(tmp_path)


@pytest.mark.parametrize("text", ["stage", "finetune", "finetune0", "joint3-half", "3", "alternate3 "])
def test_what_is_no_regime(text):
    with pytest.raises(argparse.ArgumentTypeError, match="no regime"):
        regimes.regime_name(text)


def test_shared_flags():
    args = training_parser("regimes", "").parse_args(["--voc", "D", "--backbone-weights", "W"])
    assert (args.split, args.test_split, args.backbone, args.seeds) == ("trainval", "test", "mobilenet_v2", "0")


def test_a_row_has_a_cell_for_every_column():
    found = {"regime": "stages", "seed": 0, "AP": 0.5, "AP50": 0.9, "AP75": 0.6, "classes": {"a": [0.1, 0.2]},
             "seconds": 61.4, "megabytes": 900.2}
    assert regimes.line(found) == "| stages | 0 | 0.500 | 0.900 | 0.600 | a 0.100 / 0.200 | 61 s | 900 MB |"
