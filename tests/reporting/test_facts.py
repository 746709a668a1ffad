import json
import math

import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.reporting.facts import read_facts, scored_flags
from tests.reporting.evaluated_run import write_run, write_training
from tests.reporting.pictures_by_hand import drawn_at_random


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "run", drawn_at_random(0, images=3))


def test_a_run_of_train(run):
    write_training(run)
    facts = read_facts(run)
    assert facts.data == ("DIR: Pascal VOC", "3 images") and facts.scored_on == "val"
    assert facts.recall == {"recall@100/0.5": 0.75} and facts.seconds == {"backbone": 30, "RPN": 10}
    assert facts.settings == {"train": (("rpn.fit.epochs", "2"), ("rpn.fit.drops", "0.5, 0.9"))}
    (log,) = facts.logs
    assert log.title == "First stage (region proposal network)" and log.epochs == (1, 2) and log.columns["loss"] == (.5, .25)
    assert scored_flags(run) == ("--voc", "a b", "--split", "val")


def test_an_evaluated_run_alone(run):
    facts = read_facts(run)
    assert facts.data == facts.logs == scored_flags(run) == () and not facts.crossval and not facts.seconds
    assert {"frcnn_keras", "python", "keras", "numpy"} <= dict(facts.versions).keys()


def test_a_crossvalidation(run):
    (run / "cv.json").write_text(json.dumps({
        "AP": {"mean": .5, "std": None}, "recall": {"recall@300/0.5": {"pooled": .9}},
        "folds": [{"fold": 1}, {"fold": 2}], "seconds": {"head": 3}}))
    for fold, losses in ((1, "1,.5\n2,.25\n"), (2, "1,.75\n")):
        (run / "folds" / str(fold)).mkdir(parents=True)
        (run / "folds" / str(fold) / "rcnn_log.csv").write_text("epoch,loss\n" + losses)
    facts = read_facts(run)
    assert facts.recall == {"recall@300/0.5": .9} and facts.seconds == {"head": 3}
    assert math.isnan(facts.crossval["AP"]["std"])
    (log,) = facts.logs
    assert log.columns["loss, fold 1"] == (.5, .25) and math.isnan(log.columns["loss, fold 2"][1])


@pytest.mark.parametrize("name, text", [("rpn_log.csv", "epoch,loss\n1,x\n"), ("train.json", "[]"),
                                        ("train_metrics.json", "3"), ("evaluation/metrics.json", "[1]"),
                                        ("evaluation/metrics.json", '{"coco": {"AP": 1}, "per_class": {}}')])
def test_damage_is_one_line(run, name, text):
    (run / name).write_text(text)
    with pytest.raises(InputError, match="damaged"):
        read_facts(run)
