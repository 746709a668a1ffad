import math

import numpy as np
import pytest

from frcnn_keras.evaluation.reached import NAMES, SIZES, reached, recall_by_size, recall_of, sizes_of
from frcnn_keras.evaluation.recall import proposal_recall


def test_sizes_by_hand():
    edges = [(0, 0, 31.9, 32), (0, 0, 32, 32), (5, 5, 101, 100.9), (0, 0, 96, 96), (0, 0, 0, 5)]
    assert [SIZES[place][0] for place in sizes_of(np.array(edges, float))] == ["small", "medium", "medium", "large",
                                                                               "small"]
    third = np.float32([[10 / 3, 10 / 3, 10 / 3 + 32, 10 / 3 + 32]])  # float32 makes it 1023.9999
    assert sizes_of(third).tolist() == [1]


def test_by_hand():
    """Two small ones, one of which the second proposal reaches by .5, not by .7; a large one that the 101st reaches; a
    medium one that does not count."""
    boxes = np.float32([[0, 0, 20, 20], [300, 300, 310, 310], [0, 0, 200, 200], [50, 50, 100, 100]])
    proposals = np.float32([[400, 400, 500, 500], [0, 0, 20, 12]] + [[400, 400, 500, 500]] * 98 + [[0, 0, 200, 200]])
    found = reached(proposals, boxes, np.array([False, False, False, True]))
    assert found.objects.tolist() == [2, 0, 1]
    assert dict(zip(NAMES, found.reached.T.tolist(), strict=True)) == {
        "recall@100/0.5": [1, 0, 0], "recall@100/0.7": [0, 0, 0], "recall@300/0.5": [1, 0, 1],
        "recall@300/0.7": [0, 0, 1]}
    sizes = recall_by_size([found, found])
    assert sizes["small"] == {"objects": 4, "recall@100/0.5": .5, "recall@100/0.7": 0, "recall@300/0.5": .5,
                              "recall@300/0.7": 0}
    assert sizes["medium"]["objects"] == 0 and math.isnan(sizes["medium"]["recall@300/0.5"])
    assert recall_of([found])["recall@300/0.5"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("seed", range(3))
def test_all_sizes_together_are_the_recall(seed):
    rng = np.random.default_rng(seed)
    images = []
    for _ in range(8):
        corners, sides = rng.uniform(0, 200, (rng.integers(0, 9), 2)), rng.uniform(5, 200, (9, 2))
        boxes = np.concatenate([corners, corners + sides[:len(corners)]], axis=1).astype(np.float32)
        ignored = rng.random(len(boxes)) < 0.2
        near = np.repeat(boxes, 40, axis=0) + rng.normal(0, 12, (40 * len(boxes), 4)).astype(np.float32)
        images.append((rng.permutation(near), boxes, ignored))
    counted = [reached(*one) for one in images]
    wanted = proposal_recall(*map(list, zip(*images, strict=True)), counts=(100, 300))
    assert recall_of(counted) == pytest.approx(wanted)
    for place, (name, low, high) in enumerate(SIZES):
        others = [(areas < low) | (areas >= high) | ignored for _, boxes, ignored in images
                  for areas in [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)]]
        one_size = proposal_recall([one[0] for one in images], [one[1] for one in images], others, (100, 300))
        assert {key: value for key, value in recall_by_size(counted)[name].items() if key != "objects"
                } == pytest.approx(one_size, nan_ok=True)
        assert sum(int(one.objects[place]) for one in counted) == sum(int((~other).sum()) for other in others)


def test_of_nothing():
    none = np.zeros((0, 4), np.float32)
    assert reached(none, none, np.zeros(0, bool)).objects.tolist() == [0, 0, 0]
    assert reached(none, np.float32([[0, 0, 9, 9]]), np.zeros(1, bool)).reached.sum() == 0
    assert all(math.isnan(value) for value in recall_of([]).values())
