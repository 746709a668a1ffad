import base64
import io

import numpy as np
import pytest
from PIL import Image

from frcnn_keras.errors import InputError
from frcnn_keras.reporting import errors_by_kind as kinds
from frcnn_keras.reporting.errors_by_kind import kinds_of
from frcnn_keras.reporting.gallery import OF_AN_IMAGE, SHOWN, SIDE, findings, show
from frcnn_keras.reporting.matching import match
from tests.reporting.pictures_by_hand import evaluated, picture


def found_in(pictures, thresholds=(0, 0)):
    matched = [match(one) for one in pictures]
    return findings(evaluated(*pictures), matched,
                    [kinds_of(*pair) for pair in zip(pictures, matched, strict=True)], thresholds)


ONE = picture([(1, 0, 0, 20, 20), (2, 100, 100, 150, 140), (1, 300, 10, 310, 20)],
              [(1, .9, 0, 0, 20, 20), (1, .8, 100, 100, 150, 140), (2, .7, 200, 200, 220, 220),
               (1, .3, 200, 10, 220, 20)], size=(400, 400))


def test_each_kind_has_its_own():
    chosen = found_in([ONE])
    assert [(one.detection, one.object) for one in chosen[kinds.RIGHT]] == [(0, 0)]
    assert [(one.detection, one.object) for one in chosen[kinds.CLASSIFICATION]] == [(1, 1)]
    assert [one.detection for one in chosen[kinds.BACKGROUND]] == [2, 3]  # the surest first
    assert [one.object for one in chosen[kinds.MISSED]] == [2] and chosen[kinds.LOCALISATION] == []


def test_each_class_has_its_own_threshold():
    assert [one.detection for one in found_in([ONE], (.31, .7))[kinds.BACKGROUND]] == [2]
    assert [one.detection for one in found_in([ONE], (.3, .71))[kinds.BACKGROUND]] == [3]


def test_few_of_one_image_and_few_of_all():
    many = [picture([], [(1, .5, 10 * place, 0, 10 * place + 5, 5) for place in range(5)], id=id) for id in range(9)]
    chosen = found_in(many)[kinds.BACKGROUND]
    assert len(chosen) == SHOWN and max(sum(one.picture.id == id for one in chosen) for id in range(9)) == OF_AN_IMAGE


def test_the_part_that_is_shown():
    pixels = np.zeros((400, 400, 3), np.uint8)
    pixels[100:140, 100:150] = 255
    (one,) = found_in([ONE])[kinds.CLASSIFICATION]
    shown = show(one, ("a", "b"), lambda _: pixels)
    assert shown.caption == "labelled b, found a 0.80" and shown.classes == ("a", "b") and not shown.why
    assert [(box.role, box.width, box.height) for box in shown.boxes if box.role != "other"] == [
        ("label", 50, 40), ("found", 50, 40)]
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(shown.picture.partition(",")[2]))))
    assert image.shape == (shown.height, shown.width, 3) and max(image.shape) <= SIDE
    box = shown.boxes[-1]
    assert image[int(box.y) + 20, int(box.x) + 25].min() > 200 and image[2, 2].max() < 50


def test_without_a_picture_its_line_says_why():
    def none(_):
        raise InputError("not at hand")

    (one,) = found_in([ONE])[kinds.MISSED]
    shown = show(one, ("a", "b"), none)
    assert shown.why == "not at hand" and shown.picture == "" and shown.boxes
    other = show(one, ("a", "b"), lambda _: np.zeros((10, 20, 3), np.uint8))
    assert "is 20 x 10 pixels, was 400 x 400" in other.why


@pytest.mark.parametrize("box", [(0, 0, 400, 400), (399, 399, 400, 400), (0, 0, 1, 400), (-5, -5, 3, 3)])
def test_every_part_lies_in_its_picture(box):
    (one,) = found_in([picture([], [(1, .5, *box)], size=(400, 400))])[kinds.BACKGROUND]
    shown = show(one, ("a",), lambda _: np.zeros((400, 400, 3), np.uint8))
    assert shown.picture and 1 <= shown.width <= 400 and 1 <= shown.height <= 400
