"""What a cross-validation leaves, and that no image is found by a detector that trained on it."""

import contextlib
import dataclasses
import io
import json
import os
import shutil

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from frcnn_keras.crossval import cross_validation, fold_training
from frcnn_keras.crossval.cross_validation import cross_validate, split
from frcnn_keras.data import records
from frcnn_keras.data.originals import Original
from frcnn_keras.errors import InputError
from frcnn_keras.evaluation.coco import coco_ground_truth
from frcnn_keras.runs.detector import load
from frcnn_keras.training.distribution import SINGLE

pytestmark = pytest.mark.slow


def read(path):
    return json.loads(path.read_text())


def folds_of(run):
    return {entry["id"]: entry["fold"] for entry in read(run / "folds.json")}


def test_the_folder(crossed, shapes):
    images, run, results = crossed
    assert {path.name for path in run.iterdir()} == {"crossval.json", "cv.json", "folds.json", "folds", "evaluation",
                                                     ".frcnn_keras.json"}
    assert sorted(path.name for path in (run / "folds").iterdir()) == ["1", "2", "3"]
    assert all((run / "folds" / fold / "detector.keras").exists() for fold in "123")
    entries = read(run / "folds.json")
    assert [entry["id"] for entry in entries] == [str(example.id) for example in shapes.examples]
    assert sorted(entry["fold"] for entry in entries) == [1, 1, 2, 2, 3, 3]
    truth = read(run / "evaluation" / "ground_truth.json")
    assert [(image["id"], image["file_name"]) for image in truth["images"]] == [
        (entry["image_id"], entry["id"]) for entry in entries]
    sizes = {str(example.id): (example.height, example.width) for example in shapes.examples}
    assert all((image["height"], image["width"]) == sizes[image["file_name"]] for image in truth["images"])
    written = {(entry["image_id"], entry["category_id"], *np.round(entry["bbox"], 2)) for entry in truth["annotations"]}
    wanted = {(number, label, *np.round([box[0], box[1], *(box[2:] - box[:2])], 2))
              for number, example in enumerate(shapes.examples, 1)
              for box, label in zip(example.boxes.astype(float), example.labels, strict=True)}
    assert len(written) == len(wanted) and sorted(written)[0] == pytest.approx(sorted(wanted)[0], abs=0.02)
    assert any("labels" in note and "neck" in note for note in results["notes"])


def test_no_detector_trained_on_what_it_was_held_out_from(crossed):
    """The ids of the records that each fold's head learnt from: all but its own, each with its mirror image."""
    _, run, _ = crossed
    fold_of = folds_of(run)
    for fold in (1, 2, 3):
        shards = sorted((run / "folds" / str(fold) / "proposals" / "train").glob("*.tfrecord"))
        ids = [records.parse_proposals(span.read()) and _id_of(span.read()) for span in records.spans(shards)]
        others = [id for id, own in fold_of.items() if own != fold]
        assert sorted(ids) == sorted((id, mirror) for id in others for mirror in (0, 1))


def _id_of(serialized):
    import tensorflow as tf

    features = tf.train.Example.FromString(serialized).features.feature
    return features["id"].bytes_list.value[0].decode(), features["mirror"].int64_list.value[0]


def found_by(detector, example):
    """(score, label, box) of each object that a detector finds in a picture."""
    found = detector.predict([example.read()])[0]
    return [(one.score, one.label, one.box) for one in found]


def same(found, entries):
    """Whether detections are those written, but for the rounding of cached features."""
    if len(found) != len(entries):
        return False
    boxes = [[*entry["bbox"][:2], entry["bbox"][0] + entry["bbox"][2], entry["bbox"][1] + entry["bbox"][3]]
             for entry in entries]
    return all(one[1] == entry["category_id"] and abs(one[0] - entry["score"]) < 0.02
               and np.abs(one[2] - box).max() < 1.5 for one, entry, box in zip(found, entries, boxes, strict=True))


def test_every_image_was_found_by_the_detector_of_its_fold_and_by_no_other(crossed, shapes):
    _, run, _ = crossed
    fold_of = folds_of(run)
    detectors = {fold: load(run / "folds" / str(fold)) for fold in (1, 2, 3)}
    written = read(run / "evaluation" / "detections.json")
    assert len(written) > 6
    others = 0
    for number, example in enumerate(shapes.examples, 1):
        entries = [entry for entry in written if entry["image_id"] == number]
        own = fold_of[str(example.id)]
        assert same(found_by(detectors[own], example)[:5], entries[:5])
        others += sum(same(found_by(detectors[fold], example)[:5], entries[:5]) for fold in detectors if fold != own)
    assert others == 0  # the test can tell


def test_the_pooled_score_is_pycocotools(crossed):
    _, run, results = crossed
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(run / "evaluation" / "ground_truth.json"))
        evaluation = COCOeval(truth, truth.loadRes(str(run / "evaluation" / "detections.json")), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    stored = read(run / "cv.json")
    assert [stored[name]["pooled"] for name in ("AP", "AP50", "AP75", "AR100")] == pytest.approx(
        evaluation.stats[[0, 1, 2, 8]], abs=1e-6)
    assert stored["AP"]["low"] <= stored["AP"]["pooled"] <= stored["AP"]["high"]
    assert read(run / "evaluation" / "metrics.json")["interval"]["coco"]["AP"]["low"] == stored["AP"]["low"]
    assert set(stored["AP"]) == {"mean", "std", "pooled", "low", "high"}
    assert stored["AP"]["mean"] == pytest.approx(np.mean([fold["AP"] for fold in stored["folds"]]))
    assert results["AP"] == stored["AP"] and stored["images"] == 6
    sizes, objects = stored["recall_by_size"], len(read(run / "evaluation" / "ground_truth.json")["annotations"])
    assert sum(own["objects"] for own in sizes.values()) == objects
    assert sum(own["objects"] * own["recall@300/0.5"]["pooled"] for own in sizes.values() if own["objects"]
               ) == pytest.approx(objects * stored["recall"]["recall@300/0.5"]["pooled"])


def test_again_and_under_way(crossed, small_stages, tmp_path, monkeypatch):
    """Finished, nothing is done; stopped in the second fold, the rest is, and the numbers are the same."""
    images, run, results = crossed
    trained = []
    monkeypatch.setattr(fold_training, "train_rpn", lambda part, run, *_, **__: trained.append(run.name))
    monkeypatch.setattr(fold_training, "train_rcnn", lambda *_, **__: None)
    again = cross_validate(images, run, *small_stages)
    assert not trained and again["AP"] == results["AP"] and again["per_class"].keys() == results["per_class"].keys()
    monkeypatch.undo()
    part = tmp_path / "part"
    real, calls = fold_training.train_rcnn, []

    def stopped(prepared, run, *arguments, **settings):
        calls.append(run.name)
        if run.name == "2" and len(calls) == 2:
            raise KeyboardInterrupt
        return real(prepared, run, *arguments, **settings)

    monkeypatch.setattr(fold_training, "train_rcnn", stopped)
    with pytest.raises(KeyboardInterrupt):
        cross_validate(images, part, *small_stages)
    assert not (part / "cv.json").exists()
    before = os.stat(part / "folds" / "1" / "detector.keras").st_mtime_ns
    whole = cross_validate(images, part, *small_stages)
    assert os.stat(part / "folds" / "1" / "detector.keras").st_mtime_ns == before
    assert calls == ["1", "2", "1", "2", "3"]
    assert {name: whole[name] for name in ("AP", "recall", "folds")} == {
        name: results[name] for name in ("AP", "recall", "folds")}
    assert read(part / "evaluation" / "detections.json") == read(run / "evaluation" / "detections.json")


def test_other_settings_are_refused(crossed, small_stages, prep):
    images, run, _ = crossed
    rpn, rcnn = small_stages
    with pytest.raises(InputError, match="begun with another config .*channels: 16 -> 17"):
        cross_validate(images, run, dataclasses.replace(rpn, channels=17), rcnn)
    with pytest.raises(InputError, match="begun with another config .*folds: 3 -> 2"):
        cross_validate(split(prep, 2), run, rpn, rcnn)
    assert (run / "cv.json").exists()


def test_somebodys_files_stay(crossed, small_stages, tmp_path):
    images, run, _ = crossed
    shutil.copytree(run, tmp_path / "cv")
    (tmp_path / "cv" / "cv.json").write_text("mine")
    with pytest.raises(InputError, match="cv.json: is there already, and not as this package wrote it"):
        cross_validate(images, tmp_path / "cv", *small_stages)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="no cross-validation of this package"):
        cross_validate(images, tmp_path / "other", *small_stages, fresh=True)
    assert (tmp_path / "other" / "thesis.txt").read_text() == "mine"


def test_what_makes_no_sense(crossed, small_stages, prep, val_prep, tmp_path):
    images, _, _ = crossed
    rpn, rcnn = small_stages
    patient = dataclasses.replace(rcnn, fit=dataclasses.replace(rcnn.fit, patience=2))
    with pytest.raises(InputError, match="--patience 2 would choose epochs by the images that are held out"):
        cross_validate(images, tmp_path / "cv", rpn, patient)
    with pytest.raises(InputError, match="--strategy multiworker: crossval trains in one process"):
        cross_validate(images, tmp_path / "cv", rpn, rcnn, distribution=dataclasses.replace(SINGLE, workers=2))
    with pytest.raises(InputError, match="prepared with --eval-only"):
        split(val_prep, 2)
    with pytest.raises(InputError, match="--folds must be 2 to 1000"):
        split(prep, 1)
    with pytest.raises(InputError, match="--folds 7: there are 6 images"):
        split(prep, 7)
    assert not (tmp_path / "cv").exists()


@pytest.mark.parametrize("folds", [2.0, True, "3", 1001])
def test_folds_that_are_no_number_of_folds(prep, folds):
    with pytest.raises(InputError, match="--folds must be"):
        split(prep, folds)


def test_pictures_are_called_as_their_files(shapes):
    """COCO's ids are numbers: with the paths that prep recorded, the files' names stand in ground_truth.json."""
    examples = [dataclasses.replace(example, id=number, path="") for number, example in enumerate(shapes.examples, 7)]
    recorded = [Original(str(one.id), 1, 0, 0, "", f"/data/images/cam/{one.id:012}.jpg") for one in examples]
    named = cross_validation.with_paths(examples, recorded)
    truth = coco_ground_truth(named, "d", shapes.class_names, shapes.category_ids)
    assert [one["file_name"] for one in truth["images"]][:2] == ["000000000007.jpg", "000000000008.jpg"]
    old = cross_validation.with_paths(examples, [dataclasses.replace(one, path="") for one in recorded])
    assert coco_ground_truth(old, "d", shapes.class_names, shapes.category_ids)["images"][0]["file_name"] == "7"
