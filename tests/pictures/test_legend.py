import cv2
import numpy as np
import pytest

from frcnn_keras.pictures.plots import plot_precision_recall

CURVE = np.ones(2), np.array([0.1, 0.2]), 0.5


def drawn(tmp_path, names):
    plot_precision_recall(tmp_path / "a.png", {name: CURVE for name in names}, 0.5)
    return cv2.imread(str(tmp_path / "a.png"))


def test_names_of_any_script_are_told_apart(tmp_path):
    """Matplotlib's font would draw the same boxes for both; a warning about them would fail this."""
    pictures = [drawn(tmp_path, ["cell", name]) for name in ("猫", "狗", "قطة")]
    assert all((pictures[i] != pictures[j]).any() for i, j in ((0, 1), (0, 2), (1, 2)))


def test_each_line_is_in_the_legend(tmp_path):
    """Where both curves are the same, the second covers the first: what is seen of the first one's colour is the
    legend's."""
    for names in (["cell", "cat"], ["cell", "猫"]):
        picture = drawn(tmp_path, names)
        assert 10 < (picture == (180, 119, 31)).all(axis=-1).sum() < 200


@pytest.mark.parametrize("name", ["cat", "猫"])
def test_many_stand_beside_the_curves(name, tmp_path):
    few, many = (drawn(tmp_path, [name, *(f"class {i}" for i in range(count))]) for count in (3, 40))

    def right_of_the_axes(picture):
        """Columns behind the last one that is dark from top to bottom: the frame."""
        dark = (picture.max(axis=-1) < 60).mean(axis=0) > 0.6
        return picture[:, np.flatnonzero(dark).max() + 8 :]

    assert (right_of_the_axes(many) < 128).sum() > 2000 > (right_of_the_axes(few) < 128).sum()
