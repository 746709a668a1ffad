"""The numbers of cv.json by hand."""

import math

import numpy as np
import pytest

from frcnn_keras.crossval.held_out import HeldOut
from frcnn_keras.crossval.results import Found, format_results, summarise
from frcnn_keras.data.example import Example
from frcnn_keras.evaluation.metrics import evaluate_detections
from frcnn_keras.evaluation.reached import NAMES, Reached
from frcnn_keras.runs.detections import Detections
from frcnn_keras.runs.scoring import Scores, with_intervals

BOX = [[10, 10, 50, 50]]


def image(id, label, score, reached):
    """An image with one object, found exactly where `score` is not 0."""
    none = np.zeros(1, bool)
    example = Example(id, id, bytes, 100, 100, np.array(BOX, np.float32), np.array([label], np.int32), none, none)
    kept = slice(0, 1 if score else 0)
    found = Detections.of(np.array(BOX, np.float32)[kept], np.array([score], np.float32)[kept],
                          np.array([label], np.int32)[kept], ("a", "b"))
    counts = np.zeros((3, len(NAMES)), int)
    counts[1, 0] = reached  # 40 x 40 pixels are medium
    return example, HeldOut(found, Reached(np.array([0, 1, 0]), counts))


@pytest.fixture
def found():
    """Fold 1 finds both of its objects, fold 2 one of two, and its class b has none."""
    pairs = [image("1", 1, 0.9, 1), image("2", 1, 0.0, 0), image("3", 2, 0.8, 1), image("4", 1, 0.7, 1)]
    return Found([pair[0] for pair in pairs], [pair[1] for pair in pairs], np.array([1, 2, 1, 2]), ("a", "b"))


@pytest.fixture
def results(found):
    detections = tuple(one.detections for one in found.held_out)
    dataset = type("Data", (), {"examples": found.examples, "class_names": found.class_names})
    scores = with_intervals(Scores(detections, evaluate_detections(found.examples, detections, ("a", "b"))), dataset)
    return summarise(found, scores.metrics)


def test_means_deviations_and_all_together(results):
    """Precision is 1 up to the recall that is reached: of 101 recalls 51 up to a half, 67 up to two thirds."""
    a = results["per_class"]["a"]
    assert [fold["AP"] for fold in results["folds"]] == pytest.approx([1.0, 51 / 101])
    assert a["AP"]["mean"] == pytest.approx((1 + 51 / 101) / 2)
    assert a["AP"]["std"] == pytest.approx((1 - 51 / 101) / math.sqrt(2))
    assert a["AP"]["pooled"] == pytest.approx(67 / 101) and a["objects"] == 3
    b = results["per_class"]["b"]["AP50"]
    assert b["mean"] == b["pooled"] == b["low"] == b["high"] == pytest.approx(1) and math.isnan(b["std"])
    assert results["AP"]["pooled"] == pytest.approx((67 / 101 + 1) / 2)
    recall = results["recall"]["recall@100/0.5"]
    assert (recall["mean"], recall["pooled"]) == (0.75, 0.75) and recall["low"] < 0.75 <= recall["high"]
    assert results["recall_by_size"]["medium"]["recall@100/0.5"] == recall
    assert results["recall_by_size"]["medium"]["objects"] == 4 and results["recall"]["recall@300/0.7"]["pooled"] == 0
    small = results["recall_by_size"]["small"]
    assert small["objects"] == 0 and math.isnan(small["recall@100/0.5"]["pooled"]) and len(small) == 1 + len(NAMES)
    assert results["images"] == 4 and [fold["images"] for fold in results["folds"]] == [2, 2]


def test_the_table(results):
    lines = format_results(results).splitlines()
    assert lines[0] == "4 images in 2 folds, each found by a detector that never saw it"
    assert [line.split()[0] for line in lines[3:7]] == ["AP", "AP50", "AP75", "AR100"]
    assert "b AP50" in lines[10] and lines[10].split()[2:5] == ["1.000", "-", "1.000"]
    assert len(lines) == 15
    timed = format_results({**results, "seconds": {"RPN": 9.6, "head of a very long name": 100, "other": 0.4}})
    assert timed.splitlines()[15:] == ["", "110 s: head of a very long name 100, RPN 10, other 0"]

