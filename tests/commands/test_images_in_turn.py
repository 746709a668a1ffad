import gc
import weakref

import cv2
import numpy as np
import pytest

from frcnn_keras.commands.images_in_turn import images_in_turn
from frcnn_keras.data import given_images
from frcnn_keras.errors import InputError


@pytest.fixture
def images(tmp_path):
    """Three files, the second of which is no image, with names."""
    for number, name in ((1, "a"), (3, "c")):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((4, 5, 3), number, np.uint8))
    (tmp_path / "b.png").write_bytes(b"no image")
    return [(tmp_path / f"{name}.png", f"{name}.jpg") for name in "abc"]


def test_bad_ones_are_passed_over_and_said(images, capsys):
    found = list(images_in_turn("predict", images, skip_bad=True))
    assert [(number, path.name, name) for number, path, name, _ in found] == [
        (1, "a.png", "a.jpg"), (3, "c.png", "c.jpg")]
    assert [int(image.numpy().max()) for *_, image in found] == [1, 3]
    told = capsys.readouterr().err
    assert f"left out: {images[1][0]}: " in told and "predict [####################] 3/3 images" in told


def test_a_bad_one_stops(images):
    turn = images_in_turn("predict", images, skip_bad=False)
    assert next(turn)[0] == 1
    with pytest.raises(InputError, match="b.png"):
        next(turn)


def test_nothing_is_kept_of_an_image_that_was_handed_on(images, monkeypatch):
    class Image:
        pass

    monkeypatch.setattr(given_images, "pixels", lambda path: Image())
    turn = images_in_turn("predict", images, skip_bad=False)
    number, path, name, image = next(turn)
    kept = weakref.ref(image)
    del image
    gc.collect()
    assert kept() is None
