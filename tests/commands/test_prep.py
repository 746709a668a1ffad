import dataclasses

import pytest

from data_prep import prepare as preparing
from frcnn_keras.commands import prep as command
from frcnn_keras.models.saving import save_model
from frcnn_keras.settings.detector import BackboneConfig, ImageConfig, LevelAnchorConfig, NeckConfig
from frcnn_keras.settings.stages import PrepConfig
from tests.detectors import random_detector, small_detector


@pytest.fixture
def asked(monkeypatch):
    """[(data set, out, config, keywords)] of what was to be prepared."""
    calls = []
    monkeypatch.setattr(preparing, "prepare", lambda dataset, out, config, **settings: calls.append(
        (dataset, out, config, settings)))
    return calls


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run folders of one level and of two."""
    folders = {}
    for levels, model in ((1, small_detector()), (2, random_detector(levels=2))):
        folders[levels] = tmp_path_factory.mktemp("run")
        save_model(model, folders[levels] / "detector.keras")
    return folders


def test_flags_become_arguments(asked):
    assert command.run(["--shapes", "2", "--out", "o", "--eval-only", "--write-tiles", "--workers", "3", "--fresh",
                        "--skip-bad", "--shorter", "300", "--neck-channels", "5", "--no-mirror"]) == 0
    ((dataset, out, config, settings),) = asked
    assert len(dataset.examples) == 2 and out == "o"
    assert config == PrepConfig(images=ImageConfig(300), neck=NeckConfig(5), mirror=False)
    assert settings == {"like": None, "eval_only": True, "write_tiles": True, "skip_bad": True, "workers": 3,
                        "fresh": True}


def test_like_takes_the_earlier_folders_settings(asked, prep):
    assert command.run(["--shapes", "2", "--out", "o", "--eval-only", "--like", str(prep.path)]) == 0
    ((_, _, config, settings),) = asked
    assert config == prep.config and settings["like"].path == prep.path


@pytest.mark.parametrize("flags, words", [
    (["--shorter", "90"], "fixes --shorter"), (["--draws", "7"], "fixes --draws"), (["--no-mirror"], "mirror")])
def test_like_and_a_flag_that_contradicts(flags, words, asked, prep, capsys):
    assert command.run(["--shapes", "2", "--out", "o", "--like", str(prep.path), *flags]) == 2
    text = capsys.readouterr().err
    assert words in text and "leave that flag out, or --like" in text and not asked


def test_a_flag_that_says_the_same_contradicts_nothing(asked, prep):
    assert command.run(["--shapes", "2", "--out", "o", "--like", str(prep.path), "--shorter", "96"]) == 0


def test_a_runs_sizes_and_anchors_are_the_defaults(asked, runs):
    assert command.run(["--shapes", "2", "--out", "o", "--backbone", str(runs[1])]) == 0
    config = asked[0][2]
    assert config == PrepConfig(BackboneConfig(str(runs[1])), ImageConfig(96, 160), NeckConfig(0),
                                LevelAnchorConfig((32.0,), (0.5, 1.0, 2.0)))


def test_a_pyramids_maps_are_projected_as_others_are(asked, runs):
    assert command.run(["--shapes", "2", "--out", "o", "--backbone", str(runs[2])]) == 0
    config = asked[0][2]
    assert config.neck == NeckConfig() and config.images == ImageConfig(64, 100)
    assert config.anchors == LevelAnchorConfig((16.0, 32.0), (0.5, 2.0))


def test_a_flag_or_a_file_wins_over_the_runs(asked, runs, tmp_path):
    (tmp_path / "s.toml").write_text("[prep]\nlonger = 500\n")
    assert command.run(["--shapes", "2", "--out", "o", f"--backbone={runs[1]}", "--shorter", "300",
                        "--config", str(tmp_path / "s.toml")]) == 0
    assert asked[0][2].images == ImageConfig(300, 500)


@pytest.mark.parametrize("given, expected", [
    (["--anchor-scales", "3,6"], LevelAnchorConfig(ratios=(0.5, 1.0, 2.0), scales=(3.0, 6.0))),
    (["--anchor-sizes", "48"], LevelAnchorConfig((48.0,), (0.5, 1.0, 2.0))),
    ("[prep]\nanchor_scales = [3, 6]\n", LevelAnchorConfig(ratios=(0.5, 1.0, 2.0), scales=(3.0, 6.0)))])
@pytest.mark.parametrize("unit", ["pixel", "stride"])
def test_of_sizes_and_scales_the_one_that_is_given_counts(given, expected, unit, asked, tmp_path):
    model = small_detector()
    model.geometry = dataclasses.replace(model.geometry, anchor_unit=unit, anchor_sizes=((4.0,),))
    save_model(model, tmp_path / "detector.keras")
    if isinstance(given, str):
        (tmp_path / "s.toml").write_text(given)
        given = ["--config", str(tmp_path / "s.toml")]
    assert command.run(["--shapes", "2", "--out", "o", "--backbone", str(tmp_path), *given]) == 0
    assert asked[0][2].anchors == expected


def test_another_backbone_has_the_usual_defaults(asked, tiny_backbone):
    assert command.run(["--shapes", "2", "--out", "o", "--backbone", str(tiny_backbone)]) == 0
    assert asked[0][2] == dataclasses.replace(PrepConfig(), backbone=BackboneConfig(str(tiny_backbone)))
