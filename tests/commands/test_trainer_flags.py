"""Flags of two trainers in one command: whose they are, and what a grid makes of them."""

import pytest

from frcnn_keras.commands import command_line as cli
from frcnn_keras.commands.trainer_flags import add_trainer_arguments, combinations, parse_setting, trainer_config
from frcnn_keras.errors import InputError
from frcnn_keras.settings.learning import FitConfig, ScoredFitConfig
from frcnn_keras.settings.options import leaves
from frcnn_keras.settings.ranges import flag_of
from frcnn_keras.settings.stages import RCNNConfig, RPNConfig, StageHeadConfig


def parser_of():
    parser = cli.parser("crossval", "")
    add_trainer_arguments(parser)
    return parser


def configs(*argv, settings=()):
    args = parser_of().parse_args(argv)
    return [trainer_config(trainer, args, settings) for trainer in ("train-rpn", "train-rcnn")]


def test_without_flags_each_trainers_own():
    assert configs() == [(RPNConfig(), None), (RCNNConfig(), None)]


def test_a_setting_of_both_is_for_both_and_others_for_their_own():
    (rpn, rpn_epochs), (rcnn, rcnn_epochs) = configs("--epochs", "7", "--learning-rate", "0.5", "--head-width", "9",
                                                     "--rpn-channels", "3", "--no-box-head", "--patience", "2")
    assert rpn == RPNConfig(FitConfig(epochs=7, learning_rate=0.5), channels=3)
    assert rcnn == RCNNConfig(ScoredFitConfig(epochs=7, batch=4, learning_rate=0.5, patience=2),
                              StageHeadConfig(width=9, box_head=False))
    assert (rpn_epochs, rcnn_epochs) == (7, 7)


def test_every_setting_of_both_is_a_flag():
    flags = {flag for action in parser_of()._actions for flag in action.option_strings}
    for config in (RPNConfig, RCNNConfig):
        assert {f"--{flag_of(field)}" for _, field, _ in leaves(config)} <= flags


def test_tables_of_a_file_and_flags_over_them(tmp_path):
    (tmp_path / "stages.toml").write_text("[train-rpn]\nepochs = 2\nrpn-channels = 5\n[train_rcnn]\nhead-width = 6\n")
    (rpn, rpn_epochs), (rcnn, rcnn_epochs) = configs("--config", str(tmp_path / "stages.toml"), "--rpn-channels", "8")
    assert rpn == RPNConfig(FitConfig(epochs=2), channels=8) and rpn_epochs == 2
    assert rcnn == RCNNConfig(head=StageHeadConfig(width=6)) and rcnn_epochs is None


def test_a_grid_is_every_combination():
    varied = [parse_setting(parser_of(), text) for text in ("head-width=256,1024", "learning-rate=5e-4,1e-3")]
    cells = combinations(varied)
    assert list(cells) == [f"head-width={width} learning-rate={rate}" for width in (256, 1024)
                           for rate in ("0.0005", "0.001")]
    (rpn, _), (rcnn, _) = configs("--epochs", "1", settings=cells["head-width=1024 learning-rate=0.0005"])
    assert rpn == RPNConfig(FitConfig(epochs=1, learning_rate=5e-4))
    assert rcnn == RCNNConfig(ScoredFitConfig(epochs=1, batch=4, learning_rate=5e-4), StageHeadConfig(width=1024))


@pytest.mark.parametrize("owner", ["train-rcnn", "train_rcnn", "rcnn"])
def test_a_setting_of_one_trainer_alone(owner):
    setting, = parse_setting(parser_of(), f"{owner}.batch=3")
    (rpn, _), (rcnn, _) = configs(settings=[setting])
    assert rpn == RPNConfig() and rcnn.fit.batch == 3
    switched, = parse_setting(parser_of(), "box-head=false")
    assert not configs(settings=[switched])[1][0].head.box_head


@pytest.mark.parametrize("text, message", [
    ("head-widht=1,2", "'head-widht=1,2': is no setting of train-rpn or train-rcnn; did you mean --head-width?"),
    ("rpn.head-width=1", "is no setting of train-rpn or train-rcnn"),
    ("other.batch=1", "is no setting of train-rpn or train-rcnn"),
    ("head-width", "give NAME=VALUE,VALUE"),
    ("head-width=", "must be a whole number; received: ''"),
    ("head-width=1,x", "must be a whole number; received: 'x'"),
    ("beta=1,2", "--beta could mean --head-beta or --rpn-beta"),
    ("drops=0.1,0.2", "takes several values itself"),
    ("optimizer=adam,sdg", "must be one of adam, sgd; received: 'sdg'"),
    ("box-head=yes", "must be true or false; received: 'yes'"),
])
def test_what_cannot_be_varied_is_told(text, message):
    with pytest.raises(InputError) as caught:
        parse_setting(parser_of(), text)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_ranges_are_checked():
    setting, = parse_setting(parser_of(), "head-width=0")
    with pytest.raises(InputError, match="--head-width must be"):
        configs(settings=[setting])
    with pytest.raises(InputError, match="--head-width must be"):
        configs("--head-width", "0")


def test_an_alias_of_two_settings_is_neithers(capsys):
    with pytest.raises(SystemExit):
        parser_of().parse_args(["--beta", "1"])
    assert "--beta could mean --head-beta or --rpn-beta" in capsys.readouterr().err
