import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from frcnn_keras.data.thumbnails import average_hash, normalised, thumbnail


def smooth(height=240, width=320, seed=0):
    """(height, width, 3) uint8 of clouds."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def encoded(pixels, kind="JPEG", orientation=1, **settings):
    exif = Image.Exif()
    if orientation != 1:
        exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, exif=exif, **settings)
    return stream.getvalue()


def slow(data):
    """(16, 16) by Pillow: upright, grey, each part's mean."""
    grey = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("L"), np.float64)
    rows, columns = np.array_split(np.arange(grey.shape[0]), 16), np.array_split(np.arange(grey.shape[1]), 16)
    return np.array([[grey[np.ix_(row, column)].mean() for column in columns] for row in rows])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(480, 640), (48, 64), (272, 320)])
def test_the_mean_grey_of_the_upright_picture(orientation, size):
    data = encoded(smooth(*size), orientation=orientation)
    np.testing.assert_allclose(thumbnail(data), slow(data), atol=4)


@pytest.mark.parametrize("kind, mode", [("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("BMP", "RGB"), ("GIF", "P"),
                                        ("TIFF", "RGB"), ("WEBP", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK")])
def test_every_form(kind, mode):
    stream = io.BytesIO()
    Image.fromarray(smooth()).convert(mode).save(stream, kind)
    np.testing.assert_allclose(thumbnail(stream.getvalue()), slow(stream.getvalue()), atol=6)


def test_what_cannot_be_decoded_has_none():
    data = encoded(smooth())
    for broken in (b"", b"no picture", data[: len(data) // 2]):
        assert thumbnail(broken) is None


def test_the_hash_says_which_parts_are_light():
    small = np.zeros((16, 16), np.float32)
    small[:2, :2] = 200  # the first part
    small[14:, 12:14] = 100  # the last row's seventh
    assert average_hash(small) == 1 << 63 | 1 << 1
    assert average_hash(np.full((16, 16), 7, np.float32)) == 0


def test_products_are_correlations():
    one, other = (thumbnail(encoded(smooth(seed=seed))) for seed in (1, 2))
    wanted = np.corrcoef(one.ravel(), other.ravel())[0, 1]
    assert normalised(one) @ normalised(other) == pytest.approx(wanted, abs=1e-5)
    assert normalised(one) @ normalised(one + 20) == pytest.approx(1, abs=1e-5)
    assert not normalised(np.full((16, 16), 9, np.float32)).any()
