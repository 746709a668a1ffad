"""Draws beside COCO's evaluation of data sets in which images are written down as often as they were drawn."""

import dataclasses

import numpy as np
import pytest
from faster_coco_eval import COCO, COCOeval_faster
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.evaluation.coco import coco_ground_truth, coco_results, image_ids_of
from frcnn_keras.evaluation.judging import judge
from frcnn_keras.evaluation.resampling import _needed, draw_images, resampled
from tests.evaluation.detected_images import detected_images


def slowly(examples, detections, weights):
    """(AP, recall): lists of arrays (10,) of classes 1, 2, 3, by faster-coco-eval on the images, written down."""
    order = np.repeat(np.argsort(image_ids_of(examples), kind="stable"), np.asarray(weights)[
        np.argsort(image_ids_of(examples), kind="stable")])
    drawn = [dataclasses.replace(examples[place], id=f"{number}") for number, place in enumerate(order)]
    found = [detections[place] for place in order]
    truth = COCO(coco_ground_truth(drawn, "", "abc", (1, 2, 3)))
    results = coco_results(drawn, found, (1, 2, 3))
    evaluation = COCOeval_faster(truth, truth.loadRes(results), iouType="bbox", print_function=lambda *_: None)
    evaluation.run()
    precision, recall = evaluation.eval["precision"][:, :, :, 0, -1], evaluation.eval["recall"][:, :, 0, -1]
    undefined = recall == -1
    return (np.where(undefined, np.nan, precision.mean(axis=1)).T, np.where(undefined, np.nan, recall).T)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("ties, numbers", [(False, False), (True, False), (True, True)])
def test_every_draw_is_cocos_score_of_the_drawn_images(seed, ties, numbers):
    examples, detections = detected_images(seed, 8, ties=ties, numbers=numbers)
    weights = draw_images(8, 6, seed)
    ours = [resampled(one, weights) for one in judge(examples, detections, 3)]
    for number, row in enumerate(weights):
        precision, recall = slowly(examples, detections, row)
        np.testing.assert_allclose([one[0][number] for one in ours], precision, atol=1e-12)
        np.testing.assert_allclose([one[1][number] for one in ours], recall, atol=1e-12)


def test_classes_without_objects_in_a_draw_are_undefined():
    examples, detections = detected_images(3, 4, crowds=False)
    labels = [set(example.labels.tolist()) for example in examples]
    place = next(place for place, own in enumerate(labels) if len(own) in (1, 2))
    weights = np.eye(4, dtype=np.int64)[[place]] * 4
    for label, judged in enumerate(judge(examples, detections, 3), 1):
        precision, recall = resampled(judged, weights)
        assert np.isnan(precision).all() == np.isnan(recall).all() == (label not in labels[place])


def test_parts_of_the_draws_are_the_draws(monkeypatch):
    examples, detections = detected_images(1, 10, ties=True)
    weights = draw_images(10, 50, 0)
    judged = judge(examples, detections, 3)[0]
    whole = resampled(judged, weights)
    monkeypatch.setattr("frcnn_keras.evaluation.resampling._CELLS", 300)
    np.testing.assert_array_equal(resampled(judged, weights), whole)


@settings(derandomize=True, deadline=None)
@given(st.integers(1, 10**5))
def test_needed_is_where_the_recall_is_reached(objects):
    recalls = np.linspace(0, 1, 101)
    needed = _needed(np.array([objects]))[0]
    assert (needed / objects >= recalls).all()
    assert ((needed == 0) | ((needed - 1) / objects < recalls)).all()


def test_draws_are_as_many_images_by_the_seed():
    weights = draw_images(20, 300, 7)
    assert weights.shape == (300, 20) and (weights.sum(axis=1) == 20).all()
    assert (weights == draw_images(20, 300, 7)).all() and (weights != draw_images(20, 300, 8)).any()
    assert abs(weights.mean(axis=0) - 1).max() < 5 * np.sqrt(0.95 / 300)  # each image once, in the mean
    assert weights.var() == pytest.approx(0.95, abs=0.05)  # binomial of 20 draws with 1 / 20
