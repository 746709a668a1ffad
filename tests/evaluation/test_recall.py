import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.evaluation.recall import proposal_recall


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


OBJECT, ELSEWHERE = [0, 0, 10, 10], [50, 50, 60, 60]
HALF, MOST = [0, 0, 10, 5], [0, 0, 10, 8]  # IoU .5 and .8 with OBJECT


def test_by_hand():
    # Image 1: reached at .5 by the first proposal, at .7 by the second only. Image 2: one of two objects, by the first.
    recall = proposal_recall(
        [boxes(HALF, MOST), boxes(OBJECT)],
        [boxes(OBJECT), boxes(OBJECT, ELSEWHERE)],
        counts=(1, 2),
        thresholds=(0.5, 0.7),
    )
    assert recall == {
        "recall@1/0.5": pytest.approx(2 / 3), "recall@1/0.7": pytest.approx(1 / 3),
        "recall@2/0.5": pytest.approx(2 / 3), "recall@2/0.7": pytest.approx(2 / 3),
    }  # fmt: skip


def test_the_first_proposals_are_looked_at():
    for proposals, reached in ((boxes(OBJECT, ELSEWHERE, ELSEWHERE), 1.0), (boxes(ELSEWHERE, ELSEWHERE, OBJECT), 0.0)):
        recall = proposal_recall([proposals], [boxes(OBJECT)], counts=(1, 2), thresholds=(0.5,))
        assert recall == {"recall@1/0.5": reached, "recall@2/0.5": reached}


def test_default_keys():
    keys = proposal_recall([boxes(OBJECT)], [boxes(OBJECT)])
    assert set(keys) == {f"recall@{n}/{t}" for n in (100, 300, 1000) for t in (0.5, 0.7)}
    assert set(keys.values()) == {1.0}


def test_ignored_objects_do_not_count():
    recall = proposal_recall([boxes(OBJECT)], [boxes(OBJECT, ELSEWHERE)], [np.array([False, True])], (10,), (0.5,))
    assert recall == {"recall@10/0.5": 1.0}


def test_nothing_to_reach_is_nan_and_no_proposals_reach_nothing():
    empty = boxes()
    assert math.isnan(proposal_recall([boxes(OBJECT)], [empty], counts=(10,), thresholds=(0.5,))["recall@10/0.5"])
    assert math.isnan(proposal_recall([], [], counts=(10,), thresholds=(0.5,))["recall@10/0.5"])
    assert proposal_recall([empty], [boxes(OBJECT)], counts=(10,), thresholds=(0.5,)) == {"recall@10/0.5": 0.0}


def test_lists_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="1 of proposals, 2 of boxes"):
        proposal_recall([boxes()], [boxes(), boxes()])


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6))
def test_equals_a_loop(seed):
    rng = np.random.default_rng(seed)

    def draw(count):
        corner = rng.integers(0, 10, (count, 2))
        return np.concatenate([corner, corner + rng.integers(1, 10, (count, 2))], axis=1).astype(np.float32)

    images = [(draw(rng.integers(0, 12)), draw(rng.integers(0, 5))) for _ in range(3)]
    ignored = [rng.random(len(objects)) < 0.2 for _, objects in images]
    got = proposal_recall([p for p, _ in images], [b for _, b in images], ignored, (1, 5, 50), (0.25, 0.5))
    for count in (1, 5, 50):
        for threshold in (0.25, 0.5):
            reached = []
            for (proposals, objects), skipped in zip(images, ignored):
                for box, skip in zip(objects, skipped):
                    if not skip:
                        reached.append(any(overlap(p, box) >= threshold for p in proposals[:count]))
            value = got[f"recall@{count}/{threshold}"]
            assert value == pytest.approx(np.mean(reached)) if reached else math.isnan(value)


def overlap(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
