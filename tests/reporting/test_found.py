import json

import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.reporting.found import read_found
from tests.reporting.evaluated_run import write_run
from tests.reporting.pictures_by_hand import drawn_at_random


def test_what_is_read_is_what_was_written(tmp_path):
    found = drawn_at_random(3)
    again = read_found(write_run(tmp_path, found))
    assert (again.name, again.class_names) == (found.name, found.class_names)
    for one, other in zip(found.pictures, again.pictures, strict=True):
        assert (one.id, one.file, one.height, one.width, other.fold) == (other.id, other.file, other.height,
                                                                         other.width, 0)
        for name in ("boxes", "labels", "ignored"):
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-9)
        for name in ("boxes", "labels", "scores"):
            np.testing.assert_allclose(getattr(one.detected, name), getattr(other.detected, name), atol=1e-9)


def test_the_folds_of_a_crossvalidation(tmp_path):
    run = write_run(tmp_path, drawn_at_random(0, images=2))
    (run / "folds.json").write_text(json.dumps([{"id": "a", "image_id": 2, "fold": 5}]))
    assert [one.fold for one in read_found(run).pictures] == [0, 5]


def test_a_run_that_was_not_evaluated(tmp_path):
    with pytest.raises(InputError, match="ground_truth.json: not found; `.*evaluate --run"):
        read_found(tmp_path)


@pytest.mark.parametrize("spoilt", [
    '{}', '[]', '[{"image_id": 1, "category_id": 99, "bbox": [0, 0, 1, 1], "score": 1}]', '[{"image_id": 1}]', '[3]'])
def test_damage_is_one_line(tmp_path, spoilt):
    run = write_run(tmp_path, drawn_at_random(0, images=1))
    (run / "evaluation" / ("ground_truth.json" if spoilt in ("{}", "[]") else "detections.json")).write_text(spoilt)
    with pytest.raises(InputError, match="evaluate again"):
        read_found(run)
