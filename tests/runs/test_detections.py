import numpy as np

from frcnn_keras.runs.detections import Detections

NAMES = ("ant", "bee", "käfer")


def found():
    return Detections.of(np.arange(12, dtype=np.float32).reshape(3, 4), np.array([0.9, 0.5, 0.25], np.float32),
                         np.array([3, 1, 3], np.int32), NAMES)


def test_names_are_those_of_the_labels():
    assert found().names == ("käfer", "ant", "käfer") and len(found()) == 3


def test_above_is_strictly_above_and_keeps_what_belongs_together():
    best = found().above(0.5)
    assert best.names == ("käfer",) and best.scores.tolist() == [np.float32(0.9)] and best.labels.tolist() == [3]
    assert best.boxes.tolist() == [[0, 1, 2, 3]]
    assert found().above(0.25).names == ("käfer", "ant") and found().above(0.25).boxes[1].tolist() == [4, 5, 6, 7]
    assert len(found().above(-1)) == 3


def test_nothing_found():
    none = found().above(0.9)
    assert len(none) == 0 and none.names == () and none.boxes.shape == (0, 4)
    assert len(Detections.of(none.boxes, none.scores, none.labels, NAMES)) == 0
