import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.inspection.anchor_reach import GAIN, best_overlaps, score, shares, sizes_to_try, suggest


def slow_best(box, height, width, size, ratios, stride, offset):
    """Every anchor of the grid, one by one."""
    best = 0.0
    for row in range(-(-height // stride)):
        for column in range(-(-width // stride)):
            for ratio in ratios:
                x, y, w, h = offset + stride * column, offset + stride * row, size / ratio**0.5, size * ratio**0.5
                left, top, right, bottom = x - w / 2, y - h / 2, x + w / 2, y + h / 2
                if left < 0 or top < 0 or right > width or bottom > height:
                    continue
                across = max(0.0, min(right, box[2]) - max(left, box[0]))
                down = max(0.0, min(bottom, box[3]) - max(top, box[1]))
                union = w * h + (box[2] - box[0]) * (box[3] - box[1]) - across * down
                best = max(best, across * down / union)
    return best


@settings(derandomize=True, deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), stride=st.sampled_from([8, 16, 32]), offset=st.sampled_from([0.5, 7.5, 15.5]))
def test_equals_every_anchor_of_the_grid(seed, stride, offset):
    random = np.random.default_rng(seed)
    count, sizes, ratios = int(random.integers(0, 4)), (12.0, 33.0, 90.0), (0.5, 1.0, 2.3)
    image_sizes = random.integers(20, 160, (count, 2))
    corners = np.sort(random.uniform(0, 1, (count, 2, 2)), axis=1) * image_sizes[:, None, ::-1]
    boxes = corners.reshape(-1, 4)  # x1, y1, x2, y2
    found = best_overlaps(boxes, image_sizes, sizes, ratios, stride, offset)
    expected = [[slow_best(box, *size, s, ratios, stride, offset) for s in sizes]
                for box, size in zip(boxes, image_sizes.tolist(), strict=True)]
    np.testing.assert_allclose(found, np.reshape(expected, (count, 3)), atol=1e-5)


@pytest.mark.parametrize(("box", "expected"), [
    # centre 26; the nearest cell's centre is 24, its anchor 8..40: 30 x 30 shared
    ((10, 10, 42, 42), 900 / (1024 + 1024 - 900)),
    # centre 16; cell 0's anchor would begin at -8, cell 1's is 8..40: 24 x 24 shared
    ((0, 0, 32, 32), 576 / (1024 + 1024 - 576)),
    # x as the first, y as the second
    ((10, 0, 42, 32), 30 * 24 / (1024 + 1024 - 30 * 24)),
    # the last cell's anchor would end at 72 of 64: the one before, 24..56, shares 10 x 10
    ((46, 46, 64, 64), 100 / (1024 + 324 - 100)),
])
def test_by_hand(box, expected):
    found = best_overlaps(np.array([box]), np.array([[64, 64]]), (32,), (1.0,), 16, 8.0)
    assert found.shape == (1, 1) and found[0, 0] == pytest.approx(expected, rel=1e-6)


def test_anchor_larger_than_the_image_reaches_nothing():
    found = best_overlaps(np.array([[0, 0, 64, 64]]), np.array([[64, 64]]), (128.0, 32.0), (1.0,), 16, 8.0)
    assert found[0, 0] == 0 and found[0, 1] > 0


def test_many_objects_are_the_same_as_one_by_one():
    random = np.random.default_rng(0)
    corners = random.uniform(0, 200, (150, 2))
    boxes = np.concatenate([corners, corners + random.uniform(5, 90, (150, 2))], axis=1)
    image_sizes = random.integers(300, 400, (150, 2))
    together = best_overlaps(boxes, image_sizes, (16, 48), (0.5, 2.0), 16, 15.5)
    alone = [best_overlaps(boxes[i:i + 1], image_sizes[i:i + 1], (16, 48), (0.5, 2.0), 16, 15.5)[0] for i in range(150)]
    np.testing.assert_allclose(together, alone, rtol=1e-6)


def test_shares():
    best = np.array([0.5, 0.49, 0.7, 0.9], np.float32)  # 0.7 in float32 is a little less than in float64
    found = shares(best, np.array([1, 1, 3, 3]), 3)
    np.testing.assert_array_equal(found, [[0.5, 0.0], [np.nan, np.nan], [1.0, 1.0]])


def test_score_weighs_a_class_by_the_root_of_its_objects():
    best, labels = np.array([0.9] * 9 + [0.0]), np.array([1] * 9 + [3])
    assert score(best, labels) == pytest.approx(3 / 4)


def test_sizes_to_try_surround_the_objects():
    tried = sizes_to_try(np.full(50, 100.0), (32.0, 60.0))
    assert tried == [32.0, 60.0, 91.0, 128.0]  # 64 says nothing beside 60; half octaves from 71 to 141
    assert sizes_to_try(np.array([10.0, 500.0]), (64.0,))[0] <= 11


def table(rows, objects=100):
    """Best IoU (G, S) of classes of `objects` objects: rows has one IoU a size for each class."""
    return np.repeat(np.array(rows, np.float32), objects, axis=0), np.repeat(np.arange(len(rows)) + 1, objects)


def test_suggestion_adds_what_helps_and_drops_what_does_not():
    best, labels = table([[0.8, 0.3, 0.1, 0.0], [0.1, 0.2, 0.8, 0.0]])
    assert suggest(best, [16.0, 32.0, 64.0, 256.0], [32.0, 64.0, 256.0], labels) == [16.0, 64.0]


def test_no_suggestion_where_nothing_helps():
    best, labels = table([[0.8, 0.9, 0.0], [0.0, 0.2, 0.8]])
    assert suggest(best, [16.0, 32.0, 64.0], [32.0, 64.0], labels) == [32.0, 64.0]


def test_a_size_must_be_worth_its_cost():
    for extra, wanted in ((1, [32.0]), (4, [16.0, 32.0])):  # objects of 100 that 16 alone reaches
        best = np.array([[0.9, 0.0]] * extra + [[0.0, 0.9]] * (100 - extra), np.float32)
        assert (extra / 100 >= GAIN) == (len(wanted) == 2)
        assert suggest(best, [16.0, 32.0], [32.0], np.ones(100, int)) == wanted


def test_suggestion_has_at_most_two_sizes_more():
    best, labels = table(np.eye(6) * 0.9)
    assert len(suggest(best, [8.0, 16.0, 32.0, 64.0, 128.0, 256.0], [32.0], labels)) == 3
