import numpy as np
import pytest

from frcnn_keras.pictures.crops import crop

IMAGE = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)


@pytest.mark.parametrize("box, rows, columns", [
    ((1, 2, 3, 4), (2, 4), (1, 3)), ((1.2, 2.9, 2.1, 3.01), (2, 4), (1, 3)), ((-5, -5, 100, 100), (0, 6), (0, 8)),
    ((7.5, 5.5, 8, 6), (5, 6), (7, 8)), ((3, 3, 3, 3), (3, 4), (3, 4)), ((7.9, 0, 9, 1), (0, 1), (7, 8))])
def test_the_pixels_that_a_box_touches(box, rows, columns):
    found = crop(IMAGE, np.float32(box))
    np.testing.assert_array_equal(found, IMAGE[slice(*rows), slice(*columns)])
    assert np.shares_memory(found, IMAGE)


@pytest.mark.parametrize("box", [(8, 0, 9, 1), (-3, 0, -2, 1), (0, 6, 1, 7), (np.nan, 0, 1, 1), (0, 0, np.inf, 1)])
def test_outside_there_is_nothing(box):
    assert crop(IMAGE, np.float64(box)) is None
