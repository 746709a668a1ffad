import numpy as np

from frcnn_keras.data.shapes import shapes_dataset
from frcnn_keras.pipeline.picture import CELL, SHOWN, detections_sheet
from frcnn_keras.runs.detections import Detections

DATA = shapes_dataset(30, 0, 120, 160)
NONE = Detections.of(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32), DATA.class_names)


def found(score):
    return Detections.of(np.array([[20, 20, 100, 90]], np.float32), np.array([score], np.float32),
                         np.array([1], np.int32), DATA.class_names)


def test_what_is_sure_is_drawn_and_nothing_else():
    sheets = [detections_sheet(DATA.examples[:2], [NONE, other], DATA.class_names)
              for other in (NONE, found(0.9), found(0.4))]
    assert (sheets[0] != sheets[1]).any() and (sheets[0] == sheets[2]).all()
    changed = np.flatnonzero((sheets[0] != sheets[1]).any((0, 2)))
    assert sheets[0].shape[1] < 3 * CELL[0] and changed.min() >= 160  # in the second cell alone, as wide as its image


def test_large_images_fill_their_cells():
    large = shapes_dataset(2, 0, 600, 800)
    sheet = detections_sheet(large.examples, [NONE] * 2, DATA.class_names)
    assert sheet.shape[1] >= 2 * CELL[0]


def test_so_many_of_all():
    assert len(DATA.examples) > SHOWN
    all_, twelve = (detections_sheet(examples, [NONE] * len(examples), DATA.class_names)
                    for examples in (DATA.examples, DATA.examples[:SHOWN]))
    assert all_.shape == twelve.shape and (all_ != twelve).any()
    assert detections_sheet(DATA.examples[:1], [NONE], DATA.class_names).shape[1] < all_.shape[1]
