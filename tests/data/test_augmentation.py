import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from frcnn_keras.data.augmentation import Augmentation, drawn_size, mirrored, recoloured, resized
from frcnn_keras.ops.images import resized_size


def seeds(count):
    return [np.array([number, 5], np.int32) for number in range(count)]


def painted(height, width, box):
    """A black image with a white rectangle at whole pixels."""
    x1, y1, x2, y2 = box
    image = np.zeros((height, width, 3), np.uint8)
    image[y1:y2, x1:x2] = 255
    return image


def extent(image):
    """The rectangle of what is white, from the area on each side of its middle: exact to fractions of a pixel."""
    level = np.asarray(image)[..., 0] / 255
    rows, columns = level.max(1), level.max(0)
    middle_y, middle_x = int(rows.argmax() + rows.sum() / 2), int(columns.argmax() + columns.sum() / 2)
    return np.array([middle_x - columns[:middle_x].sum(), middle_y - rows[:middle_y].sum(),
                     middle_x + columns[middle_x:].sum(), middle_y + rows[middle_y:].sum()])


@settings(deadline=None, max_examples=25)
@given(st.integers(12, 40), st.integers(12, 40), st.floats(1.0, 2.5), st.floats(1.0, 2.5), st.data())
def test_boxes_stay_on_what_they_surround(height, width, tall, wide, data):
    x1, y1 = data.draw(st.integers(0, width - 8)), data.draw(st.integers(0, height - 8))
    box = [x1, y1, data.draw(st.integers(x1 + 6, width)), data.draw(st.integers(y1 + 6, height))]
    new = int(height * tall), int(width * wide)
    image, boxes = resized(painted(height, width, box), np.array([box], np.float32), *map(tf.constant, new))
    assert image.shape == (*new, 3)
    np.testing.assert_allclose(boxes[0], extent(image), atol=0.35)  # bilinear edges: a fraction of a source pixel
    for seed in seeds(4):
        flipped, moved = mirrored(image, boxes, seed)
        np.testing.assert_allclose(moved[0], extent(flipped), atol=0.35)


def test_a_resized_box_by_hand():
    _, boxes = resized(np.zeros((10, 20, 3), np.uint8), np.array([[2, 3, 12, 9]], np.float32), 25, 30)
    np.testing.assert_allclose(boxes, [[3, 7.5, 18, 22.5]])


def test_half_of_the_seeds_mirror_exactly():
    image = np.random.default_rng(0).normal(size=(5, 8, 3)).astype(np.float32)
    boxes = np.array([[1, 2, 4, 3]], np.float32)
    flips = 0
    for seed in seeds(200):
        changed, moved = mirrored(image, boxes, seed)
        again, same = mirrored(image, boxes, seed)
        assert np.array_equal(changed, again) and np.array_equal(moved, same)
        if np.array_equal(changed, image):
            np.testing.assert_array_equal(moved, boxes)
        else:
            flips += 1
            np.testing.assert_array_equal(changed, image[:, ::-1])
            np.testing.assert_array_equal(moved, [[4, 2, 7, 3]])
    assert 70 < flips < 130


def test_sizes_are_drawn_evenly_from_the_whole_range():
    drawn = [int(drawn_size(480, 640, 600, 1000, (6, 9), seed)[0]) for seed in seeds(400)]
    assert set(drawn) == {6, 7, 8, 9}
    assert all(60 < drawn.count(side) < 140 for side in set(drawn))


def test_the_limit_grows_with_the_shorter_side():
    """An image that the limit binds at 600 x 1000 is bound at every scale, and keeps its shape."""
    widths = []
    for seed in seeds(20):
        height, width = (int(side) for side in drawn_size(300, 900, 600, 1000, (300, 900), seed))
        widths.append(width)
        short = height / 600 * 3 / 1000 * 600  # what was drawn, from the longer side's limit
        assert width == pytest.approx(3 * height, abs=3) and short > 0
        assert width <= 1500 and width >= 499
    assert max(widths) > 1100 and sum(width == 1000 for width in widths) < 3


def test_no_jitter_is_predictions_size():
    for shape in ((480, 640), (300, 900), (33, 20)):
        assert drawn_size(*shape, 600, 1000, (), None) == resized_size(*shape, 600, 1000)


def test_colours_by_numpy():
    image = np.random.default_rng(1).integers(0, 256, (6, 7, 3)).astype(np.uint8)
    for seed in seeds(10):
        chosen = Augmentation(brightness=0.5, contrast=0.4, saturation=0.9)
        a, b, c = (1 + limit * share for limit, share in zip(
            (0.5, 0.4, 0.9), tf.random.stateless_uniform((3,), seed, -1.0, 1.0).numpy()))
        grey = np.array([0.299, 0.587, 0.114])
        expected = np.clip(image * a, 0, 255)
        mean = (expected @ grey).mean()
        expected = np.clip(mean + b * (expected - mean), 0, 255)
        own = (expected @ grey)[..., None]
        expected = np.clip(own + c * (expected - own), 0, 255)
        np.testing.assert_allclose(recoloured(image, chosen, seed), expected, atol=1e-3)


def test_no_colour_change_leaves_pixels():
    image = np.random.default_rng(1).integers(0, 256, (6, 7, 3)).astype(np.uint8)
    assert np.array_equal(recoloured(image, Augmentation(), seeds(1)[0]), image.astype(np.float32))
    for name in ("brightness", "contrast", "saturation"):
        assert Augmentation(**{name: 0.1}).colours


def test_unlike_seeds_give_unlike_colours():
    image = np.full((2, 2, 3), 100, np.uint8)
    chosen = Augmentation(brightness=0.5)
    found = {float(recoloured(image, chosen, seed)[0, 0, 0]) for seed in seeds(20)}
    assert len(found) == 20 and all(50 <= value <= 150 for value in found)


def test_contrast_of_a_flat_picture_is_the_same_at_any_size():
    """tf.reduce_mean of the large one's grey is wrong by 2e-6."""
    colour = np.array([91, 203, 37], np.uint8)
    for seed in seeds(4):
        large, small = (recoloured(np.full((*size, 3), colour), Augmentation(contrast=0.9), seed).numpy()[0, 0]
                        for size in ((800, 1066), (4, 4)))
        np.testing.assert_allclose(large, small, rtol=3e-7)
