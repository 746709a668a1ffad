import importlib

import pytest

from frcnn_keras.__main__ import COMMANDS
from frcnn_keras.commands import other_words as words

COMMAND_SLIPS = {"trian": "train", "Train": "train", "train_rnp": "train-rpn", "trainrpn": "train-rpn",
                 "eval": "evaluate", "test": "evaluate", "val": "evaluate", "evalute": "evaluate",
                 "detect": "predict", "infer": "predict", "predcit": "predict", "exprot": "export", "onnx": "export",
                 "data_prep": "prep", "chekc": "check", "fine-tune": "finetune", "finetuning": "finetune",
                 "help": "--help", "import_torchvison": "import-torchvision"}
FLAG_SLIPS = {
    ("train-rpn", "--epoch"): "--epochs?", ("train-rpn", "--lr"): "--learning-rate?",
    ("joint", "--learning_rate"): "--learning-rate?", ("joint", "--LR"): "--learning-rate?",
    ("joint", "--batch-size"): "--batch?", ("joint", "--batch_size=4"): "--batch?", ("prep", "--output"): "--out?",
    ("prep", "-o"): "--out?", ("evaluate", "-o"): "--out?", ("prep", "--imgsz"): "--shorter?",
    ("train", "--imgsz"): "--shorter?", ("train", "--data"): "DATA, without a flag?",
    ("train", "--voc"): "DATA, without a flag?", ("prep", "--data"):
    "--voc, --coco, --yolo, --csv, --tfrecord or --labelme?", ("finetune", "--val-data"): "--val?",
    ("train-rpn", "--validation"): "--val?", ("predict", "--source"): "--images?", ("predict", "--conf"):
    "--score-threshold?", ("predict", "--iou"): "--nms?", ("predict", "--model"): "--run?",
    ("joint", "--neck"): "--neck-channels or --neck-sample?", ("joint", "--anchor"): "--anchor-sizes?",
    ("prep", "--num-workers"): "--workers?", ("train-rpn", "--datta"): "--data?", ("joint", "--seeed"): "--seed?",
}


@pytest.mark.parametrize("word, meant", COMMAND_SLIPS.items())
def test_commands(word, meant):
    assert words.command_meant(word, COMMANDS) == meant


def test_what_is_near_no_command():
    assert words.command_meant("xyzzy", COMMANDS) is None and words.command_meant("", COMMANDS) is None


def parser_of(name):
    return importlib.import_module(f"frcnn_keras.commands.{name.replace('-', '_')}").build_parser()


def refused(name, argv, capsys):
    with pytest.raises(SystemExit) as caught:
        parser_of(name).parse_args(argv)
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize("slip", FLAG_SLIPS)
def test_flags(slip, capsys):
    """A hint in one line, before what is missing is asked for; nothing is done in silence."""
    name, flag = slip
    line = refused(name, [flag], capsys)
    assert f"unknown argument {flag.split('=')[0]}; did you mean {FLAG_SLIPS[slip]} (" in line


def test_what_needs_no_flag(capsys):
    assert "a second start of the same command goes on" in refused("finetune", ["--resume"], capsys)
    assert "unknown argument --zzz (" in refused("prep", ["--zzz"], capsys)


def test_a_path_without_its_flag(tmp_path, capsys):
    line = refused("prep", ["--out", "x", str(tmp_path)], capsys)
    assert "did you mean --voc, --coco," in line
    assert "did you mean --images?" in refused("predict", ["--run", "x", "--images=x", "--out", "x", "--json",
                                                           str(tmp_path)], capsys)
    assert "did you mean" not in refused("prep", ["--out", "x", "--seed", "3", "4"], capsys)


def test_numbers_are_no_flags():
    assert parser_of("check").parse_args(["--offset", "-3"]).offset == -3


def test_every_word_of_the_table_helps():
    """Words mean flags and commands that there are, and none is one itself wherever it would be looked up."""
    flags = {name: {flag.lstrip("-") for action in parser_of(name)._actions for flag in action.option_strings}
             for name in COMMANDS}
    known = set().union(*flags.values(), {"DATA"}, {"device", "patience"})
    assert {flag for meant in words.FLAGS.values() for flag in meant} <= known
    assert set(words.COMMANDS.values()) <= {*COMMANDS, "--help", "--version"}
    assert not set(words.COMMANDS) & set(COMMANDS)
    for word, meant in words.FLAGS.items():
        assert any(flag in own or flag == "DATA" for own in flags.values() for flag in meant if word not in own) or \
            set(meant) <= {"device", "patience"}, word


def test_keys_of_a_file_are_told_too(tmp_path):
    from frcnn_keras.commands.flags import apply_toml

    for key, near in (("lr", "learning_rate"), ("batch_size", "batch"), ("epoch", "epochs")):
        (tmp_path / "s.toml").write_text(f"{key} = 1\n")
        with pytest.raises(ValueError, match=f"{key}: no such setting of train-rpn; the nearest is {near}$"):
            apply_toml(parser_of("train-rpn"), str(tmp_path / "s.toml"), "train-rpn")
