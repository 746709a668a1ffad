"""What the command asks the functions for, and what it prints."""

import json

import pytest

from frcnn_keras.commands import crossval
from frcnn_keras.crossval import beside, cross_validation, grid
from frcnn_keras.reporting import report
from frcnn_keras.settings.learning import FitConfig
from frcnn_keras.settings.stages import RPNConfig

ENTRY = {"mean": 0.5, "std": 0.0625, "pooled": 0.51, "low": 0.4, "high": 0.625}
NUMBERS = {"AP": ENTRY, "AP50": ENTRY, "AP75": ENTRY, "AR100": ENTRY, "images": 40, "share": 0.95,
           "per_class": {"a class with a name that is longer than any": {"AP": ENTRY, "AP50": ENTRY, "objects": 3}},
           "recall": {"recall@100/0.5": {**ENTRY, "std": float("nan")}}, "folds": [{}, {}, {}]}


@pytest.fixture
def asked(asked_of, monkeypatch):
    """What the functions are asked for, in order; numbers in place of their answers."""
    asked_of(cross_validation, "split")  # devices are names
    monkeypatch.setattr(beside, "fitting_workers", lambda folds: 10 * folds)
    calls = []

    class Images:
        learning = 40

    def split(*arguments):
        calls.append(arguments)
        return Images

    def cross_validate(*arguments, **settings):
        calls.append((arguments, settings))
        return NUMBERS

    def cross_validate_grid(*arguments, **settings):
        calls.append((arguments, settings))
        apart = {"difference": -0.01, "low": -0.02, "high": 0.0, "better": 0.1}
        cell = {**NUMBERS, "seconds": 61.5, "run": "r/grid/x", "less_best": apart}
        return {"best": "head-width=2", "images": 40, "folds": 3,
                "cells": {"head-width=1": {**cell, "AP": {**ENTRY, "pooled": 0.4}}, "head-width=2": cell}}

    monkeypatch.setattr(cross_validation, "split", split)
    monkeypatch.setattr(cross_validation, "cross_validate", cross_validate)
    monkeypatch.setattr(grid, "cross_validate_grid", cross_validate_grid)
    return calls


def test_one_setting(asked, capsys):
    assert crossval.run(["--data", "d", "--run", "r", "--folds", "3", "--group", "g.csv", "--epochs", "2", "--fresh",
                         "--head-width", "7", "--workers", "4"]) == 0
    assert asked[0] == ("d", 3, "g.csv")
    (images, run, rpn, rcnn), settings = asked[1]
    assert (images.learning, run, rcnn.head.width, rcnn.fit.epochs) == (40, "r", 7, 2)
    assert rpn == RPNConfig(FitConfig(epochs=2))
    assert settings == {"fresh": True, "distribution": "devices of none", "workers": 4}
    told = capsys.readouterr()
    assert told.err.startswith("rpn: 2 epochs, as asked\nrcnn: 2 epochs, as asked\ncrossval: r is finished\nnote: no "
                               "report (") and told.err.count("\n") == 4
    lines = told.out.splitlines()
    assert lines[0] == "40 images in 3 folds, each found by a detector that never saw it"
    assert max(map(len, lines)) <= 80
    assert lines[4] == "AP50" + " " * 33 + "  0.500   0.062   0.510   0.400 to 0.625"
    assert lines[7].startswith("a class with a name that is l... AP ")
    assert any(line.startswith("recall@100/0.5") and line.split()[2] == "-" for line in lines)


def test_few_images_train_as_long_as_with_train(asked, capsys):
    assert crossval.run(["--data", "d", "--run", "r"]) == 0
    (_, _, rpn, rcnn), _ = asked[1]
    assert (rpn.fit.epochs, rcnn.fit.epochs) == (32, 32)  # 640 steps of 2 of 40 images, 320 of 4
    assert "rpn: 32 epochs of 20 steps: 4 are fewer than 640 steps" in capsys.readouterr().err


def test_a_grid(asked, capsys):
    assert crossval.run(["--data", "d", "--run", "r", "--epochs", "2", "--grid", "head-width=1,2"]) == 0
    (_, run, cells), settings = asked[1]
    assert run == "r" and [(name, rcnn.head.width) for name, (_, rcnn) in cells.items()] == [
        ("head-width=1", 1), ("head-width=2", 2)]
    assert settings == {"fresh": False, "distribution": "devices of none", "workers": 50}
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[2:4] == [" 1  head-width=2", " 2  head-width=1"]
    assert lines[6] == " 1  0.510   0.400 to 0.625    0.510       62   the best"
    assert lines[7] == " 2  0.400   0.400 to 0.625    0.510       62   -0.010, -0.020 to +0.000"


def test_json(asked, capsys):
    assert crossval.run(["--data", "d", "--run", "r", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["AP"] == ENTRY


def test_what_is_wrong_is_told_before_anything_is_read(asked, capsys):
    for flags, message in ((("--grid", "x=1"), "--grid 'x=1': is no setting"), (("--folds", "1"), "--folds must be"),
                           (("--head-width", "0"), "--head-width must be")):
        assert crossval.run(["--data", "d", "--run", "r", *flags]) == 2
        assert message in capsys.readouterr().err
    assert not asked


def test_one_by_one_with_a_strategy(asked):
    assert crossval.run(["--data", "d", "--run", "r", "--strategy", "mirrored"]) == 0
    assert asked[1][1]["workers"] == 1


@pytest.mark.parametrize("grid, run", [([], "r"), (["--grid", "head-width=1,2"], "r/grid/x")])
def test_it_ends_with_a_report(asked, capsys, monkeypatch, grid, run):
    written = []
    monkeypatch.setattr(report, "write_report", lambda run: written.append(run) or "there/report.html")
    assert crossval.run(["--data", "d", "--run", "r", *grid]) == 0
    assert written == [run] and capsys.readouterr().out.endswith("\nreport     there/report.html\n")
    assert crossval.run(["--data", "d", "--run", "r", *grid, "--json"]) == 0
    json.loads(capsys.readouterr().out)


def test_a_report_that_cannot_be_written_is_a_note(asked, capsys, monkeypatch):
    def fails(run):
        raise OSError("No space left on device")

    monkeypatch.setattr(report, "write_report", fails)
    assert crossval.run(["--data", "d", "--run", "r"]) == 0
    told = capsys.readouterr()
    assert told.err.endswith("note: no report (No space left on device)\n") and "report " not in told.out
