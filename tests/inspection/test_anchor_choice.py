import dataclasses

import numpy as np
import pytest

from frcnn_keras.data.example import Dataset, Example
from frcnn_keras.errors import InputError
from frcnn_keras.inspection.anchor_choice import USUAL, choose_sizes
from frcnn_keras.settings.detector import ImageConfig, LevelAnchorConfig

GRID = ([16.0], [16.0])  # strides, and the first cell's centre
SQUARE = LevelAnchorConfig(USUAL, (1.0,))
IMAGES = ImageConfig(640, 640)


def dataset(*sides, count=4, ignored=()):
    """Images of 640 x 640 with `count` squares of each side, all about cells' centres: 320, 320."""
    boxes = np.array([(320 - side / 2, 320 - side / 2, 320 + side / 2, 320 + side / 2) for side in sides] * count,
                     np.float32).reshape(-1, 4)
    flags = np.isin(np.arange(len(boxes)), ignored)
    example = Example(id="a", file="a", read=None, height=640, width=640, boxes=boxes, difficult=flags,
                      labels=np.ones(len(boxes), np.int32), crowd=np.zeros(len(boxes), bool))
    return Dataset("squares", ("square",), (1,), (example,), ())


def test_between_the_usual_sizes():
    """A square of 45 has an IoU of 1024 / 2025 = 0.51 with one of 32, 2025 / 4096 with one of 64."""
    choice = choose_sizes(dataset(45), IMAGES, SQUARE, *GRID)
    assert choice.sizes == (45.0,)
    assert choice.reason == ("45 reach 100 % of the objects at IoU 0.5 and 100 % at 0.7; the usual 32,64,128,256,512 "
                             "100 % and 0 %")


def test_the_usual_ones_where_all_are_needed():
    choice = choose_sizes(dataset(*USUAL), IMAGES, SQUARE, *GRID)
    assert choice.sizes == USUAL
    assert choice.reason == "32,64,128,256,512, the usual ones, reach 100 % of the objects at IoU 0.5 and 100 % at 0.7"


@pytest.mark.parametrize("sides, kept", [((64, 45), True), ((64, 45, 45), False)])
def test_the_usual_ones_where_they_reach_half(sides, kept):
    """Those of 45 an anchor of 45 would reach, and `check` suggests one."""
    choice = choose_sizes(dataset(*sides), IMAGES, SQUARE, *GRID)
    assert choice.sizes == (USUAL if kept else (45.0, 64.0))
    assert ("the usual ones, reach 100 % of the objects at IoU 0.5 and 50 % at 0.7" in choice.reason) == kept


def test_it_is_of_resized_images():
    """Squares of 90 in images of half the size."""
    assert choose_sizes(dataset(90), ImageConfig(320, 640), SQUARE, *GRID).sizes == (45.0,)


def test_without_objects_that_train():
    assert choose_sizes(dataset(45, ignored=range(4)), IMAGES, SQUARE, *GRID).sizes == USUAL
    assert choose_sizes(dataset(), IMAGES, SQUARE, *GRID).reason.endswith("without objects to choose by")


def test_ratios_count():
    """Squares with anchors twice as high as wide: those of 64 are 45 x 91, IoU 2896 / (2 * 4096 - 2896) = 0.55."""
    square, tall = (choose_sizes(dataset(64), IMAGES, dataclasses.replace(SQUARE, ratios=(ratio,)), *GRID)
                    for ratio in (1.0, 2.0))
    assert square.reason.endswith("reach 100 % of the objects at IoU 0.5 and 100 % at 0.7")
    assert "reach 100 % of the objects at IoU 0.5 and 0 % at 0.7" in tall.reason


def test_a_pyramid_has_sizes_of_its_own():
    with pytest.raises(InputError, match="--anchor-sizes auto chooses for one feature level, and the backbone has 2"):
        choose_sizes(dataset(45), IMAGES, SQUARE, [8.0, 16.0], [4.0, 8.0])
