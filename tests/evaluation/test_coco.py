import contextlib
import dataclasses
import io
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from pycocotools import coco, cocoeval

from frcnn_keras.data.example import Example
from frcnn_keras.evaluation.coco import METRICS, coco_ground_truth, coco_metrics, coco_results, image_ids_of
from tests.work import calls_of


def example(boxes, labels, difficult=None, crowd=None, image_id="a"):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    none = np.zeros(len(boxes), bool)
    return Example(
        id=image_id, file="a.xml", read=bytes, height=400, width=400, boxes=boxes, labels=np.array(labels, np.int32),
        difficult=none if difficult is None else np.array(difficult, bool),
        crowd=none if crowd is None else np.array(crowd, bool),
    )  # fmt: skip


def found(boxes, scores, labels):
    return SimpleNamespace(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array(scores, np.float32),
        labels=np.array(labels, np.int32),
    )


A, B = [0, 0, 20, 20], [100, 100, 150, 150]


def test_one_box_by_hand():
    # IoU 15/20 = .75: right at .50, .55, ... .75, six of the ten thresholds. The object is small (400 < 32 x 32).
    metrics = coco_metrics([example([A], [1])], [found([[0, 0, 20, 15]], [0.9], [1])], ["cell"])
    for name in ("AP", "AP_small", "AR1", "AR10", "AR100", "AR_small"):
        assert metrics[name] == pytest.approx(0.6), name
    assert metrics["AP50"] == metrics["AP75"] == pytest.approx(1.0)
    for name in ("AP_medium", "AP_large", "AR_medium", "AR_large"):
        assert math.isnan(metrics[name]), name
    assert metrics["per_class"]["cell"] == {"AP": pytest.approx(0.6), "AP50": pytest.approx(1.0)}
    assert set(metrics) == {*METRICS, "per_class"}


def test_sizes_and_thresholds_by_hand():
    # 20 x 20 is found exactly, 50 x 50 with an IoU of .6 (right at .50, .55, .60), 120 x 120 not at all
    objects, boxes = [A, B, [200, 200, 320, 320]], [A, [100, 100, 150, 130]]
    metrics = coco_metrics([example(objects, [1, 1, 1])], [found(boxes, [0.9, 0.8], [1, 1])], ["cell"])
    assert [metrics[f"AP_{size}"] for size in ("small", "medium", "large")] == pytest.approx([1.0, 0.3, 0.0])
    assert [metrics[f"AR_{size}"] for size in ("small", "medium", "large")] == pytest.approx([1.0, 0.3, 0.0])
    # precision 1 up to a recall of two thirds, and of a third: at 0, .01, ... .66, and ... .33
    assert [metrics["AP50"], metrics["AP75"]] == pytest.approx([67 / 101, 34 / 101])


@pytest.mark.parametrize("before, recalls", [(0, [1, 1, 1]), (1, [0, 1, 1]), (9, [0, 1, 1]), (10, [0, 0, 1]),
                                             (99, [0, 0, 1]), (100, [0, 0, 0])])
def test_recall_looks_at_1_10_and_100_detections(before, recalls):
    detections = found([[300, 300, 320, 320]] * before + [A], [0.9] * before + [0.1], [1] * (before + 1))
    metrics = coco_metrics([example([A], [1])], [detections], ["cell"])
    assert [metrics[name] for name in ("AR1", "AR10", "AR100")] == recalls


@pytest.mark.parametrize("kind", ["difficult", "crowd"])
def test_ignored_objects_neither_count_nor_cost(kind):
    examples = [example([A, B], [1, 1], **{kind: [1, 0]})]
    metrics = coco_metrics(examples, [found([A, A, B], [0.9, 0.8, 0.7], [1, 1, 1])], ["cell"])
    assert metrics["AP"] == pytest.approx(1.0)
    assert metrics["AR100"] == pytest.approx(1.0)
    # The same boxes cost where nothing is ignored: the better scored duplicate comes before B.
    assert coco_metrics([example([A, B], [1, 1])], [found([A, A, B], [0.9, 0.8, 0.7], [1, 1, 1])], ["cell"])["AP"] < 1


def test_nothing_found():
    metrics = coco_metrics([example([A], [1])], [found([], [], [])], ["cell", "other"])
    assert metrics["AP"] == metrics["AR100"] == 0.0
    assert metrics["per_class"]["cell"] == {"AP": 0.0, "AP50": 0.0}
    assert math.isnan(metrics["per_class"]["other"]["AP"])


def test_images_without_objects():
    empty = example([], [], image_id="b")
    right, wrong = found([A], [0.5], [1]), found([A], [0.9], [1])
    metrics = coco_metrics([example([A], [1]), empty], [right, wrong], ["cell"])
    assert metrics["AP"] == pytest.approx(0.5)  # the false one comes first: precision 1/2
    metrics = coco_metrics([empty], [wrong], ["cell"])
    assert all(math.isnan(metrics[name]) for name in METRICS)
    assert math.isnan(coco_metrics([], [], ["cell"])["AP"])


def test_says_nothing(capfd):
    coco_metrics([example([A], [1])], [found([A], [0.5], [1])], ["cell"])
    assert capfd.readouterr() == ("", "")


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="1 examples, 0 detections"):
        coco_metrics([example([A], [1])], [], ["a"])
    with pytest.raises(ValueError, match="1 to 1. Received: 2"):
        coco_metrics([example([A], [1])], [found([A], [0.5], [2])], ["a"])


def test_results_form():
    examples = [example([], [], image_id=17), example([], [], image_id=4)]
    detections = [found([[1, 2, 4, 8]], [0.5], [2]), found([], [], [])]
    results = coco_results(examples, detections, (3, 90))
    assert results == [{"image_id": 17, "category_id": 90, "bbox": [1.0, 2.0, 3.0, 6.0], "score": 0.5}]
    assert json.loads(json.dumps(results)) == results


@pytest.mark.parametrize("ids, numbers", [((17, 4), [17, 4]), (("b/1.jpg", "a/1.jpg"), [1, 2]), ((17, "x"), [1, 2])])
def test_image_ids_are_numbers(ids, numbers):
    examples = [example([A], [1], image_id=id) for id in ids]
    assert image_ids_of(examples) == numbers
    truth = coco_ground_truth(examples, "set", ["cell"], [7])
    results = coco_results(examples, [found([A], [1], [1])] * 2, [7])
    for entries in (truth["annotations"], results):
        assert [entry["image_id"] for entry in entries] == numbers
    assert [entry["id"] for entry in truth["images"]] == numbers


def test_ground_truth_form():
    image = dataclasses.replace(example([A, B], [2, 1], difficult=[0, 1]), id="in/a.jpg", path="/set/in/a.jpg",
                                height=300)
    truth = coco_ground_truth([image, example([], [], image_id="b")], "my set", ["ant", "bee"], [3, 90])
    assert json.loads(json.dumps(truth)) == truth
    assert truth["info"] == {"description": "my set"}
    assert truth["categories"] == [{"id": 3, "name": "ant"}, {"id": 90, "name": "bee"}]
    assert truth["images"] == [{"id": 1, "file_name": "in/a.jpg", "height": 300, "width": 400},
                               {"id": 2, "file_name": "b", "height": 400, "width": 400}]
    assert truth["annotations"] == [
        {"id": 1, "image_id": 1, "category_id": 90, "bbox": [0, 0, 20, 20], "area": 400, "iscrowd": 0},
        {"id": 2, "image_id": 1, "category_id": 3, "bbox": [100, 100, 50, 50], "area": 2500, "iscrowd": 1,
         "difficult": 1}]


@pytest.mark.parametrize("files, names", [
    (["/set/val/x.jpg", "/set/val/y.jpg"], ["x.jpg", "y.jpg"]),
    (["/set/a/x.jpg", "/set/b/x.jpg"], ["a/x.jpg", "b/x.jpg"]),
    (["/set/x.record", "/set/x.record"], ["5", "6"]),
    (["", "/set/y.jpg"], ["5", "y.jpg"])])
def test_file_names_of_images_whose_ids_are_numbers(files, names):
    examples = [dataclasses.replace(example([], [], image_id=5 + i), path=file) for i, file in enumerate(files)]
    assert [entry["file_name"] for entry in coco_ground_truth(examples, "s", ["a"], [1])["images"]] == names


@pytest.mark.parametrize("category_ids", [(1, 2, 3), (18, 3, 90)])
def test_both_files_give_pycocotools_the_same_numbers(category_ids, tmp_path):
    examples, detections = random_case(3)
    (tmp_path / "truth.json").write_text(json.dumps(coco_ground_truth(examples, "set", "abc", category_ids)))
    (tmp_path / "results.json").write_text(json.dumps(coco_results(examples, detections, category_ids)))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO(str(tmp_path / "truth.json"))
        evaluation = cocoeval.COCOeval(truth, truth.loadRes(str(tmp_path / "results.json")), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert sum(entry.get("difficult", 0) for entry in truth.dataset["annotations"]) > 0
    metrics = coco_metrics(examples, detections, "abc")
    expected = np.where(evaluation.stats == -1, np.nan, evaluation.stats)
    np.testing.assert_allclose([metrics[name] for name in METRICS], expected, rtol=0, atol=1e-9)


def random_case(seed, images=6, classes=3, per_image=40, tied=False):
    rng = np.random.default_rng(seed)

    def draw(count):
        corner = rng.uniform(0, 250, (count, 2))
        return np.concatenate([corner, corner + np.exp(rng.uniform(1, 5, (count, 2)))], axis=1)

    examples, detections = [], []
    for i in range(images):
        g, m = rng.integers(0, 9), rng.integers(0, per_image + 1)
        objects = draw(g)
        crowd, difficult = rng.random((2, g)) < 0.15
        boxes = draw(m)
        if g:
            near = objects[rng.integers(0, g, m)] * rng.uniform(0.97, 1.03, (m, 4))
            boxes = np.where((rng.random(m) < 0.7)[:, None] & (near[:, 2:] > near[:, :2]).all(1)[:, None], near, boxes)
        # The ids fall, so that images are not in the order in which COCO's evaluation takes them.
        examples.append(example(objects, rng.integers(1, classes + 1, g), difficult, crowd, 1000 - 7 * i))
        detections.append(found(boxes, rng.random(m).round(1 if tied else 9), rng.integers(1, classes + 1, m)))
    return examples, detections


def reference(examples, detections, classes):
    """pycocotools on annotations written here by hand."""
    truth = {"images": [], "annotations": [], "categories": [{"id": c + 1} for c in range(classes)]}
    results = []
    for e, d in zip(examples, detections):
        truth["images"].append({"id": e.id, "height": e.height, "width": e.width})
        for i in range(len(e.labels)):
            x1, y1, x2, y2 = (float(x) for x in e.boxes[i])
            truth["annotations"].append({
                "id": len(truth["annotations"]) + 1, "image_id": e.id, "category_id": int(e.labels[i]),
                "bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1),
                "iscrowd": int(e.crowd[i] or e.difficult[i]),
            })  # fmt: skip
        for i in range(len(d.labels)):
            x1, y1, x2, y2 = (float(x) for x in d.boxes[i])
            results.append({
                "image_id": e.id, "category_id": int(d.labels[i]), "bbox": [x1, y1, x2 - x1, y2 - y1],
                "score": float(d.scores[i]),
            })  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        annotations = coco.COCO()
        annotations.dataset = truth
        annotations.createIndex()
        evaluation = cocoeval.COCOeval(annotations, annotations.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_equals_pycocotools(seed, tied):
    examples, detections = random_case(seed, tied=tied)
    evaluation = reference(examples, detections, 3)
    metrics = coco_metrics(examples, detections, ["a", "b", "c"])
    assert 0 < metrics["AP"] < 1
    expected = np.where(evaluation.stats == -1, np.nan, evaluation.stats)
    np.testing.assert_allclose([metrics[name] for name in METRICS], expected, rtol=0, atol=1e-9)
    precision = evaluation.eval["precision"]
    for i, name in enumerate("abc"):
        assert metrics["per_class"][name]["AP"] == pytest.approx(precision[:, :, i, 0, 2].mean(), abs=1e-9)
        assert metrics["per_class"][name]["AP50"] == pytest.approx(precision[0, :, i, 0, 2].mean(), abs=1e-9)


def test_is_little_enough_work_for_every_epoch():
    examples, detections = random_case(0, images=72, per_image=100)
    calls = calls_of(lambda: coco_metrics(examples, detections, ["a", "b", "c"]))
    assert calls < 40 * sum(len(each.labels) for each in detections)  # about 15; pycocotools makes 60
