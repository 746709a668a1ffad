import dataclasses

import pytest

from frcnn_keras.files import write_json
from frcnn_keras.runs.marks import LAYOUT, MARKS, is_run
from frcnn_keras.training.finetune import FinetuneRequest
from frcnn_keras.training.joint import JointRequest
from frcnn_keras.training.rcnn_stage import RCNNRequest
from frcnn_keras.training.rpn_stage import RPNRequest


@pytest.mark.parametrize("name, request_class", [
    ("rpn.json", RPNRequest), ("rcnn.json", RCNNRequest), ("finetune.json", FinetuneRequest),
    ("joint.json", JointRequest)])
def test_marks_are_what_the_stages_write(name, request_class):
    assert MARKS[name] == ("format", *(field.name for field in dataclasses.fields(request_class)))


@pytest.mark.parametrize("name", MARKS)
def test_each_of_them_makes_a_run(name, tmp_path):
    assert not is_run(tmp_path)
    write_json(tmp_path / name, {"name": "mine", "version": 2, "config": {}})
    assert not is_run(tmp_path)
    write_json(tmp_path / name, dict.fromkeys(MARKS[name], 1))
    assert is_run(tmp_path)


def test_all_that_stages_leave_is_in_the_layout(tiny_run):
    left = [path.relative_to(tiny_run).as_posix() for path in tiny_run.rglob("*") if path.is_file()]
    assert len(left) > 8 and all(map(LAYOUT.owns, left))
    assert not any(map(LAYOUT.owns, ("notes.txt", "photos/rpn.json", "proposals/mine.txt", "evaluation/metrics.json")))
