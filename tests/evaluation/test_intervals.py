"""Intervals beside a slow loop, and beside statistics known by hand."""

import dataclasses
import math
import types

import numpy as np
import pytest

from frcnn_keras.evaluation.coco import coco_metrics
from frcnn_keras.evaluation.intervals import coco_comparison, coco_intervals, interval, share_interval
from frcnn_keras.evaluation.resampling import draw_images
from tests.evaluation.detected_images import detected_images

NAMES = ["a", "b", "c"]


def scores_by_loop(examples, detections, weights):
    """coco_metrics of every draw, its images written down as often as they were drawn."""
    found = []
    for row in weights:
        order = np.repeat(np.arange(len(row)), row)
        drawn = [dataclasses.replace(examples[place], id=str(number)) for number, place in enumerate(order)]
        found.append(coco_metrics(drawn, [detections[place] for place in order], NAMES))
    return found


@pytest.mark.parametrize("ties", [False, True])
def test_intervals_are_the_percentiles_of_a_slow_loop(ties):
    examples, detections = detected_images(5, ties=ties)
    found = coco_intervals(examples, detections, NAMES, draws=60, seed=3)
    slow = scores_by_loop(examples, detections, draw_images(12, 60, 3))
    for name in ("AP", "AP50", "AP75", "AR100"):
        wanted = np.percentile([one[name] for one in slow], [2.5, 97.5])
        assert list(found["coco"][name].values()) == pytest.approx(wanted, abs=1e-9), name
        assert wanted[0] < coco_metrics(examples, detections, NAMES)[name] < wanted[1]
    for label in NAMES:
        for name in ("AP", "AP50"):
            drawn = [one["per_class"][label][name] for one in slow]
            wanted = np.percentile([value for value in drawn if not math.isnan(value)] or [math.nan], [2.5, 97.5])
            assert list(found["per_class"][label][name].values()) == pytest.approx(wanted, abs=1e-9, nan_ok=True)
    assert (found["draws"], found["share"], found["seed"]) == (60, 0.95, 3)


def test_a_class_without_objects_has_no_interval_and_spoils_none():
    examples, detections = detected_images(5)
    found = coco_intervals(examples, detections, [*NAMES, "none"], draws=20)
    assert math.isnan(found["per_class"]["none"]["AP"]["low"])
    assert found["coco"] == coco_intervals(examples, detections, NAMES, draws=20)["coco"]


def test_a_comparison_is_that_of_a_slow_loop():
    examples, ours = detected_images(5)
    theirs = [types.SimpleNamespace(boxes=one.boxes + [0, 0, 4, 0], scores=one.scores, labels=one.labels)
              for one in ours]
    found = coco_comparison(examples, ours, theirs, NAMES, draws=60, seed=3)
    weights = draw_images(12, 60, 3)
    slow = [scores_by_loop(examples, one, weights) for one in (ours, theirs)]
    whole = [coco_metrics(examples, one, NAMES) for one in (ours, theirs)]
    for name in ("AP", "AP75", "AR100"):
        drawn = np.array([first[name] - second[name] for first, second in zip(*slow, strict=True)])
        entry = found["coco"][name]
        assert entry["difference"] == pytest.approx(whole[0][name] - whole[1][name], abs=1e-9)
        assert [entry["low"], entry["high"]] == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=1e-9)
        assert entry["better"] == pytest.approx(np.mean(drawn > 1e-9) + np.mean(abs(drawn) <= 1e-9) / 2)
    other = coco_comparison(examples, theirs, ours, NAMES, draws=60, seed=3)
    assert other["coco"]["AP"]["difference"] == -found["coco"]["AP"]["difference"]
    assert other["coco"]["AP"]["better"] == pytest.approx(1 - found["coco"]["AP"]["better"])
    assert set(found["per_class"]) == set(NAMES) and set(found["per_class"]["a"]) == {"AP", "AP50"}


def test_a_detector_beside_itself_is_neither_better_nor_worse():
    examples, detections = detected_images(2)
    entry = coco_comparison(examples, detections, detections, NAMES, draws=30)["coco"]["AP"]
    assert entry == {"difference": 0, "low": 0, "high": 0, "better": 0.5}


def test_pairing_tells_what_two_intervals_do_not():
    """Hard and easy images move both scores; their difference is the same in all."""
    examples, ours = detected_images(4, 40, crowds=False)
    worse = [dataclasses.replace(example) for example in examples]
    theirs = [types.SimpleNamespace(boxes=one.boxes + [0, 0, 3, 3], scores=one.scores, labels=one.labels)
              for one in ours]
    first, second = (coco_intervals(worse, one, NAMES, draws=200)["coco"]["AP"] for one in (ours, theirs))
    paired = coco_comparison(examples, ours, theirs, NAMES, draws=200)["coco"]["AP"]
    assert first["low"] < second["high"]  # the intervals overlap
    assert paired["low"] > 0 and paired["better"] > 0.97


def test_the_interval_of_a_share_is_the_binomials():
    """200 images of one object each, 120 reached: the deviation of the share is root(.6 * .4 / 200) = .0346."""
    found = share_interval([1] * 120 + [0] * 80, [1] * 200, draws=4000)
    assert found["low"] == pytest.approx(0.6 - 1.96 * 0.0346, abs=0.01)
    assert found["high"] == pytest.approx(0.6 + 1.96 * 0.0346, abs=0.01)
    assert math.isnan(share_interval([0, 0], [0, 0])["low"])


def test_undefined_draws_do_not_count():
    assert interval(np.array([np.nan, 1.0, 2.0, 3.0, np.nan]), 1.0) == {"low": 1.0, "high": 3.0}
    assert interval(np.array([0.0, 1.0, 2.0, 3.0, 4.0]), 0.5) == {"low": 1.0, "high": 3.0}
