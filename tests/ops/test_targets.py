import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.ops.anchors import base_anchors, grid_anchors
from frcnn_keras.ops.targets import anchor_targets, region_targets

HEIGHT, WIDTH = 90, 120


def random_boxes(rng, count):
    corner = rng.uniform(0, [WIDTH - 10, HEIGHT - 10], (count, 2))
    far = np.minimum(corner + rng.uniform(5, 60, (count, 2)), [WIDTH, HEIGHT])
    return np.concatenate([corner, far], 1).astype(np.float32)


def shared_area(a, b):
    return max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)


def area(a):
    return (a[2] - a[0]) * (a[3] - a[1])


def iou(a, b):
    shared = shared_area(a, b)
    return shared / (area(a) + area(b) - shared)


def deltas(box, anchor, scales=(1, 1, 1, 1)):
    width, height = anchor[2] - anchor[0], anchor[3] - anchor[1]
    moved = [(box[0] + box[2] - anchor[0] - anchor[2]) / 2 / width,
             (box[1] + box[3] - anchor[1] - anchor[3]) / 2 / height,
             np.log((box[2] - box[0]) / width), np.log((box[3] - box[1]) / height)]
    return np.array(moved) / scales


def covered(anchor, boxes, ignored):
    return any(shared_area(anchor, box) >= 0.5 * area(anchor) for box, skip in zip(boxes, ignored) if skip)


def anchor_targets_by_loop(anchors, boxes, ignored, keep_outside):
    part = [keep_outside or (a[0] >= 0 and a[1] >= 0 and a[2] <= WIDTH and a[3] <= HEIGHT) for a in anchors]
    overlaps = np.array([[iou(a, b) for b in boxes] for a in anchors]).reshape(len(anchors), len(boxes))
    best = {g: max([overlaps[a, g] for a in range(len(anchors)) if part[a]], default=0)
            for g in range(len(boxes)) if not ignored[g]}
    labels, targets = np.full(len(anchors), -1), np.zeros((len(anchors), 4))
    for a in range(len(anchors)):
        if not part[a]:
            continue
        own = max(best, key=lambda g: overlaps[a, g], default=None)
        highest = overlaps[a, own] if best else 0
        if highest >= 0.7 or any(best[g] > 0 and overlaps[a, g] >= best[g] * (1 - 1e-5) for g in best):
            labels[a], targets[a] = 1, deltas(boxes[own], anchors[a])
        elif highest < 0.3 and not covered(anchors[a], boxes, ignored):
            labels[a] = 0
    reached = [any(part[a] and overlaps[a, g] > 0 for a in range(len(anchors))) for g in range(len(boxes))]
    return labels, targets, reached


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(0, 5), st.booleans())
def test_anchor_targets_equal_a_loop(seed, objects, keep_outside):
    rng = np.random.default_rng(seed)
    anchors = grid_anchors(base_anchors((20, 45), (0.6, 1.3)), 5, 7, 17.3, 8.1).numpy()
    boxes, ignored = random_boxes(rng, objects), rng.random(objects) < 0.3
    found = [part.numpy() for part in anchor_targets(anchors, boxes, ignored, HEIGHT, WIDTH, keep_outside=keep_outside)]
    labels, targets, reached = anchor_targets_by_loop(anchors.astype(float), boxes.astype(float), ignored, keep_outside)
    np.testing.assert_array_equal(found[0], labels)
    np.testing.assert_allclose(found[1], targets, atol=1e-5)
    np.testing.assert_array_equal(found[2], reached)
    assert found[0].dtype == np.int32 and found[1].dtype == np.float32


def test_anchors_by_hand():
    anchors = np.array([[0, 0, 20, 20], [2, 0, 22, 20], [50, 50, 70, 70], [10, 0, 30, 20], [-1, 0, 20, 20]], np.float32)
    labels, found, reached = anchor_targets(anchors, [[0.0, 0, 20, 20]], [False], HEIGHT, WIDTH)
    # IoU 1, 360 / 440, 0, 200 / 600, and outside the image
    assert labels.numpy().tolist() == [1, 1, 0, -1, -1] and reached.numpy().tolist() == [True]
    np.testing.assert_allclose(found, [[0, 0, 0, 0], [-0.1, 0, 0, 0], *[[0] * 4] * 3], atol=1e-6)


def test_best_anchor_outside_leaves_the_best_inside():
    anchors = np.array([[-2, 0, 18, 20], [8, 0, 28, 20]], np.float32)
    boxes, ignored = [[0.0, 0, 20, 20]], [False]
    assert anchor_targets(anchors, boxes, ignored, HEIGHT, WIDTH)[0].numpy().tolist() == [-1, 1]
    kept = anchor_targets(anchors, boxes, ignored, HEIGHT, WIDTH, keep_outside=True)[0].numpy().tolist()
    assert kept == [1, -1]  # 18 / 22 and 12 / 28


def test_ties_do_not_depend_on_rounding():
    # an object that lies inside several equal anchors overlaps them all alike; in float32 their widths differ
    anchors = grid_anchors(base_anchors((45.3,), (0.7,)), 4, 60, 16, 8.1)
    boxes, ignored = np.array([[600, 28, 612, 36]], np.float32), [False]
    labels = anchor_targets(anchors, boxes, ignored, 64, 960)[0].numpy()
    contains = [a[0] <= 600 and a[1] <= 28 and a[2] >= 612 and a[3] >= 36 and a[1] >= 0 and a[3] <= 64
                for a in anchors.numpy()]
    assert sum(contains) > 2 and (labels == 1).tolist() == contains


def test_crowds_take_anchors_out_of_the_background():
    anchors = np.array([[0, 0, 10, 10], [35, 0, 45, 10], [36, 0, 46, 10], [100, 0, 110, 10]], np.float32)
    crowd = [[0.0, 0, 40, 40]]
    assert anchor_targets(anchors, crowd, [True], HEIGHT, WIDTH)[0].numpy().tolist() == [-1, -1, 0, 0]
    with_object = [*crowd, [0.0, 0, 10, 10]]
    assert anchor_targets(anchors, with_object, [True, False], HEIGHT, WIDTH)[0].numpy().tolist() == [1, -1, 0, 0]


def test_image_without_objects_or_without_anchors():
    anchors = np.array([[0, 0, 10, 10], [-5, 0, 10, 10]], np.float32)
    none, nobody = np.zeros((0, 4), np.float32), np.zeros(0, bool)
    labels, found, reached = anchor_targets(anchors, none, nobody, HEIGHT, WIDTH)
    assert labels.numpy().tolist() == [0, -1] and not found.numpy().any() and reached.shape == (0,)
    all_outside = anchor_targets(anchors[1:], [[0.0, 0, 10, 10]], [False], HEIGHT, WIDTH)
    assert all_outside[0].numpy().tolist() == [-1] and all_outside[2].numpy().tolist() == [False]


def draw(proposals, boxes, labels, ignored, seed=(1, 2), valid=None, **settings):
    settings = {"scales": (0.1, 0.1, 0.2, 0.2), **settings}
    valid = np.ones(len(proposals), bool) if valid is None else valid
    return [part.numpy() for part in region_targets(proposals, valid, boxes, labels, ignored, seed, **settings)]


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.integers(0, 2**31 - 1), st.integers(0, 40), st.integers(0, 4),
       st.sampled_from([(0.0,), (0.1,), (0.0, 0.1), (0.05, 0.3), (0.2, 0.5)]))
def test_region_targets_are_what_a_loop_says_of_each(seed, count, objects, background):
    rng = np.random.default_rng(seed)
    boxes, labels, ignored = random_boxes(rng, objects), rng.integers(1, 4, objects), rng.random(objects) < 0.3
    near = np.repeat(boxes, 3, 0) + rng.uniform(-4, 4, (3 * objects, 4)).astype(np.float32)
    proposals = np.concatenate([random_boxes(rng, count), near]).astype(np.float32)
    valid = rng.random(len(proposals)) < 0.9
    regions, classes, found, drawn = draw(proposals, boxes, labels, ignored, (seed, 1), valid, count=16,
                                          background=background)

    candidates = np.concatenate([proposals[valid], boxes[~ignored]]).astype(float)
    counted = [g for g in range(objects) if not ignored[g]]
    expected = {}
    for candidate in candidates:
        own = max(counted, key=lambda g: iou(candidate, boxes[g]), default=None)
        best = iou(candidate, boxes[own]) if counted else 0
        if best >= 0.5:
            expected[candidate.tobytes()] = labels[own], deltas(boxes[own], candidate, (0.1, 0.1, 0.2, 0.2))
        elif background[0] <= best < (*background, 0.5)[1] and not covered(candidate, boxes, ignored):
            expected[candidate.tobytes()] = 0, np.zeros(4)
    foreground = sum(label > 0 for label, _ in expected.values())
    taken = min(foreground, 4)
    assert drawn.sum() == min(taken + len(expected) - foreground, 16) and (classes > 0).sum() == taken
    drawn_bytes = [region.astype(float).tobytes() for region in regions[drawn]]
    assert len(set(drawn_bytes)) == len(drawn_bytes)
    for region, label, moved in zip(drawn_bytes, classes[drawn], found[drawn]):
        assert label == expected[region][0]
        np.testing.assert_allclose(moved, expected[region][1], atol=1e-3)
    assert not regions[~drawn].any() and not classes[~drawn].any() and not found[~drawn].any()


def test_objects_are_added_to_the_proposals():
    boxes = np.array([[10, 10, 40, 40], [50, 50, 90, 80]], np.float32)
    regions, classes, found, drawn = draw(np.zeros((0, 4)), boxes, [2, 1], [False, False], count=8)
    assert sorted(zip(classes[:2].tolist(), regions[:2].tolist())) == [(1, [50, 50, 90, 80]), (2, [10, 10, 40, 40])]
    assert drawn.tolist() == [True] * 2 + [False] * 6 and not found.any()
    assert not classes[2:].any() and not regions[2:].any()


def test_difficult_objects_are_neither_added_nor_background():
    boxes = np.array([[10, 10, 40, 40]], np.float32)
    proposals = np.array([[10, 10, 40, 40], [60, 60, 80, 80]], np.float32)
    regions, classes, _, drawn = draw(proposals, boxes, [2], [True], count=4)
    assert regions[drawn].tolist() == [[60, 60, 80, 80]] and classes.tolist() == [0] * 4


def test_difficult_object_on_top_of_another_is_not_added_as_its_region():
    """It has an IoU of 0.8 with the one that counts, enough for foreground."""
    boxes = np.array([[10, 10, 40, 40], [10, 10, 40, 34]], np.float32)
    regions, classes, _, drawn = draw(np.zeros((0, 4)), boxes, [1, 2], [False, True], count=4, positive_fraction=1.0)
    assert regions[drawn].tolist() == [[10, 10, 40, 40]] and classes[drawn].tolist() == [1]


def test_image_without_objects_is_all_background():
    none, nobody = np.zeros((0, 4), np.float32), np.zeros(0, bool)
    proposals = random_boxes(np.random.default_rng(0), 20)
    _, classes, found, drawn = draw(proposals, none, np.zeros(0, np.int32), nobody, count=8)
    assert drawn.all() and not classes.any() and not found.any()
    assert not draw(none, none, np.zeros(0, np.int32), nobody, count=8)[3].any()


def test_padding_is_never_drawn():
    proposals = np.array([[0, 0, 30, 30], [0, 0, 0, 0], [0, 0, 0, 0]], np.float32)
    boxes = np.array([[60, 60, 90, 90]], np.float32)
    regions, _, found, drawn = draw(proposals, boxes, [1], [False], valid=np.array([True, False, True]), count=8)
    assert regions[drawn].tolist() == [[60, 60, 90, 90], [0, 0, 30, 30]] and np.isfinite(found).all()


def test_regions_in_a_graph_have_a_fixed_shape():
    spec = [tf.TensorSpec(shape, kind) for shape, kind in (
        ((None, 4), tf.float32), ((None,), tf.bool), ((None, 4), tf.float32), ((None,), tf.int32), ((None,), tf.bool),
        ((2,), tf.int32))]
    graph = tf.function(lambda *inputs: region_targets(*inputs, count=8, scales=(0.1, 0.1, 0.2, 0.2)),
                        input_signature=spec)
    outputs = graph.get_concrete_function().structured_outputs
    assert [output.shape.as_list() for output in outputs] == [[8, 4], [8], [8, 4], [8]]


def test_means_are_subtracted_before_the_units_divide():
    """A region of 20 x 20 whose object lies 4 to the right and is as large: dx 0.2."""
    drawn = draw(np.array([[0, 0, 20, 20]], np.float32), [[4.0, 0, 24, 20]], [2], [False], count=2,
                 positive_fraction=1.0, means=(0.1, -0.3, 0.0, 0.4), scales=(0.1, 0.1, 0.2, 0.2))
    wanted = {(0.0, 0.0, 20.0, 20.0): [(0.2 - 0.1) / 0.1, 3, 0, -2], (4.0, 0.0, 24.0, 20.0): [-1, 3, 0, -2]}
    assert {tuple(region) for region in drawn[0].tolist()} == set(wanted)
    for region, moved in zip(drawn[0].tolist(), drawn[2], strict=True):
        np.testing.assert_allclose(moved, wanted[tuple(region)], atol=1e-5)


def test_thresholds_alone_leave_an_object_without_an_anchor():
    """IoU 0.5 and 0.25 with the object: the best is positive by rule, and neither by the thresholds 0.6 and 0.3."""
    anchors, box = np.array([[0, 0, 10, 10], [0, 0, 5, 10], [40, 40, 50, 50]], np.float32), [[0.0, 0, 20, 10]]
    thresholds = {"positive": 0.6, "negative": 0.3}
    labels, _, reached = anchor_targets(anchors, box, [False], HEIGHT, WIDTH, **thresholds)
    assert labels.numpy().tolist() == [1, 0, 0] and reached.numpy().tolist() == [True]
    labels, moved, reached = anchor_targets(anchors, box, [False], HEIGHT, WIDTH, **thresholds, keep_best=False)
    assert labels.numpy().tolist() == [-1, 0, 0] and reached.numpy().tolist() == [False] and not moved.numpy().any()
