import math

import pytest

from frcnn_keras.pipeline.lengths import LEAST, Length, length_of


@pytest.mark.parametrize("stage, images, batch, epochs", [
    ("rpn", 584, 2, 4), ("rpn", 320, 2, 4), ("rpn", 318, 2, 5), ("rpn", 80, 2, 16), ("rpn", 2, 2, 640),
    ("rcnn", 584, 4, 4), ("rcnn", 320, 4, 4), ("rcnn", 316, 4, 5), ("rcnn", 80, 4, 16), ("rcnn", 3, 4, 320)])
def test_few_images_make_many_epochs(stage, images, batch, epochs):
    found = length_of(stage, 4, images, batch)
    assert found.epochs == epochs
    steps = max(1, images // batch)
    assert epochs * steps >= LEAST[stage] and (epochs == 4 or (epochs - 1) * steps < LEAST[stage])


def test_the_reason():
    assert length_of("rpn", 4, 584, 2) == Length(4, "4 epochs of 292 steps")
    assert length_of("rpn", 4, 80, 2) == Length(16, "16 epochs of 40 steps: 4 are fewer than 640 steps")


def test_more_epochs_than_needed_stay():
    assert length_of("rcnn", 12, 584, 4).epochs == 12 > math.ceil(320 / 146)
