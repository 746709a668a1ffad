import numpy as np
import pytest

from data_prep.minibatches import draw_seeds, minibatch_function
from frcnn_keras.models.settings import Geometry
from frcnn_keras.settings.learning import AnchorSamplingConfig

HEIGHT, WIDTH = 60, 76  # padded to 64 x 80
SHAPES = [(8, 10), (4, 5)]
GEOMETRY = Geometry((8.0, 16.0), (4.0, 8.0), ((16.0,), (32.0,)), (0.5, 2.0))
BOXES = np.array([[10, 10, 30, 28], [40, 20, 75, 52], [0, 39, 21.5, 60]], np.float32)
IGNORED = np.array([False, False, True])


def anchors_by_loop():
    """Every anchor of both levels, in order level, y, x, ratio."""
    found = []
    for (rows, columns), stride, (size,) in zip(SHAPES, GEOMETRY.strides, GEOMETRY.anchor_sizes, strict=True):
        for y in range(rows):
            for x in range(columns):
                for ratio in GEOMETRY.anchor_ratios:
                    width, height = size / ratio**0.5, size * ratio**0.5
                    cx, cy = stride / 2 + stride * x, stride / 2 + stride * y
                    found.append((cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2))
    return found


def overlap(a, b):
    return max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)


def area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def labels_by_loop(anchors, positive, negative):
    """(label, object) of each anchor: 1, 0 or -1."""
    within = [a[0] >= 0 and a[1] >= 0 and a[2] <= WIDTH and a[3] <= HEIGHT for a in anchors]
    trains = [box for box, ignored in zip(BOXES.tolist(), IGNORED, strict=True) if not ignored]
    ious = [[overlap(a, box) / (area(a) + area(box) - overlap(a, box)) if here else 0.0 for box in trains]
            for a, here in zip(anchors, within, strict=True)]
    best = [max(column) for column in zip(*ious, strict=True)]
    found = []
    for anchor, here, row in zip(anchors, within, ious, strict=True):
        if not here:
            found.append((-1, 0))
        elif max(row) >= positive or any(value > 0 and abs(value - top) < 1e-6 for value, top in zip(row, best)):
            found.append((1, row.index(max(row))))
        elif any(overlap(anchor, box) >= 0.5 * area(anchor) for box in BOXES[IGNORED].tolist()):
            found.append((-1, 0))
        else:
            found.append((0 if max(row) < negative else -1, 0))
    return found


def deltas_by_hand(anchor, box):
    width, height = anchor[2] - anchor[0], anchor[3] - anchor[1]
    return [((box[0] + box[2]) - (anchor[0] + anchor[2])) / 2 / width,
            ((box[1] + box[3]) - (anchor[1] + anchor[3])) / 2 / height,
            np.log((box[2] - box[0]) / width), np.log((box[3] - box[1]) / height)]


def draw(settings, seeds=((0, 1), (0, 2), (0, 3)), boxes=BOXES, ignored=IGNORED):
    function = minibatch_function(GEOMETRY, settings)
    return [part.numpy() for part in function(boxes, ignored, np.int32([HEIGHT, WIDTH]), np.int32(SHAPES),
                                              np.int32(seeds))]


@pytest.mark.parametrize("settings", [
    AnchorSamplingConfig(0.6, 0.3, 20, 0.5), AnchorSamplingConfig(0.4, 0.1, 12, 0.25)])
def test_minibatches_by_a_slow_loop(settings):
    anchors = anchors_by_loop()
    wanted = labels_by_loop(anchors, settings.positive, settings.negative)
    positives = sum(label == 1 for label, _ in wanted)
    indices, labels, deltas, reached = draw(settings)
    assert indices.shape == labels.shape == (3, settings.count) and reached.tolist() == [True] * 3
    for chosen, kinds, moves in zip(indices, labels, deltas, strict=True):
        assert kinds.tolist() == [wanted[index][0] for index in chosen] and len(set(chosen.tolist())) == len(chosen)
        assert sum(kinds == 1) == min(positives, int(settings.count * settings.positive_fraction)) > 0
        for index, kind, move in zip(chosen, kinds, moves, strict=True):
            box = BOXES[wanted[index][1]]
            np.testing.assert_allclose(move, deltas_by_hand(anchors[index], box) if kind == 1 else 0, atol=1e-5)
    assert not np.array_equal(indices[0], indices[1])


def test_too_few_anchors_are_filled_up():
    usable = sum(label >= 0 for label, _ in labels_by_loop(anchors_by_loop(), 0.7, 0.3))
    _, labels, deltas, _ = draw(AnchorSamplingConfig(count=400))
    assert (labels >= 0).sum(axis=1).tolist() == [usable] * 3 and not deltas[labels < 1].any()


def test_what_fills_up_has_no_label_though_the_first_anchor_has_one():
    """Four anchors of 4 x 4 on 16 x 16 pixels, all inside: the six that fill up point at the first."""
    geometry = Geometry((8.0,), (4.0,), ((4.0,),), (1.0,))
    function = minibatch_function(geometry, AnchorSamplingConfig(count=10))
    indices, labels, _, _ = function(np.float32([[2, 2, 6, 6]]), np.array([False]), np.int32([16, 16]),
                                     np.int32([(2, 2)]), np.int32([(0, 1)]))
    assert indices[0, 0] == 0 and sorted(indices[0, :4].numpy()) == [0, 1, 2, 3] and not indices[0, 4:].numpy().any()
    assert labels[0].numpy().tolist() == [1, 0, 0, 0] + [-1] * 6


def test_an_objects_best_anchor_is_positive_where_it_is_asked_for():
    for best, some in ((True, True), (False, False)):
        settings = AnchorSamplingConfig(positive=0.99, negative=0.1, best_anchor=best)
        _, labels, _, reached = draw(settings, boxes=BOXES[:2], ignored=np.zeros(2, bool))
        assert (labels == 1).any() == some and reached.tolist() == [some, some]


def test_an_object_that_no_anchor_reaches():
    boxes = np.array([[10, 10, 30, 28], [74, 0, 76, 2]], np.float32)
    anchors = [a for a in anchors_by_loop() if a[0] >= 0 and a[1] >= 0 and a[2] <= WIDTH and a[3] <= HEIGHT]
    assert not any(overlap(anchor, boxes[1]) for anchor in anchors)
    assert draw(AnchorSamplingConfig(), boxes=boxes, ignored=np.zeros(2, bool))[3].tolist() == [True, False]


def test_an_image_without_objects_is_all_background():
    _, labels, deltas, reached = draw(AnchorSamplingConfig(count=20), boxes=np.zeros((0, 4), np.float32),
                                      ignored=np.zeros(0, bool))
    assert not labels.any() and not deltas.any() and reached.shape == (0,)


def test_a_draw_depends_on_its_seed_alone():
    settings = AnchorSamplingConfig(count=20)
    all_three, one = draw(settings)[0], draw(settings, [(0, 2)])[0]
    assert np.array_equal(all_three[1], one[0])


def test_seeds_depend_on_nothing_but_seed_image_mirror_and_draw():
    seeds = draw_seeds(3, "a", False, 4)
    assert seeds.shape == (4, 2) and seeds.dtype == np.int32 and len(set(seeds[:, 1].tolist())) == 4
    assert np.array_equal(draw_seeds(3, "a", False, 2), seeds[:2])
    others = [draw_seeds(4, "a", False, 4), draw_seeds(3, "b", False, 4), draw_seeds(3, "a", True, 4)]
    assert all(not np.any(other[:, 1] == seeds[:, 1]) for other in others)
    assert np.all(draw_seeds(2**40 + 7, 12345, True, 3) >= 0)  # as large as it likes
