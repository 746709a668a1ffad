import cv2
import numpy as np
import pytest

from frcnn_keras.auditing.findings import Finding
from frcnn_keras.auditing.picture_files import Pictures
from frcnn_keras.auditing.pictures import LABELLED, SUGGESTED, crop_of, crops, sheets
from frcnn_keras.errors import InputError

GREY = np.full((300, 400, 3), 100, np.uint8)
SHIFTED = Finding("shifted", 1, "a.png", (150, 100, 250, 160), "cat", "cat", 0.9, 1, (140, 100, 240, 160))


def has(crop, colour):
    return bool((crop == colour).all(axis=-1).any())


def test_a_crop_shows_both_boxes_and_what_is_around():
    crop = crop_of(SHIFTED, GREY)
    assert crop.shape[1] == 240 and crop.shape[0] <= 200
    assert has(crop, LABELLED) and has(crop, SUGGESTED)
    # 110 wide and 66 around on each side: 242 of 240 pixels; the left edge of the label is 66 from the crop's
    row = crop[crop.shape[0] // 2]
    assert np.flatnonzero((row == LABELLED).all(axis=-1))[0] == pytest.approx(66 * 240 / 242, abs=2)


@pytest.mark.parametrize("kind, box, colour", [("missing", (0, 0, 4, 3), SUGGESTED),
                                               ("spurious", (396, 297, 400, 300), LABELLED)])
def test_small_ones_at_the_edge(kind, box, colour):
    crop = crop_of(Finding(kind, 1, "a", box, "", "", 0.5, 1, None if kind == "missing" else box), GREY)
    assert has(crop, colour) and min(crop.shape[:2]) > 100


def test_pictures_are_found_below_a_folder(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    cv2.imwrite(str(tmp_path / "sub" / "a.png"), GREY)
    assert Pictures(tmp_path).path_of("sub/a.png") == tmp_path / "sub" / "a.png"
    assert Pictures(tmp_path).path_of("b.png") is None
    monkeypatch.chdir(tmp_path)
    assert Pictures().path_of("sub/a.png") is not None and Pictures().path_of("a.png") is None
    with pytest.raises(InputError, match="no such folder"):
        Pictures(tmp_path / "none")


def test_sheets_of_those_at_hand(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), GREY)
    absent = Finding("missing", 2, "b.png", (0, 0, 9, 9), "", "cat", 0.8)
    found = (SHIFTED, absent, SHIFTED) + (SHIFTED,) * 30
    assert [number for number, _, _ in crops(found, Pictures(tmp_path), 4)] == [1, 3, 4]
    assert len(list(sheets(found, Pictures(tmp_path), 33))) == 2  # 24 and 8
    assert list(sheets((absent,), Pictures(tmp_path), 5)) == []
