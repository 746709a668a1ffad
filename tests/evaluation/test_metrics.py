import json
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from frcnn_keras.data.example import Example
from frcnn_keras.evaluation.metrics import evaluate_detections, format_table
from frcnn_keras.files import write_json

BOX, OTHER = [0, 0, 20, 20], [50, 50, 90, 90]


def example(boxes, labels, difficult):
    return Example(
        id="a", file="a.xml", read=bytes, height=100, width=100, boxes=np.array(boxes, np.float32).reshape(-1, 4),
        labels=np.array(labels, np.int32), difficult=np.array(difficult, bool), crowd=np.zeros(len(labels), bool),
    )  # fmt: skip


def found(boxes, scores, labels):
    return SimpleNamespace(
        boxes=np.array(boxes, np.float32).reshape(-1, 4), scores=np.array(scores, np.float32), labels=np.array(labels)
    )


@pytest.fixture
def metrics():
    examples = [example([BOX, OTHER], [1, 1], [0, 0]), example([BOX], [2], [1]), example([], [], [])]
    # One of class 1's two objects, exactly; nothing of class 2, whose one object is difficult.
    return evaluate_detections(examples, [found([BOX], [0.9], [1]), found([], [], []), found([], [], [])], ["RBC", "Ω"])


def test_all_numbers_together(metrics):
    assert metrics["images"] == 3
    assert set(metrics["coco"]) >= {"AP", "AP50", "AP75", "AR1", "AR10", "AR100", "AP_small", "AR_large"}
    assert metrics["coco"]["AR100"] == pytest.approx(1 / 2)
    assert metrics["coco"]["AP"] == pytest.approx(51 / 101)  # precision 1 at the recalls 0, .01, ... .5 of 101
    assert metrics["voc07"] == {"mAP": pytest.approx(6 / 11)}  # at 0, .1, ... .5 of eleven
    assert metrics["voc10"] == {"mAP": pytest.approx(1 / 2)}
    assert metrics["per_class"]["RBC"] == {
        "AP": pytest.approx(51 / 101), "AP50": pytest.approx(51 / 101), "voc07": pytest.approx(6 / 11),
        "voc10": pytest.approx(1 / 2), "objects": 2,
    }  # fmt: skip
    assert metrics["per_class"]["Ω"]["objects"] == 0
    assert math.isnan(metrics["per_class"]["Ω"]["AP"]) and math.isnan(metrics["per_class"]["Ω"]["voc07"])


def test_table(metrics):
    head, voc, blank, columns, first, second = format_table(metrics).splitlines()
    assert head.startswith("3 images") and "AP50 0.505" in head and max(len(head), len(voc)) <= 80
    assert voc.startswith(" " * len("3 images   ")) and "VOC07 mAP 0.545" in voc and blank == ""
    assert columns.split() == ["class", "objects", "AP", "AP50", "voc07", "voc10"]
    assert first.split() == ["RBC", "2", "0.505", "0.505", "0.545", "0.500"]
    assert second.split() == ["Ω", "0", "-", "-", "-", "-"]
    assert len(columns) == len(first) == len(second)


def test_json_has_null_for_undefined(metrics, tmp_path):
    path = tmp_path / "metrics.json"
    write_json(path, metrics)
    read = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert read["per_class"]["Ω"]["AP"] is None
    assert read["per_class"]["RBC"]["objects"] == 2
    assert read["coco"]["AP"] == metrics["coco"]["AP"]
    assert os.listdir(tmp_path) == ["metrics.json"]


def test_writing_files_does_not_start_tensorflow():
    code = "import sys, frcnn_keras.pictures.drawing, frcnn_keras.pictures.plots; print('tensorflow' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_table_has_intervals_and_a_comparison_where_they_are():
    metrics = evaluate_detections([example([BOX], [1], [False])], [found([BOX], [0.9], [1])], ["cell"])
    plain = format_table(metrics)
    ends, nothing = {"low": 0.25, "high": 1.0}, {"low": math.nan, "high": math.nan}
    metrics["interval"] = {"coco": {"AP": ends}, "per_class": {"cell": {"AP50": nothing}}, "draws": 70, "share": 0.9}
    metrics["comparison"] = {"run": "work/b", "coco": {"AP": {"difference": -0.05, "low": -0.1, "high": 0.0,
                                                              "better": 0.125}},
                             "per_class": {}, "draws": 70, "share": 0.9}
    lines = format_table(metrics).splitlines()
    assert "\n".join(lines[:5]) == plain
    assert lines[6:] == ["90 % intervals of 70 draws of the images:", "all classes  AP      1.000   0.250 to 1.000",
                         "cell         AP50    1.000   - to -", "",
                         "less work/b on the same images (90 % intervals of 70 draws):",
                         "all classes  AP     -0.050   -0.100 to +0.000   better in 12 % of draws"]
