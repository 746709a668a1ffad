import json

import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.reporting.reach import Anchors, reach, read_anchors
from tests.reporting.pictures_by_hand import evaluated, picture

ANCHORS = Anchors(((32.0,),), (1.0,), (16.0,), (8.0,), 200, 400)


def test_by_hand():
    """100 x 100 becomes 200 x 200: an object of 16 pixels is as large as the anchor, of 20 one of 40 in which it lies:
    (32 / 40) ** 2. One of 100 is left with (32 / 200) ** 2."""
    one = picture([(1, 12, 12, 28, 28), (1, 10, 10, 30, 30), (1, 0, 0, 100, 100), (1, 0, 0, 5, 5)], [], ignored=[3])
    found = reach(evaluated(one, names=("a",)), ANCHORS)
    assert found["small"] == [1.0, 0.5] and found["large"] == [0.0, 0.0] and np.isnan(found["medium"]).all()


def test_the_best_of_all_levels():
    two = Anchors(((32.0,), (200.0,)), (1.0,), (16.0, 200.0), (8.0, 100.0), 200, 400)
    assert reach(evaluated(picture([(1, 0, 0, 100, 100)], []), names=("a",)), two)["large"] == [1.0, 1.0]


def test_without_images_and_without_objects():
    assert np.isnan(reach(evaluated(names=("a",)), ANCHORS)["small"]).all()


@pytest.mark.parametrize("folder", ["", "folds/1"])
def test_what_is_read(tmp_path, folder):
    assert read_anchors(tmp_path) is None
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    record = {"geometry": {"strides": [16], "offsets": [8], "anchor_sizes": [[32]], "anchor_ratios": [1]},
              "preparing": {"shorter": 200, "longer": 400}}
    (tmp_path / folder / "proposer.json").write_text(json.dumps(record))
    assert read_anchors(tmp_path) == ANCHORS
    (tmp_path / folder / "proposer.json").write_text("{}")
    with pytest.raises(InputError, match="damaged"):
        read_anchors(tmp_path)
