"""A detector from a picture to its maps and to the regions that the head sees."""

import keras
import numpy as np
import pytest

from frcnn_keras.ops import images as image_ops
from tests.detectors import change, random_detector


def picture(height=70, width=90):
    return np.random.default_rng(5).integers(100, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch", "none"])
def test_padding_is_zero_after_the_image_is_normalised(mode):
    """70 x 90 becomes 64 x 82, padded to 64 x 96: at the right zeros, the mean colour, and not normalised black."""
    detector = random_detector()
    change(detector, "preparing", preprocessing=mode)
    images, size = detector.prepare_image(picture())
    assert images.shape == (1, 64, 96, 3) and size.numpy().tolist() == [64, 82]
    assert not images[:, :, 82:].numpy().any()
    resized = image_ops.resize(picture(), 64, 82).numpy()[..., ::-1 if mode == "caffe" else 1]
    mean, deviation = {"caffe": ((103.939, 116.779, 123.68), 1), "tf": (127.5, 127.5), "none": (0, 1),
                       "torch": (255 * np.array([0.485, 0.456, 0.406]), 255 * np.array([0.229, 0.224, 0.225]))}[mode]
    np.testing.assert_allclose(images[0, :, :82], (resized - mean) / deviation, atol=1e-3)


@pytest.mark.parametrize("fused", [False, True])
def test_it_is_resized_as_the_settings_say(fused):
    detector, image = random_detector(), picture(601, 803)
    change(detector, "preparing", preprocessing="none", shorter=333, longer=900, fused_resize=fused)
    images, size = detector.prepare_image(image)
    own, other = (resize(image, *size.numpy()).numpy() for resize in (
        (image_ops.resize_fused, image_ops.resize) if fused else (image_ops.resize, image_ops.resize_fused)))
    found = images[0, :size[0], :size[1]].numpy()
    assert np.array_equal(found, own) and not np.array_equal(found, other)


def test_the_extractor_keeps_its_stored_statistics():
    extractor = keras.Sequential([keras.Input((None, None, 3)), keras.layers.BatchNormalization(),
                                  keras.layers.Dropout(0.5)])
    detector = random_detector()
    detector.extractor = extractor
    images = np.random.default_rng(0).normal(5, 2, (1, 8, 8, 3)).astype(np.float32)
    (found,) = detector.features(images)
    np.testing.assert_allclose(found, images / np.sqrt(1 + 1e-3), rtol=1e-5)  # new ones: mean 0, variance 1


@pytest.mark.parametrize("offset", [0.5, 4.0, 7.5])
def test_regions_are_pooled_where_the_geometry_says_that_cells_lie(offset):
    """A map that holds each cell's own x: what is pooled is the x of the bins' centres, whatever the offset."""
    detector = random_detector()
    change(detector, "geometry", offsets=(offset,))
    map_ = np.broadcast_to((offset + 8 * np.arange(12, dtype=np.float32))[None, None, :, None], (1, 12, 12, 4))
    pooled = detector.pool((map_,), np.array([[[20, 20, 50, 50], [32, 10, 38, 80]]], np.float32))
    np.testing.assert_allclose(pooled[0, :, :, :, 0], [[[25, 35, 45]] * 3, [[33, 35, 37]] * 3], rtol=1e-5)
