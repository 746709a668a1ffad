"""What the audit is measured by: the errors that are put in, the ranking's measures, ObjectLab's formulas."""

from collections import Counter

import numpy as np
import pytest

from benchmarks import objectlab
from benchmarks.audit_errors import judged, measures
from benchmarks.injected_errors import Injected, spoil
from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.evaluation.overlaps import iou
from tests.auditing.by_hand import image

CLEAN = shapes_dataset(150, 5)


def test_the_errors_are_in_the_labels():
    spoilt = spoil(CLEAN, 1)
    objects = sum(len(one.boxes) for one in CLEAN.examples)
    counts = Counter(error.kind for error in spoilt.injected)
    assert counts == {kind: round(share * objects) for kind, share in
                      (("missing", 0.05), ("wrong_class", 0.05), ("shifted", 0.05), ("spurious", 0.02))}
    before = {one.id: one for one in CLEAN.examples}
    after = {one.id: one for one in spoilt.dataset.examples}
    for error in spoilt.injected:
        old, new = before[error.image], after[error.image]
        box = np.array([error.box])
        if error.kind == "missing":
            assert iou(box, old.boxes).max() == 1 and iou(box, new.boxes).max(initial=0) < 1
            continue
        given = np.array([error.given])
        row = int(np.argmax(iou(given, new.boxes)[0]))
        np.testing.assert_allclose(new.boxes[row], error.given)
        if error.kind == "spurious":
            assert iou(given, old.boxes).max(initial=0) <= 0.1 and new.labels[row] == error.label
        elif error.kind == "wrong_class":
            assert new.labels[row] != error.label and error.box == error.given
        else:
            moved = np.abs(new.boxes[row] - error.box) / np.tile(np.subtract(error.box[2:], error.box[:2]), 2)
            assert np.hypot(*moved[:2]) <= 0.3 + 1e-5 and new.labels[row] == error.label
    changed = sum(len(one.boxes) for one in spoilt.dataset.examples) - objects
    assert changed == counts["spurious"] - counts["missing"]


def test_a_seed_says_which():
    assert spoil(CLEAN, 1).injected == spoil(CLEAN, 1).injected != spoil(CLEAN, 2).injected


def test_measures_by_hand():
    # right, wrong, right of three: (1 + 2 / 3) / 3; two of the first three
    assert measures(np.array([True, False, True]), 3) == (pytest.approx((1 + 2 / 3) / 3), pytest.approx(2 / 3))
    assert measures(np.zeros(0, bool), 2) == (0, 0)


def test_each_error_is_found_once():
    errors = [Injected("missing", 1, (0, 0, 10, 10), 1, None), Injected("shifted", 1, (0, 0, 10, 10), 1, None)]
    ranked = [objectlab.Ranked("missing", 2, (0, 0, 10, 10), 1), objectlab.Ranked("missing", 1, (0, 0, 10, 8), 1),
              objectlab.Ranked("missing", 1, (0, 0, 10, 10), 1), objectlab.Ranked("shifted", 1, (0, 0, 10, 10), 1)]
    hits, count = judged(ranked, errors, "missing")
    assert (hits.tolist(), count) == ([False, True, False], 1)


def test_objectlab_by_hand():
    # 200 x 100; 40 x 40 beside its label by 20 pixels: IoU 1 / 3
    one = image([(0, 0, 40, 40, 1)], [(20, 0, 60, 40, 1, 0.96), (0, 0, 40, 40, 2, 0.99)])
    near = 0.9 / 3 + 0.1 * (1 - 20 / np.hypot(200, 100))
    assert objectlab.badly_located(one)[0].score == pytest.approx(1 - near)
    assert objectlab.swapped(one)[0].score == pytest.approx(1)
    first, second = objectlab.overlooked(one)
    assert first.score == pytest.approx(1 - near) and second.score == pytest.approx(1 - 1e-6 * 0.01)
