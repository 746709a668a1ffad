import argparse

import pytest

from frcnn_keras.commands import flag_types, flags
from frcnn_keras.errors import InputError
from frcnn_keras.settings import options
from frcnn_keras.settings import stages as configs
from frcnn_keras.settings.image_trainers import FinetuneConfig, ImageFitConfig, JointConfig
from tests.nested_config import Inner, Outer

STAGES = (configs.PrepConfig, configs.RPNConfig, configs.RCNNConfig, FinetuneConfig, JointConfig)


def parser_of(config_class=Outer):
    parser = argparse.ArgumentParser()
    parser.add_argument("--config")
    parser.add_argument("--pair", nargs=2)
    flags.add_arguments(parser, config_class)
    return parser


def parsed(argv=(), toml=None, command="stage"):
    parser = parser_of()
    if toml:
        flags.apply_toml(parser, str(toml), command)
    return flags.from_args(Outer, parser.parse_args(list(argv)))


def written(tmp_path, text):
    path = tmp_path / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(tmp_path, text):
    with pytest.raises(InputError) as caught:
        parsed(toml=written(tmp_path, text))
    message = str(caught.value)
    assert "\n" not in message and "settings.toml" in message
    return message


@pytest.mark.parametrize("config_class", [*STAGES, Outer])
def test_no_flags_give_the_defaults(config_class):
    assert flags.from_args(config_class, parser_of(config_class).parse_args([])) == config_class()


@pytest.mark.parametrize("config", [
    Outer(), Outer(Inner(0.25, ("x", "y")), 7, (4.0, -1.5), False, "b"), Outer(Inner(names=())),
    configs.PrepConfig(backbone=configs.BackboneConfig("x.keras", "none", ("a", "b"), "tf"), mirror=False),
    configs.PrepConfig(anchors=configs.LevelAnchorConfig("auto")),
    JointConfig(training=FinetuneConfig(fit=ImageFitConfig(learning_rate=1 / 3)))])
def test_arguments_stand_for_their_config(config):
    arguments = flags.to_arguments(config)
    assert flags.from_args(type(config), parser_of(type(config)).parse_args(arguments)) == config
    assert arguments == [] or config != type(config)()


def test_a_word_that_stands_for_numbers(tmp_path):
    parser = parser_of(configs.PrepConfig)
    assert parser.parse_args(["--anchor-sizes", "auto"]).anchor_sizes == ()
    assert flags.to_arguments(configs.PrepConfig(anchors=configs.LevelAnchorConfig(()))) == ["--anchor-sizes=auto"]
    flags.apply_toml(parser, str(written(tmp_path, "[prep]\nanchor_sizes = 'auto'\n")), "prep")
    assert parser.parse_args([]).anchor_sizes == ()


@pytest.mark.parametrize("text", ["", ",", " "])
def test_nothing_is_not_the_word_that_stands_for_no_numbers(text, capsys):
    with pytest.raises(SystemExit):
        parser_of(configs.PrepConfig).parse_args([f"--anchor-sizes={text}"])
    assert "must be numbers, or auto; received: " in capsys.readouterr().err


def test_arguments_of_some_settings_alone():
    config = configs.RPNConfig(channels=3, loss=configs.RPNLossConfig(beta=0.5),
                               proposals=configs.ProposalConfig(nms=0.1))
    names = frozenset(("rpn-beta", "proposal-nms", "lambda"))
    assert flags.to_arguments(config, names) == ["--rpn-beta=0.5", "--proposal-nms=0.1"]


@pytest.mark.parametrize("config_class, old, new, value", [
    (configs.PrepConfig, "positive-fraction", "anchor_positive_fraction", 0.3),
    (configs.RCNNConfig, "positive-fraction", "region_positive_fraction", 0.3),
    (configs.RPNConfig, "beta", "rpn_beta", 0.4), (configs.RCNNConfig, "beta", "head_beta", 0.4)])
def test_old_spellings_work_where_they_mean_one_thing(config_class, old, new, value, tmp_path):
    assert getattr(parser_of(config_class).parse_args([f"--{old}", str(value)]), new) == value
    made = parser_of(config_class)
    flags.apply_toml(made, str(written(tmp_path, f"{old} = {value}")), "stage")
    assert getattr(made.parse_args([]), new) == value


@pytest.mark.parametrize("old, news", [("--beta", ("--rpn-beta", "--head-beta")), (
    "--positive-fraction", ("--anchor-positive-fraction", "--region-positive-fraction"))])
def test_a_spelling_that_could_mean_two_things_is_asked_about(old, news, capsys):
    parser = flags.Parser(allow_abbrev=False)
    flags.add_arguments(parser, JointConfig)
    with pytest.raises(SystemExit) as caught:
        parser.parse_args([old, "0.3"])
    text = capsys.readouterr().err
    assert caught.value.code == 2 and all(new in text for new in news)


@pytest.mark.parametrize("spelled, meant", [("mixed_bfloat16", "bfloat16"), ("float16", "float16"), ("auto", "auto")])
def test_precisions_have_one_vocabulary_and_old_words_for_it(spelled, meant):
    assert parser_of(JointConfig).parse_args(["--precision", spelled]).precision == meant


def test_flags_reach_their_fields():
    found = parsed(["--inner-rate", "0.25", "--names", "x,y", "--count", "7", "--scales", "4", "--no-mirror",
                    "--mode", "b"])
    assert found == Outer(Inner(0.25, ("x", "y")), 7, (4.0,), False, "b")


def test_every_field_of_a_stage_has_help_and_a_flag_of_its_own():
    for config_class in STAGES:
        names = [flag for action in parser_of(config_class)._actions for flag in action.option_strings]
        assert len(names) == len(set(names))
        leaves = list(options.leaves(config_class))
        assert all(field.metadata["help"] for _, field, _ in leaves)
        assert len(leaves) == len(parser_of(config_class)._actions) - 3  # help, config, pair


@pytest.mark.parametrize("flags", [["--count", "many"], ["--mode", "c"], ["--scales", "1,x"]])
def test_a_flag_of_a_wrong_value_ends_with_2(flags, capsys):
    with pytest.raises(SystemExit) as caught:
        parsed(flags)
    assert caught.value.code == 2
    assert flags[0] in capsys.readouterr().err


def test_help_shows_each_default(capsys):
    with pytest.raises(SystemExit):
        parser_of(configs.RPNConfig).parse_args(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "12000" in text and "0.1111" in text and "0.7,0.9" in text


def test_default_then_file_then_flag(tmp_path):
    path = written(tmp_path, "count = 5\ninner-rate = 0.75\nscales = [3, 4.5]\nmirror = false\nmode = 'b'\n")
    assert parsed(toml=path) == Outer(Inner(0.75), 5, (3.0, 4.5), False, "b")
    assert parsed(["--count", "6", "--mirror"], path) == Outer(Inner(0.75), 6, (3.0, 4.5), True, "b")


def test_keys_take_either_dash(tmp_path):
    assert parsed(toml=written(tmp_path, "inner_rate = 1")).inner.rate == 1.0


def test_the_commands_own_table_wins_and_others_are_passed_over(tmp_path):
    path = written(tmp_path, "count = 5\n[stage]\ncount = 8\n[other]\ncount = 9\nunheard_of = 1\n")
    assert parsed(toml=path).count == 8
    assert parsed(toml=path, command="third").count == 5


def test_unknown_key_names_the_nearest(tmp_path):
    message = refusal(tmp_path, "inner-rat = 0.1")
    assert "inner-rat:" in message and "inner_rate" in message
    assert "nearest" in refusal(tmp_path, "[stage]\nqqqq = 1")


@pytest.mark.parametrize("line", ["count = 'many'", "count = 2.5", "mirror = 1", "mirror = 'yes'", "mode = 'c'",
                                  "scales = ['x']", "inner-rate = true"])
def test_a_wrong_type_is_one_line_that_names_the_key(line, tmp_path):
    assert line.split()[0] in refusal(tmp_path, line)


@pytest.mark.parametrize("line", [
    "count = " + "9" * 5000, "count = 0x" + "f" * 5000, "[count]", "count = [[1]]",
    "count = [{a = 1}]", "pair = [1, 0x" + "f" * 5000 + "]", "mode = 0x" + "f" * 5000, "mirror = 0x" + "f" * 5000,
    "count = " + "[" * 100000, "count = " + "[" * 5000 + "]" * 5000, "count = 1979-05-27", "count = nan",
    "[" + ".".join("a" * 5000) + "]\nb = 1\n[[count]]\na = 1"])
def test_numbers_and_nesting_without_end_are_one_short_line(line, tmp_path):
    assert len(refusal(tmp_path, line)) < 400


@pytest.mark.parametrize("line, message", [
    ("batch = 0", "--batch must be 1 to 65536; received: 0"), ("epochs = 100001", "--epochs must be 0 to 100000"),
    ("learning-rate = nan", "--learning-rate must be 0 to 1000; received: nan"),
    ("rpn-channels = -3", "--rpn-channels must be 1 to"), ("drops = [0.5, inf]", "--drops must be 0 to 64 numbers"),
    ("epochs = 0", "--epochs 0 takes an RPN as it is: name the run that has it with --rpn RUN")])
def test_numbers_out_of_range_are_refused_in_a_file_as_well(line, message, tmp_path):
    parser = flags.Parser()
    flags.add_arguments(parser, configs.RPNConfig)
    flags.apply_toml(parser, str(written(tmp_path, line)), "stage")
    with pytest.raises(InputError) as caught:
        parser.parse_args([])
    assert str(caught.value).startswith(message)


def test_a_list_of_numbers_of_a_file_is_as_the_flags(tmp_path):
    parser = flags.Parser()
    parser.add_argument("--pair", nargs=2, type=flag_types.within(int, least=1, most=9))
    flags.apply_toml(parser, str(written(tmp_path, "pair = [3, 4]")), "stage")
    assert parser.parse_args([]).pair == [3, 4]


def test_a_file_that_is_no_toml_or_absent(tmp_path):
    assert "TOML" in refusal(tmp_path, "count = = 3")
    with pytest.raises(InputError, match="absent.toml"):
        parsed(toml=tmp_path / "absent.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="binary.toml"):
        parsed(toml=tmp_path / "binary.toml")


def test_a_required_flag_may_stand_in_the_file(tmp_path):
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    flags.apply_toml(parser, str(written(tmp_path, "out = 'here'")), "stage")
    assert parser.parse_args([]).out == "here"
