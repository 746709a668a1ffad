import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.data.example import Example
from frcnn_keras.evaluation.voc import (
    average_precision_11_point,
    average_precision_area,
    precision_recall,
    voc_metrics,
)


def example(boxes, labels, difficult=None, crowd=None):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    none = np.zeros(len(boxes), bool)
    return Example(
        id="a", file="a.xml", read=bytes, height=100, width=100, boxes=boxes, labels=np.array(labels, np.int32),
        difficult=none if difficult is None else np.array(difficult, bool),
        crowd=none if crowd is None else np.array(crowd, bool),
    )  # fmt: skip


def found(boxes, scores, labels):
    return SimpleNamespace(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array(scores, np.float32),
        labels=np.array(labels, np.int32),
    )


# Objects of class 1: P, Q, R (image 1; R is difficult) and S, T (image 2): 4 that count.
P, Q, R = [0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]
S, T = [0, 0, 10, 10], [50, 50, 60, 60]
BY_HAND_EXAMPLES = [example([P, Q, R], [1, 1, 1], difficult=[0, 0, 1]), example([S, T], [1, 1])]
BY_HAND_DETECTIONS = [
    # .9: P exactly.  .8: P again, a duplicate.  .75: R, difficult, does not count.  .7: R again, does not count either.
    # .6: 8 of Q's 10 columns, IoU 80/100.
    found([P, [0, 1, 10, 10], R, R, [20, 0, 28, 10]], [0.9, 0.8, 0.75, 0.7, 0.6], [1, 1, 1, 1, 1]),
    # .85: half of S, IoU 50/100 = .5, which does not exceed .5.  .5: nothing there.  .4: T, IoU 90/100.
    found([[0, 0, 5, 10], [80, 80, 90, 90], [50, 50, 60, 59]], [0.85, 0.5, 0.4], [1, 1, 1]),
]


def test_by_hand():
    # score   .9     .85    .8     .6     .5     .4         4 objects
    # right   yes    no     no     yes    no     yes
    # prec.   1/1    1/2    1/3    2/4    2/5    3/6
    # recall  1/4    1/4    1/4    2/4    2/4    3/4
    (curve,) = precision_recall(BY_HAND_EXAMPLES, BY_HAND_DETECTIONS, 1)
    np.testing.assert_allclose(curve.scores, [0.9, 0.85, 0.8, 0.6, 0.5, 0.4], rtol=1e-6)
    np.testing.assert_allclose(curve.precision, [1, 1 / 2, 1 / 3, 1 / 2, 2 / 5, 1 / 2])
    np.testing.assert_allclose(curve.recall, [1 / 4, 1 / 4, 1 / 4, 1 / 2, 1 / 2, 3 / 4])
    assert curve.objects == 4
    # Eleven points: at recalls 0, .1, .2 the best precision is 1; at .3, .4, .5 and at .6, .7 it is 1/2; above none.
    assert average_precision_11_point(curve) == pytest.approx((3 * 1 + 5 * 1 / 2 + 3 * 0) / 11)
    # Area: recall 0 to 1/4 at precision 1, 1/4 to 1/2 at 1/2, 1/2 to 3/4 at 1/2.
    assert average_precision_area(curve) == pytest.approx(1 / 4 * 1 + 1 / 4 * 1 / 2 + 1 / 4 * 1 / 2)


def test_best_object_is_taken_not_a_free_one():
    # Both detections overlap A most; the second is a duplicate although it also overlaps B by 6.5/13.5 > .4.
    a, b = [0, 0, 10, 1], [3, 0, 13, 1]
    detections = [found([a, [0.5, 0, 10.5, 1]], [0.9, 0.8], [1, 1])]
    (curve,) = precision_recall([example([a, b], [1, 1])], detections, 1, iou_threshold=0.4)
    np.testing.assert_allclose(curve.precision, [1, 1 / 2])


@pytest.mark.parametrize("kind", ["difficult", "crowd"])
def test_ignored_objects_neither_count_nor_cost(kind):
    examples = [example([P, Q], [1, 1], **{kind: [1, 0]})]
    metrics = voc_metrics(examples, [found([P, P, Q], [0.9, 0.8, 0.7], [1, 1, 1])], ["cell"])
    assert metrics["voc10"]["mAP"] == 1.0
    assert metrics["voc07"]["mAP"] == 1.0


def test_recall_of_three_in_ten_reaches_the_point_at_three_tenths():
    objects = [[20 * i, 0, 20 * i + 10, 10] for i in range(10)]
    metrics = voc_metrics([example(objects, [1] * 10)], [found(objects[:3], [0.9, 0.8, 0.7], [1] * 3)], ["cell"])
    assert metrics["voc07"]["mAP"] == pytest.approx(4 / 11)  # recalls 0, .1, .2, .3
    assert metrics["voc10"]["mAP"] == pytest.approx(3 / 10)


def test_class_without_objects_is_nan_and_out_of_the_mean():
    examples = [example([P, Q], [1, 2], difficult=[0, 1]), example([], [])]
    detections = [found([P, Q, Q], [0.9, 0.8, 0.7], [1, 2, 3]), found([P], [0.1], [1])]
    metrics = voc_metrics(examples, detections, ["a", "b", "c"])
    for year in ("voc07", "voc10"):
        assert metrics[year]["mAP"] == 1.0
        assert metrics[year]["per_class"]["a"] == 1.0
        assert math.isnan(metrics[year]["per_class"]["b"])
        assert math.isnan(metrics[year]["per_class"]["c"])


def test_nothing_found_is_zero_and_nothing_to_find_is_nan():
    nothing = found([], [], [])
    assert voc_metrics([example([P], [1])], [nothing], ["a"])["voc10"]["mAP"] == 0.0
    assert voc_metrics([example([P], [1])], [nothing], ["a"])["voc07"]["mAP"] == 0.0
    assert math.isnan(voc_metrics([example([], [])], [nothing], ["a"])["voc10"]["mAP"])
    assert math.isnan(voc_metrics([], [], ["a"])["voc07"]["mAP"])


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="1 examples, 0 detections"):
        voc_metrics([example([P], [1])], [], ["a"])
    with pytest.raises(ValueError, match="must be 1 to 1. Received: 1 to 2"):
        voc_metrics([example([P], [1])], [found([P, P], [0.5, 0.5], [1, 2])], ["a"])
    with pytest.raises(ValueError, match="Received: 0 to 0"):
        voc_metrics([example([P], [1])], [found([P], [0.5], [0])], ["a"])


# The oracle: one detection at a time, one object at a time, in plain Python.


def slow_iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def slow_judgements(examples, detections, label, threshold):
    """[(right?, ...)] of the counting detections by falling score, and the number of counting objects."""
    rows = [
        (float(score), image, [float(x) for x in box])
        for image, d in enumerate(detections)
        for box, score, its_label in zip(d.boxes, d.scores, d.labels)
        if its_label == label
    ]
    rows.sort(key=lambda row: -row[0])  # stable
    taken, right = set(), []
    for _, image, box in rows:
        best, best_object = -1.0, None
        for i, (other, its_label) in enumerate(zip(examples[image].boxes, examples[image].labels)):
            overlap = slow_iou(box, [float(x) for x in other])
            if its_label == label and overlap > best:
                best, best_object = overlap, i
        if best > threshold:
            if examples[image].difficult[best_object] or examples[image].crowd[best_object]:
                continue
            right.append((image, best_object) not in taken)
            taken.add((image, best_object))
        else:
            right.append(False)
    objects = sum(
        1 for e in examples for i in range(len(e.labels))
        if e.labels[i] == label and not e.difficult[i] and not e.crowd[i]
    )  # fmt: skip
    return right, objects


def slow_11_point(right, objects):
    total = 0.0
    for tenth in range(11):
        best, true = 0.0, 0
        for i, good in enumerate(right):
            true += good
            if 10 * true >= tenth * objects:
                best = max(best, true / (i + 1))
        total += best / 11
    return total


def slow_area(right, objects):
    """Each object found is one step of 1/objects, at the best precision from there on."""
    total = 0.0
    for i, good in enumerate(right):
        if good:
            total += max(sum(right[: j + 1]) / (j + 1) for j in range(i, len(right))) / objects
    return total


def random_case(seed, tied):
    rng = np.random.default_rng(seed)
    examples, detections = [], []
    for _ in range(rng.integers(0, 5)):
        g, m = rng.integers(0, 7), rng.integers(0, 15)
        corners = rng.integers(0, 12, (g, 2))
        objects = np.concatenate([corners, corners + rng.integers(1, 9, (g, 2))], axis=1)
        ignored = rng.random((2, g)) < 0.15
        examples.append(example(objects, rng.integers(1, 4, g), ignored[0], ignored[1]))
        boxes = np.concatenate([rng.integers(0, 8, (m, 2)), rng.integers(8, 20, (m, 2))], axis=1)
        if g:  # most near an object
            near = objects[rng.integers(0, g, m)] + rng.integers(0, 2, (m, 4))
            boxes = np.where(rng.random((m, 1)) < 0.7, near, boxes)
        detections.append(found(boxes, rng.random(m).round(1 if tied else 9), rng.integers(1, 4, m)))
    return examples, detections


@settings(max_examples=50, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), tied=st.booleans(), threshold=st.sampled_from([0.5, 0.75]))
def test_equals_the_slow_oracle(seed, tied, threshold):
    examples, detections = random_case(seed, tied)
    names = ["a", "b", "c"]
    metrics = voc_metrics(examples, detections, names, threshold)
    defined = []
    for label, name in enumerate(names, start=1):
        right, objects = slow_judgements(examples, detections, label, threshold)
        got07, got10 = (metrics[year]["per_class"][name] for year in ("voc07", "voc10"))
        if objects == 0:
            assert math.isnan(got07) and math.isnan(got10)
            continue
        assert got07 == pytest.approx(slow_11_point(right, objects), abs=1e-12)
        assert got10 == pytest.approx(slow_area(right, objects), abs=1e-12)
        defined.append((got07, got10))
    if defined:
        assert metrics["voc07"]["mAP"] == pytest.approx(np.mean([d[0] for d in defined]))
        assert metrics["voc10"]["mAP"] == pytest.approx(np.mean([d[1] for d in defined]))
