import numpy as np
import pytest
from PIL import Image

from frcnn_keras.data.image_header import ImageHeader
from frcnn_keras.errors import InputError
from frcnn_keras.readers.frames import same_shape, to_upright

STORED = (30, 40)  # height, width
BOX = (4, 6, 20, 14)


def header(orientation):
    return ImageHeader("JPEG", STORED, orientation)


def turned_by_pillow(box, orientation):
    """Where Pillow moves the pixels of a box when it makes an image upright: by an image that is white there."""
    pixels = np.zeros(STORED, np.uint8)
    x1, y1, x2, y2 = box
    pixels[y1:y2, x1:x2] = 255
    operations = {1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
                  4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270,
                  7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90}
    image = Image.fromarray(pixels)
    if operations[orientation] is not None:
        image = image.transpose(operations[orientation])
    return image.getbbox()


@pytest.mark.parametrize("orientation", range(5, 9))
def test_boxes_of_the_stored_size_are_turned(orientation):
    framed = to_upright(np.array([BOX], float), header(orientation), STORED)
    assert tuple(framed.boxes[0]) == turned_by_pillow(BOX, orientation)
    assert framed.turned and not framed.scaled and not framed.misfit


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("known", [True, False])
def test_boxes_of_the_upright_size_stay(orientation, known):
    """Orientations 2, 3 and 4 keep the size, so that it does not tell: the picture is the upright one."""
    framed = to_upright(np.array([BOX], float), header(orientation), header(orientation).size if known else (0, 0))
    assert tuple(framed.boxes[0]) == BOX and not (framed.turned or framed.scaled or framed.misfit)


@pytest.mark.parametrize("stated, orientation, words", [
    ((480, 640), 1, "640 x 480.*40 x 30.*--scale-boxes"),
    ((640, 480), 6, "480 x 640.*30 x 40.*stored 40 x 30.*--scale-boxes"),
    ((480, 640), 6, "640 x 480.*--scale-boxes"),
    ((40, 30), 1, "30 x 40.*40 x 30.*exchanged"),
    ((500, 640), 1, "another picture"),
])
def test_another_size_stops(stated, orientation, words):
    with pytest.raises(InputError, match=words):
        to_upright(np.array([BOX], float), header(orientation), stated)


def test_another_size_is_scaled_where_asked():
    big = np.array([BOX], float) * 16
    framed = to_upright(big, header(1), (480, 640), scale=True)
    np.testing.assert_allclose(framed.boxes, [BOX])
    assert framed.scaled and not framed.turned
    framed = to_upright(big, header(6), (480, 640), scale=True)  # of the stored picture, enlarged
    np.testing.assert_allclose(framed.boxes[0], turned_by_pillow(BOX, 6))
    assert framed.scaled and framed.turned
    framed = to_upright(big, header(6), (640, 480), scale=True)  # of the upright one
    np.testing.assert_allclose(framed.boxes, [BOX])
    for stated in ((40, 30), (500, 640)):
        with pytest.raises(InputError):
            to_upright(big, header(1), stated, scale=True)


def test_fractions_need_the_shape_alone():
    box = np.array([BOX], float)
    upright = box / [30, 40, 30, 40]
    for stated in ((0, 0), (40, 30), (640, 480)):
        framed = to_upright(upright, header(6), stated, fractions=True)
        np.testing.assert_allclose(framed.boxes, box)
        assert not framed.scaled and not framed.turned
    for stated in (STORED, (480, 640)):
        framed = to_upright(box / [40, 30, 40, 30], header(6), stated, fractions=True)
        np.testing.assert_allclose(framed.boxes[0], turned_by_pillow(BOX, 6))
    with pytest.raises(InputError, match="500"):
        to_upright(upright, header(6), (500, 640), fractions=True)


def test_boxes_that_lie_in_the_other_picture_alone():
    wide = np.array([(2, 3, 38, 20)], float)  # 38 wide: in the stored 40 x 30, not in the upright 30 x 40
    assert to_upright(wide, header(6)).misfit and to_upright(wide, header(6), (40, 30)).misfit
    assert not to_upright(wide, header(6), STORED).misfit and not to_upright(wide, header(1)).misfit
    tall = wide[:, [1, 0, 3, 2]]
    assert to_upright(tall, header(6), STORED).misfit and not to_upright(tall, header(6)).misfit
    assert not to_upright(np.array([(2, 3, 31, 20)], float), header(6)).misfit  # over the edge by a little
    assert not to_upright(np.array([(2, 3, 50, 50)], float), header(6)).misfit  # in neither
    assert not to_upright(np.zeros((0, 4)), header(6)).misfit


@pytest.mark.parametrize("size, other, same", [
    ((480, 640), (120, 160), True), ((480, 640), (300, 400), True), ((333, 500), (67, 100), True),
    ((333, 500), (66, 100), True), ((333, 500), (64, 100), False), ((480, 640), (640, 480), False),
    ((100, 100), (37, 37), True), ((480, 640), (480, 630), False),
])
def test_same_shape(size, other, same):
    assert same_shape(size, other) == same_shape(other, size) == same
