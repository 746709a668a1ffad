"""The records of a detector: their JSON, what they refuse, and that each number is used where it says."""

import dataclasses
import inspect
import json
import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.errors import InputError
from frcnn_keras.models.settings import (
    Detecting,
    DetectorSettings,
    Geometry,
    LevelPooling,
    Pooling,
    Preparing,
    Proposing,
)
from frcnn_keras.ops import postprocessing, proposals, pyramid
from frcnn_keras.ops.images import NORMALISATIONS
from frcnn_keras.settings import options
from frcnn_keras.settings.detector import DetectionConfig, HeadConfig, ProposalConfig
from tests.bright_pictures import bright
from tests.detectors import change

GEOMETRY = Geometry((8.0, 16.0), (4.0, 8.0), ((16.0,), (32.0,)), (0.5, 2.0))
PREPARING = Preparing(600, 1000, "torch", 32)
PROPOSING = Proposing(60, 20)

sizes = st.integers(1, 4000)
numbers = st.floats(1, 1e4)
ratios = st.floats(0.01, 100)
shares = st.floats(0, 1)


@st.composite
def geometries(draw):
    levels, each = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    many = st.lists(numbers, min_size=levels, max_size=levels).map(tuple)
    level = st.lists(numbers, min_size=each, max_size=each).map(tuple)
    return Geometry(draw(many), draw(many), tuple(draw(level) for _ in range(levels)),
                    tuple(draw(st.lists(ratios, min_size=1, max_size=3))), draw(st.booleans()),
                    draw(st.sampled_from(pyramid.STRIDE_RULES)))


level_poolings = st.builds(LevelPooling, st.none() | st.integers(1, 5), st.floats(0, 2))
detectors = st.builds(
    DetectorSettings, geometries(),
    st.builds(Preparing, sizes, sizes, st.sampled_from(list(NORMALISATIONS)), sizes, st.booleans()),
    st.builds(Proposing, sizes, sizes, shares, st.floats(0, 9), shares),
    st.builds(Pooling, st.none() | st.integers(1, 5), st.floats(0, 2), st.sampled_from(["align", "pool"]),
              st.integers(1, 14)),
    st.builds(Detecting, shares, shares, sizes, st.floats(0, 9),
              st.none() | st.lists(st.integers(1, 90), min_size=1).map(tuple), st.tuples(*[ratios] * 4),
              st.tuples(*[st.floats(-9, 9)] * 4)))


@settings(deadline=None)
@given(detectors)
def test_json_both_ways(wanted):
    stored = json.loads(json.dumps(wanted.to_dict()))
    assert options.from_dict(DetectorSettings, stored) == wanted
    assert stored == options.to_dict(wanted)


@settings(deadline=None)
@given(level_poolings)
def test_json_of_what_a_manifest_holds_alone(wanted):
    assert options.from_dict(LevelPooling, json.loads(json.dumps(options.to_dict(wanted)))) == wanted


@pytest.mark.parametrize("record, change, message", [
    (GEOMETRY, {"strides": (8.0,)}, "must be one a level"),
    (GEOMETRY, {"offsets": (4.0,)}, "must be one a level"),
    (GEOMETRY, {"anchor_sizes": ((16.0,),)}, "must be one a level"),
    (GEOMETRY, {"strides": (), "offsets": (), "anchor_sizes": ()}, "must be one a level"),
    (GEOMETRY, {"strides": (8.0, 0.0)}, "strides must be 1 to 16 numbers, each more than 0 and at most 32768"),
    (GEOMETRY, {"strides": (8.0, math.inf)}, "strides must be 1 to 16 numbers, each more than 0 and at most 32768"),
    (GEOMETRY, {"strides": (8.0, math.nan)}, "strides must be 1 to 16 numbers, each more than 0 and at most 32768"),
    (GEOMETRY, {"offsets": (4.0, math.nan)}, "offsets must be 1 to 16 numbers, each -32768 to 32768"),
    (GEOMETRY, {"offsets": (4.0, -math.inf)}, "offsets must be 1 to 16 numbers, each -32768 to 32768"),
    (GEOMETRY, {"anchor_sizes": ((16.0,), (32.0, 64.0))}, "as many anchor sizes"),
    (GEOMETRY, {"anchor_sizes": ((), ())}, "as many anchor sizes"),
    (GEOMETRY, {"anchor_sizes": ((16.0,), (-32.0,))}, "anchor_sizes of a level must be .*each 1 to 32768"),
    (GEOMETRY, {"anchor_ratios": ()}, "anchor_ratios must be 1 to 64 numbers, each 0.01 to 100"),
    (GEOMETRY, {"anchor_ratios": (0.0,)}, "anchor_ratios must be 1 to 64 numbers, each 0.01 to 100"),
    (GEOMETRY, {"anchor_ratios": (math.nan,)}, "anchor_ratios must be 1 to 64 numbers, each 0.01 to 100"),
    (GEOMETRY, {"stride_rule": "guessed"}, "stride_rule must be one of given, quotient, fraction. Received: guessed"),
    (PREPARING, {"shorter": 0}, "must be 1 to 32768"), (PREPARING, {"longer": -1}, "must be 1 to 32768"),
    (PREPARING, {"pad_multiple": 0}, "must be 1 to 32768"),
    (PREPARING, {"preprocessing": "grey"}, "preprocessing must be one of .* Received: grey"),
    (PROPOSING, {"before": 0}, "before must be 1 to 1000000"), (PROPOSING, {"after": 0}, "after must be 1 to 100000"),
    (PROPOSING, {"iou_threshold": 1.01}, "iou_threshold must be 0 to 1; received: 1.01"),
    (PROPOSING, {"iou_threshold": math.nan}, "iou_threshold must be 0 to 1"),
    (Pooling(), {"op": "max"}, "op must be align or pool. Received: max"), (Pooling(), {"size": 0}, "size must be"),
    (PROPOSING, {"min_size": -1.0}, "min_size must be 0 to 32768"),
    (PROPOSING, {"score_threshold": math.nan}, "score_threshold must be 0 to 1"),
    (Pooling(), {"levels": 0}, "levels must be 1 to 16"), (LevelPooling(), {"levels": 0}, "levels must be 1 to"),
    (Pooling(), {"min_cells": -1.0}, "min_cells must be 0 to"),
    (LevelPooling(), {"min_cells": math.nan}, "min_cells must be 0 to"),
    (Detecting(), {"score_threshold": 5.0}, "score_threshold must be 0 to 1; received: 5.0"),
    (Detecting(), {"min_size": math.inf}, "min_size must be 0 to 32768"),
    (Detecting(), {"limit": 0}, "limit must be 1 to 100000"), (Detecting(), {"iou_threshold": -0.1}, "0 to 1"),
    (PREPARING, {"shorter": 10**9}, "must be 1 to 32768"), (PREPARING, {"longer": 100.5}, "whole numbers"),
    (PROPOSING, {"after": 10**9}, "after must be 1 to 100000"), (Pooling(), {"size": 10**6}, "size must be 1 to 64"),
    (Detecting(), {"limit": 2**70}, "limit must be"), (Detecting(), {"classes": (0,)}, "classes must be"),
    (GEOMETRY, {"anchor_ratios": (1e300,)}, "anchor_ratios must be"), (Detecting(), {"limit": True}, "limit must be"),
    (Detecting(), {"small_area": 9.0}, "small_area and small_threshold go together"),
    (Detecting(), {"small_threshold": 0.3}, "small_area and small_threshold go together"),
    (Detecting(), {"small_area": -1.0, "small_threshold": 0.3}, "small_area must be 0 to 1073741824"),
    (Detecting(), {"small_area": 9.0, "small_threshold": 1.5}, "small_threshold must be 0 to 1"),
    (Detecting(), {"scales": (0.1, 0.1, 0.2)}, "scales must be 4 numbers, each more than 0"),
    (Detecting(), {"means": (0.1, 0.1, 0.2)}, "means must be 4 numbers, each -1000 to 1000"),
    (Detecting(), {"scales": (0.1, 0.1, 0.2, 0.0)}, "scales must be 4 numbers, each more than 0")])
def test_what_makes_no_sense_is_refused_where_it_is_made(record, change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(record, **change)


def test_proposing_of_settings():
    assert Proposing.of(ProposalConfig(50, 10, 0.6, 2.0)) == Proposing(50, 10, 0.6, 2.0)


def test_detecting_of_settings():
    head = HeadConfig(delta_scales=(0.2, 0.3, 0.4, 0.5), delta_means=(0.01, -0.02, 0.0, 0.1))
    found = Detecting.of(DetectionConfig(score_threshold=0.3, nms=0.45, limit=7), head)
    assert found == Detecting(0.3, 0.45, 7, scales=(0.2, 0.3, 0.4, 0.5), means=(0.01, -0.02, 0.0, 0.1))


def test_what_users_may_choose_of_detecting():
    own = Detecting(0.3, 0.6, 7, min_size=2.0)
    assert own.changed(None, None, None) == own
    each = dataclasses.replace(own, class_thresholds=(0.2, 0.4))
    assert each.changed(None, 0.5, None) == dataclasses.replace(each, iou_threshold=0.5)
    assert each.changed(0.3, None, None) == own  # one for all in place of each class's
    assert (own.thresholds, each.thresholds) == ((0.3,), (0.2, 0.4))
    assert options.from_dict(Detecting, json.loads(json.dumps(options.to_dict(each)))) == each
    assert "class_thresholds" not in options.to_dict(own)
    with pytest.raises(ValueError, match="class_thresholds must be .* each 0 to 1"):
        dataclasses.replace(own, class_thresholds=(0.2, 1.4))
    small = dataclasses.replace(each, small_area=1024.0, small_threshold=0.6)
    assert small.changed(0.3, None, None) == own and small.changed(None, None, 7) == small
    assert (own.every_threshold, small.thresholds, small.every_threshold) == ((0.3,), (0.2, 0.4), (0.2, 0.4, 0.6))
    assert options.from_dict(Detecting, json.loads(json.dumps(options.to_dict(small)))) == small
    assert not {"small_area", "small_threshold"} & options.to_dict(each).keys()
    assert own.changed(0.0, 0.5, 3) == dataclasses.replace(own, score_threshold=0.0, iou_threshold=0.5, limit=3)


@pytest.mark.parametrize("numbers, message", [
    ((5.0, None, None), "^--score-threshold must be 0 to 1; received: 5.0$"),
    ((None, -0.5, None), "^--nms must be 0 to 1; received: -0.5$"),
    ((None, None, 0), "^--max-detections must be 1 to 100000; received: 0$")])
def test_users_are_told_the_flag(numbers, message):
    with pytest.raises(InputError, match=message):
        Detecting().changed(*numbers)


@pytest.mark.parametrize("size, wanted", [
    ((480, 640), (600, 800)), ((100, 400), (250, 1000)), ((640, 480), (800, 600))])
def test_resized_sizes_by_hand(size, wanted):
    assert PREPARING.size(*size) == wanted


@pytest.mark.parametrize("record, function, others", [
    (GEOMETRY, pyramid.level_anchors, {"shapes", "size"}),
    (PROPOSING, proposals.propose, {"logits", "deltas", "anchors", "height", "width", "suppress"}),
    (Pooling(), pyramid.pool_regions, {"maps", "regions", "strides", "offsets"}),
    (Detecting(), postprocessing.detect,
     {"class_scores", "deltas", "regions", "valid", "height", "width", "original", "suppress"})])
def test_keywords_are_all_that_their_function_takes_beside_arrays(record, function, others):
    keywords = record.keywords()
    assert keywords == {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    parameters = inspect.signature(function).parameters
    assert set(keywords) | others == set(parameters)
    for field in dataclasses.fields(record):  # where both have a default it is the same
        own, theirs = field.default, parameters[field.name].default
        assert own == theirs or own is dataclasses.MISSING or theirs is inspect.Parameter.empty


def detected(detecting):
    """What is found of three sure regions of 40 x 40 and 20 x 20 pixels, the first two the same; of two classes."""
    regions = tf.constant([[10, 10, 50, 50], [10, 10, 50, 50], [60, 60, 80, 80]], tf.float32)
    scores = tf.constant([[0.1, 0.5, 0.4], [0.2, 0.3, 0.5], [0.1, 0.8, 0.1]])
    deltas = tf.tile(tf.constant([1.0, 0.0, 0.0, 0.0]), [9])
    found = postprocessing.detect(scores, tf.reshape(deltas, (3, 3, 4)), regions, tf.ones(3, tf.bool), 100, 100,
                                  **detecting.keywords())
    return [(int(label), round(float(score), 3), np.round(box, 2).tolist()) for box, score, label, valid in
            zip(*(part.numpy() for part in found), strict=True) if valid]


ALL = [(1, 0.8, [62, 60, 82, 80]), (1, 0.5, [14, 10, 54, 50]), (2, 0.5, [14, 10, 54, 50]), (2, 0.1, [62, 60, 82, 80])]


@pytest.mark.parametrize("change, wanted", [
    ({}, ALL), ({"score_threshold": 0.2}, ALL[:3]), ({"limit": 2}, ALL[:2]), ({"min_size": 30.0}, ALL[1:3]),
    ({"iou_threshold": 1.0}, [*ALL[:3], (2, 0.4, ALL[1][2]), (1, 0.3, ALL[1][2]), ALL[3]]),
    ({"means": (-0.1, 0.0, 0.0, 0.0)}, [(label, score, [box[0] - side / 10, box[1], box[2] - side / 10, box[3]])
                                        for (label, score, box), side in zip(ALL, (20, 40, 40, 20), strict=True)]),
    ({"class_thresholds": (0.6, 0.3)}, [ALL[0], ALL[2]]),
    # boxes of 400 and 1600 pixels
    ({"small_area": 401.0, "small_threshold": 0.6}, ALL[:3]), ({"small_area": 400.0, "small_threshold": 0.6}, ALL),
    ({"small_area": 401.0, "small_threshold": 0.05, "score_threshold": 0.45}, ALL),
    ({"small_area": 1601.0, "small_threshold": 0.6}, ALL[:1]),
    ({"classes": (2,)}, [(1, 0.5, ALL[1][2]), (1, 0.1, ALL[0][2])]),
    ({"scales": (0.5, 0.1, 0.2, 0.2)}, [(label, score, [box[0] + 0.4 * side, box[1], box[2] + 0.4 * side, box[3]])
                                        for (label, score, box), side in zip(ALL, (20, 40, 40, 20), strict=True)])])
def test_each_setting_of_detecting_changes_what_it_says(change, wanted):
    assert sorted(detected(Detecting(**change))) == sorted(wanted)


@pytest.mark.parametrize("scales, box", [
    ((0.1, 0.1, 0.2, 0.2), [39.2, 18.4, 71.2, 50.4]), ((0.2, 0.1, 0.2, 0.2), [42.4, 18.4, 74.4, 50.4]),
    ((0.1, 0.4, 0.2, 0.2), [39.2, 13.6, 71.2, 45.6])])
def test_a_detector_decodes_in_its_own_units(hand_detector, scales, box):
    """Anchor 36, 20, 68, 52 in the image of twice the size; the head says dx 1, dy -0.5: 32 pixels times the scale."""
    change(hand_detector, "detecting", scales=scales)
    found = hand_detector.detect_image(bright(48, 64, 16, 24))
    np.testing.assert_allclose(found.boxes[0], np.array(box) / 2, atol=1e-4)


@pytest.mark.parametrize("area, found", [(255.9, True), (256.1, False)])
def test_a_detector_tells_small_boxes_in_the_pixels_of_the_image_that_it_is_given(hand_detector, area, found):
    """32 x 32 pixels in the image of twice the size, 16 x 16 in the given one."""
    change(hand_detector, "detecting", small_area=area, small_threshold=1.0)
    assert hand_detector.detect_image(bright(48, 64, 16, 24)).valid.numpy().any() == found


def test_each_image_of_a_batch_has_its_own_size(hand_detector):
    change(hand_detector, "detecting", small_area=257.0, small_threshold=1.0)
    images, size = hand_detector.prepare_image(bright(48, 64, 16, 24))
    originals = tf.constant([[48, 64], [96, 128], [480, 640]])
    found = hand_detector(tf.tile(images, (3, 1, 1, 1)), tf.tile(size[None], (3, 1)), originals=originals)
    assert found.valid.numpy().any(axis=1).tolist() == [False, True, True]
