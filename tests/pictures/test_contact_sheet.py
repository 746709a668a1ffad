import numpy as np
import pytest

from frcnn_keras.pictures.contact_sheet import contact_sheet, fit


def grey(height, width):
    return np.full((height, width, 3), 128, np.uint8)


def coloured(image, colour):
    return (image == np.array(colour, np.uint8)).all(axis=-1)


def test_fit_shrinks_and_never_enlarges():
    image = grey(300, 600)
    small, scale = fit(image, 200, 200)
    assert small.shape == (100, 200, 3) and scale == pytest.approx(1 / 3)
    assert fit(image, 600, 300)[0] is image
    assert fit(grey(1, 5000), 100, 100)[0].shape == (1, 100, 3)


def test_contact_sheet():
    images = [np.full((h, w, 3), v, np.uint8) for h, w, v in ((100, 200, 10), (300, 100, 20), (8, 8, 30))]
    sheet = contact_sheet(images, columns=2, cell_size=(100, 100), titles=["one", "zweï" * 50, ""])
    assert sheet.dtype == np.uint8 and sheet.shape == (8 + 2 * 124, 8 + 2 * 108, 3)
    assert coloured(sheet[:108], (10, 10, 10)).sum() == 100 * 50  # below it letters' edges may have any grey
    assert coloured(sheet[:108], (20, 20, 20)).sum() == pytest.approx(33 * 100, abs=5)
    assert coloured(sheet[132:232], (30, 30, 30)).sum() == 64
    plain = contact_sheet(images, columns=5, cell_size=(100, 100))
    assert plain.shape == (8 + 108, 8 + 3 * 108, 3)
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([])


def test_a_long_title_stays_in_its_cell_and_shows_both_its_ends():
    """The same ends, another middle: no pixel differs; another ending: it does."""
    def sheet(title):
        return contact_sheet([grey(20, 100)] * 2, columns=2, cell_size=(100, 20), titles=[title, ""])

    long = sheet("photograph-of-" + "x" * 50 + "-0001.jpg")
    assert (long == sheet("photograph-of-" + "y" * 60 + "-0001.jpg")).all()
    assert (long != sheet("photograph-of-" + "x" * 50 + "-0002.jpg")).any()
    inked = (long[28:] < 128).any(axis=(0, 2))
    assert inked[:108].sum() > 40 and not inked[110:].any()
