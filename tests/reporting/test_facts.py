import json
import math

import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.reporting.facts import read_facts, scored_flags
from tests.reporting.evaluated_run import write_proposals, write_run, write_training
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
    assert log.title == "First stage (region proposal network)" and log.epochs == (1, 2)
    assert log.columns["loss"] == (.5, .25)
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


def test_the_proposals_of_the_scored_images(run):
    write_training(run)
    assert read_facts(run).recalled_on == "validation images, after the last epoch"
    write_proposals(run)
    facts = read_facts(run)
    assert facts.recall["recall@300/0.5"] == .75 and facts.recalled_on == "images that were scored"
    assert facts.recall_by_size["medium"]["recall@100/0.5"] == 1
    assert math.isnan(facts.recall_by_size["large"]["recall@100/0.5"])
    (run / "cv.json").write_text(json.dumps({
        "recall": {"recall@300/0.5": {"pooled": .9}}, "folds": [],
        "recall_by_size": {"small": {"objects": 3, "recall@300/0.5": {"pooled": .8, "low": .7}}}}))
    facts = read_facts(run)
    assert facts.recall_by_size == {"small": {"objects": 3, "recall@300/0.5": .8}}
    assert facts.recalled_on == "images that each detector did not train on"


def test_evaluated_on_other_images_since(run):
    """Then nothing says which: what train scored on would be wrong."""
    write_training(run)
    metrics = json.loads((run / "evaluation" / "metrics.json").read_text())
    trained = json.loads((run / "train_metrics.json").read_text()) | {"metrics": metrics}
    (run / "train_metrics.json").write_text(json.dumps(trained))
    assert read_facts(run).scored_on == "val" and scored_flags(run)
    metrics["coco"]["AP"] = 0.123
    (run / "evaluation" / "metrics.json").write_text(json.dumps(metrics))
    assert read_facts(run).scored_on == "" and scored_flags(run) == ()


def test_evaluated_into_another_folder(run, tmp_path):
    metrics = json.loads((run / "evaluation" / "metrics.json").read_text())
    metrics["coco"]["AP"] = 0.123
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    assert read_facts(run, tmp_path).metrics["coco"]["AP"] == 0.123


@pytest.mark.parametrize("name, text", [("rpn_log.csv", "epoch,loss\n1,x\n"), ("train.json", "[]"),
                                        ("train_metrics.json", "3"), ("evaluation/metrics.json", "[1]"),
                                        ("evaluation/metrics.json", '{"coco": {"AP": 1}, "per_class": {}}'),
                                        ("evaluation/metrics.json", '{"coco": {"AP": 1, "AP50": 1, "AP75": 1, "AR100": '
                                         '1}, "per_class": {}, "proposals": {"recall": 3}}')])
def test_damage_is_one_line(run, name, text):
    (run / name).write_text(text)
    with pytest.raises(InputError, match="damaged"):
        read_facts(run)
