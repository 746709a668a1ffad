import json

import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.runs.evaluated import read_evaluated
from tests.reporting.evaluated_run import write_run
from tests.reporting.pictures_by_hand import drawn_at_random

TRUTH = {
    "info": {"description": "pets"}, "categories": [{"id": 3, "name": "cat"}, {"id": 9, "name": "dog"}],
    "images": [{"id": 1, "file_name": "b.jpg", "height": 50, "width": 60},
               {"id": 2, "file_name": "a.jpg", "height": 40, "width": 30}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 9, "bbox": [1, 2, 10, 20], "iscrowd": 0},
                    {"id": 2, "image_id": 1, "category_id": 3, "bbox": [5, 5, 5, 5], "iscrowd": 1}]}
FOUND = [{"image_id": 2, "category_id": 9, "bbox": [0, 0, 4.5, 4], "score": 0.75}]
FOLDS = [{"id": "b.jpg", "image_id": 1, "fold": 2}, {"id": "a.jpg", "image_id": 2, "fold": 1}]


def write(root, truth=TRUTH, found=FOUND, folds=FOLDS):
    (root / "evaluation").mkdir(exist_ok=True)
    for name, value in (("evaluation/ground_truth.json", truth), ("evaluation/detections.json", found),
                        ("folds.json", folds)):
        if value is not None:
            (root / name).write_text(value if isinstance(value, str) else json.dumps(value))
    return root


def test_a_crossval_folder(tmp_path):
    read = read_evaluated(write(tmp_path))
    assert (read.name, read.class_names, read.category_ids) == ("pets", ("cat", "dog"), (3, 9))
    first, second = read.images
    assert (first.id, first.number, first.file, first.width, first.height, first.fold) == ("b.jpg", 1, "b.jpg", 60, 50,
                                                                                           2)
    np.testing.assert_array_equal(first.boxes, [(1, 2, 11, 22), (5, 5, 10, 10)])
    assert first.labels.tolist() == [2, 1] and first.ignored.tolist() == [False, True]
    assert first.annotations.tolist() == [1, 2] and len(first.detected.scores) == 0
    assert second.fold == 1 and second.detected.scores.tolist() == [0.75] and second.detected.labels.tolist() == [2]
    np.testing.assert_array_equal(second.detected.boxes, [(0, 0, 4.5, 4)])


def test_what_is_read_is_what_was_written(tmp_path):
    drawn = drawn_at_random(3)
    again = read_evaluated(write_run(tmp_path, drawn))
    assert (again.name, again.class_names, again.category_ids) == (drawn.name, drawn.class_names, (10, 20, 30))
    for one, other in zip(drawn.images, again.images, strict=True):
        for name in ("id", "number", "file", "width", "height", "fold"):
            assert getattr(one, name) == getattr(other, name)
        for name in ("annotations", "boxes", "labels", "ignored"):
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-9)
        for name in ("boxes", "labels", "scores"):
            np.testing.assert_allclose(getattr(one.detected, name), getattr(other.detected, name), atol=1e-9)


def test_an_evaluated_run_has_one_fold(tmp_path):
    assert [(one.id, one.fold) for one in read_evaluated(write(tmp_path, folds=None)).images] == [(1, 1), (2, 1)]


def test_the_folder_that_evaluate_was_given(tmp_path):
    assert len(read_evaluated(write(tmp_path) / "evaluation").images) == 2


def test_the_folder_that_audit_wrote(tmp_path):
    (tmp_path / "audit.json").write_text("[]")
    with pytest.raises(InputError, match="is what .*audit wrote, no run; give the run that was audited"):
        read_evaluated(tmp_path)
    assert len(read_evaluated(write(tmp_path)).images) == 2  # audit --out RUN


@pytest.mark.parametrize("changed, named", [
    ({"truth": None}, "ground_truth.json: not found; .*evaluate --run"),
    ({"found": None}, "detections.json: not found"),
    ({"truth": "{"}, "ground_truth.json: cannot be read"), ({"truth": {}}, "ground_truth.json: not in the form"),
    ({"truth": []}, "ground_truth.json: not in the form"), ({"found": {"a": 1}}, "detections.json: not in the form"),
    ({"found": [{"image_id": 1}]}, "detections.json: not in the form"),
    ({"found": [3]}, "detections.json: not in the form"),
    ({"folds": FOLDS[:1]}, "folds.json: not in the form"),
    ({"found": [FOUND[0] | {"image_id": 7}]}, "detections.json: has image 7"),
    ({"found": [FOUND[0] | {"category_id": 7}]}, "detections.json: not in the form"),
    ({"found": [FOUND[0] | {"score": 1.5}]}, "detections.json: not in the form"),
    ({"found": [FOUND[0] | {"bbox": [0, 0, None, 1]}]}, "detections.json: not in the form"),
    ({"found": [FOUND[0] | {"bbox": [1, 2]}]}, "detections.json: not in the form"),
    ({"truth": TRUTH | {"annotations": [TRUTH["annotations"][0] | {"bbox": [1, 2]}]}}, "ground_truth.json: not in"),
    ({"truth": TRUTH | {"annotations": [one | {"id": 5} for one in TRUTH["annotations"]]}}, "two annotations"),
    ({"truth": TRUTH | {"images": [one | {"width": 0} for one in TRUTH["images"]]}}, "an image without width"),
])
def test_what_is_damaged_is_said_in_a_line(tmp_path, changed, named):
    with pytest.raises(InputError, match=named):
        read_evaluated(write(tmp_path, **changed))
