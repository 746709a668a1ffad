import pytest

from frcnn_keras.training.epoch_line import epoch_line

RPN = {"loss": 0.0834, "objectness_loss": 0.05234, "box_loss": 0.0311, "recall@100/0.5": 0.9, "recall@100/0.7": 0.7,
       "recall@300/0.5": 0.9912, "recall@300/0.7": 0.874, "recall@1000/0.5": 0.999}
JOINT = {"loss": 1.0, "objectness_loss": 0.052, "proposal_box_loss": 0.031, "class_loss": 0.134, "box_loss": 0.0911,
         "AP": 0.5712, "AP50": 0.905}


@pytest.mark.parametrize("title, numbers, line", [
    ("rpn", RPN, "rpn 2/4: objectness 0.052  box 0.031  recall@300 0.991/0.874 (.5/.7)  0:12"),
    ("rcnn", {"loss": 0.3, "class_loss": 0.1, "box_loss": 0.2}, "rcnn 2/4: class 0.100  box 0.200  0:12"),
    ("rcnn", {"class_loss": 0.1, "AP": float("nan"), "AP50": 0.5}, "rcnn 2/4: class 0.100  AP nan  AP50 0.500  0:12"),
    ("joint", JOINT, "joint 2/4: objectness 0.052  proposals 0.031  class 0.134  box 0.091  AP 0.571  AP50 0.905  "
                     "0:12")])
def test_an_epochs_line(title, numbers, line):
    assert epoch_line(title, 2, 4, numbers, 12.3) == line


def test_the_trainers_lines_fit_into_80_columns():
    assert len(epoch_line("rpn", 10, 12, RPN, 3599)) <= 80
    assert len(epoch_line("rcnn", 10, 12, {"class_loss": 1.0, "box_loss": 1.0, "AP": 1.0, "AP50": 1.0}, 3599)) <= 80
