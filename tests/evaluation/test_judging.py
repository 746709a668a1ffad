"""Every decision beside pycocotools', image by image."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from frcnn_keras.evaluation.coco import coco_ground_truth, coco_results, image_ids_of
from frcnn_keras.evaluation.judging import LEFT_OUT, RIGHT, THRESHOLDS, WRONG, judge, match
from frcnn_keras.runs.evaluated import Detected, EvaluatedImage
from tests.evaluation.detected_images import detected_images

CLASSES = ["a", "b", "c"]


def by_pycocotools(examples, detections):
    """{(image's place, label): [(score, outcomes at ten thresholds), ...]}, and {the same: objects that count}."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = coco_ground_truth(examples, "", CLASSES, (1, 2, 3))
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(coco_results(examples, detections, (1, 2, 3))), "bbox")
        evaluation.evaluate()
    found, objects = {}, {}
    place_of = {id: place for place, id in enumerate(image_ids_of(examples))}
    for entry in evaluation.evalImgs:
        if entry and entry["aRng"] == [0, 1e10]:
            key = place_of[entry["image_id"]], entry["category_id"]
            outcomes = np.where(entry["dtIgnore"], LEFT_OUT, np.where(entry["dtMatches"] > 0, RIGHT, WRONG))
            found[key] = list(zip(entry["dtScores"], outcomes.T.tolist(), strict=True))
            objects[key] = sum(not flag for flag in entry["gtIgnore"])
    return found, objects


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("ties, numbers", [(False, False), (True, True)])
def test_as_pycocotools_decides(seed, ties, numbers):
    examples, detections = detected_images(seed, 15, ties=ties, numbers=numbers)
    wanted, objects = by_pycocotools(examples, detections)
    assert any(LEFT_OUT in outcomes for found in wanted.values() for _, outcomes in found)
    assert any(RIGHT in outcomes and WRONG in outcomes for found in wanted.values() for _, outcomes in found)
    for label, judged in enumerate(judge(examples, detections, 3), 1):
        for place in range(15):
            own = judged.images == place
            pairs = list(zip(judged.scores[own], judged.outcomes[:, own].T.tolist(), strict=True))
            assert pairs == wanted.get((place, label), [])
            assert judged.objects[place] == objects.get((place, label), 0)
        ids = np.array(image_ids_of(examples))[judged.images]
        assert np.lexsort((ids, -judged.scores)).tolist() == list(range(len(ids)))  # best first, then by id


def test_thresholds_are_cocos():
    assert THRESHOLDS.tolist() == COCOeval(iouType="bbox").params.iouThrs.tolist()


def test_an_object_is_taken_once_and_an_ignored_one_by_any_number():
    overlaps = np.array([[0.72, 0.9], [0.8, 0.0], [0.0, 0.6]])
    found = match(overlaps, np.array([False, True]))
    assert found.outcomes[0].tolist() == [RIGHT, WRONG, LEFT_OUT] and found.objects[0].tolist() == [0, -1, -1]
    assert found.outcomes[5].tolist() == [LEFT_OUT, RIGHT, WRONG] and found.objects[5].tolist() == [-1, 0, -1]  # .75
    nothing = match(overlaps[:, :0], np.zeros(0, bool))
    assert nothing.outcomes.tolist() == [[WRONG] * 3] * 10 and nothing.objects.tolist() == [[-1] * 3] * 10


def test_right_and_wrong_ones_by_hand():
    boxes = [(0, 0, 40, 40), (100, 0, 140, 40), (0, 50, 40, 90)]
    first = EvaluatedImage(
        1, 1, "", 200, 100, 1, np.arange(3), np.array(boxes, float), np.array([1, 1, 2]), np.zeros(3, bool), Detected(
            np.array([(0, 0, 40, 40), (0, 0, 40, 39), (100, 0, 140, 40), (100, 0, 140, 18)], float),
            np.array([0.6, 0.9, 0.5, 0.8]), np.array([1, 1, 2, 1])))
    second = EvaluatedImage(2, 2, "", 200, 100, 1, np.arange(1), np.array(boxes[:1], float), np.array([1]),
                            np.ones(1, bool), Detected(np.array(boxes[:1], float), np.array([0.7]), np.array([1])))
    cat, dog, cow = judge((first, second), (first.detected, second.detected), 3)
    # 0.9 has the first cat, 0.6 comes too late, 0.8 has an IoU of 0.45; 0.7 lies in one that is ignored
    assert cat.scores.tolist() == [0.9, 0.8, 0.7, 0.6] and cat.outcomes[0].tolist() == [RIGHT, WRONG, LEFT_OUT, WRONG]
    assert cat.objects.tolist() == [2, 0] and cat.images.tolist() == [0, 0, 1, 0]
    assert dog.scores.tolist() == [0.5] and dog.outcomes[0].tolist() == [WRONG] and dog.objects.tolist() == [1, 0]
    assert len(cow.scores) == 0 and cow.objects.sum() == 0


def test_as_many_detections_as_examples():
    with pytest.raises(ValueError, match="as many.*12 examples, 11 detections"):
        examples, detections = detected_images(0)
        judge(examples, detections[1:], 3)
