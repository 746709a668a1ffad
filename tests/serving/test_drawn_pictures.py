import numpy as np
import pytest

from frcnn_keras.data.given_images import pixels
from frcnn_keras.data.image_header import check_complete, image_header
from frcnn_keras.serving.drawn_pictures import drawn_images, drawn_pictures


@pytest.mark.parametrize("size", [None, (60, 80), (1, 1), (3, 300)])
def test_pictures_are_the_same_every_time(size):
    first, second = drawn_pictures(size), drawn_pictures(size)
    wanted = [size] * 4 if size else [(480, 640), (320, 240), (96, 333), (60, 48)]
    assert [picture.shape for picture in first] == [(*one, 3) for one in wanted]
    for one, other in zip(first, second, strict=True):
        assert one.dtype == np.uint8
        np.testing.assert_array_equal(one, other)


def test_pictures_are_nowhere_flat():
    for picture in [*drawn_pictures(), *drawn_pictures((60, 80))]:
        rows, columns = picture.shape[0] // 8, picture.shape[1] // 8
        cells = picture[:rows * 8, :columns * 8].reshape(rows, 8, columns, 8, 3).transpose(0, 2, 1, 3, 4)
        cells = cells.reshape(rows * columns, -1)
        assert len(np.unique(cells, axis=0)) == rows * columns and (cells.std(1) > 2).all()


def test_drawn_images_are_whole_and_unlike():
    images = drawn_images()
    for image in images:
        check_complete(image)
    assert len({image_header(image).size for image in images}) == len({image[:3] for image in images}) + 1 == 4
    assert drawn_images() == images


def test_the_images_are_the_pictures():
    for image, picture in zip(drawn_images(), drawn_pictures(), strict=True):
        read = np.asarray(pixels(image))
        assert read.shape == picture.shape
        if image[:2] != b"\xff\xd8":  # without loss
            np.testing.assert_array_equal(read, picture)
    grey = np.asarray(pixels(drawn_images()[2]))
    assert (grey[..., 0] == grey[..., 2]).all()


@pytest.mark.slow
def test_a_trained_detector_finds_objects_in_them(exported):
    detector = exported[0]
    for pictures in (drawn_pictures(), drawn_images(), drawn_pictures((120, 160))):
        assert sum(len(found) for found in detector.predict(pictures)) > 10
