import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from frcnn_keras.errors import InputError
from frcnn_keras.pictures.drawing import draw_detections
from frcnn_keras.runs.detections import Detections

NAMES = ("ant", "b<e>e")


def found(image=None, count=1):
    boxes = np.tile(np.array([[40, 60, 200, 180]], np.float32), (count, 1))
    return Detections.of(boxes, np.linspace(0.9, 0.1, count, dtype=np.float32), np.full(count, 2, np.int32), NAMES, (),
                         image)


def grey(height=300, width=400):
    return np.full((height, width, 3), 128, np.uint8)


def test_the_picture_is_what_predict_draws():
    image = grey()
    picture = found(image).plot()
    assert isinstance(picture, Image.Image)
    np.testing.assert_array_equal(picture, draw_detections(image, [[40, 60, 200, 180]], [2], [0.9], NAMES))
    assert (image == 128).all()


def test_a_path_is_read_when_it_is_drawn(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(grey()).save(path)
    one = found(path)
    np.testing.assert_array_equal(one.plot(), found(grey()).plot())
    path.unlink()
    with pytest.raises(InputError, match="a.png"):
        one.plot()
    assert "a.png" in one._repr_html_() and "<table" in one._repr_html_()


def test_without_a_picture():
    with pytest.raises(InputError, match=r"found.plot\(image\)"):
        found().plot()
    np.testing.assert_array_equal(found().plot(grey()), found(grey()).plot())
    assert "<img" not in found()._repr_html_() and "<table" in found()._repr_html_()


@pytest.mark.parametrize("size, longest, wanted", [
    ((300, 400), 1024, (300, 400)), ((3000, 4000), 1024, (768, 1024)), ((300, 400), 200, (150, 200)),
    ((32, 32), 1024, (256, 256)), ((100, 50), 1024, (300, 150)), ((1, 1), 1024, (256, 256)), ((32, 32), 100, (96, 96)),
    ((20, 2000), 1000, (10, 1000))])
def test_size(size, longest, wanted):
    picture = found(grey(*size)).plot(longest=longest)
    assert (picture.height, picture.width) == wanted


def test_boxes_are_scaled_with_the_picture():
    """32 x 32 becomes 256 x 256; the picture is grey, so what has a colour is drawn."""
    image = np.zeros((32, 32, 3), np.uint8)
    image[8:16, 8:24] = 255
    one = Detections.of(np.float32([[8, 8, 24, 16]]), np.float32([0.9]), np.int32([1]), NAMES, (), image)
    picture = np.asarray(one.plot())
    rows, columns = np.nonzero(picture.min(axis=-1) != picture.max(axis=-1))
    assert columns.min() == pytest.approx(64, abs=1) and rows.max() == pytest.approx(128, abs=1)
    assert columns.max() == pytest.approx(192, abs=1) and picture.shape == (256, 256, 3)


@pytest.mark.parametrize("longest", [0, -5])
def test_no_size_at_all(longest):
    with pytest.raises(InputError, match="at least 1"):
        found(grey()).plot(longest=longest)


def test_a_notebook_gets_a_small_picture_and_a_short_table():
    noise = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)
    shown = found(noise, count=50)._repr_html_()
    data = re.search(r"data:image/jpeg;base64,([^\"]+)", shown)[1]
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (640, 480)
    assert len(shown) < 600_000  # noise is the worst there is
    assert shown.count("<tr>") == 21 and "and 30 more" in shown
    assert "b&lt;e&gt;e" in shown and "<e>" not in shown
    assert "40.0, 60.0, 200.0, 180.0" in shown and "0.900" in shown


def test_nothing_found():
    none = found(grey(), count=0)
    np.testing.assert_array_equal(none.plot(), grey())
    assert "nothing found" in none._repr_html_() and "<img" in none._repr_html_()
