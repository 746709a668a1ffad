import numpy as np
import pytest

from frcnn_keras.data.example import Dataset, Example
from frcnn_keras.runs.detector import Detector
from frcnn_keras.runs.scoring import score
from tests.bright_pictures import WANTED, encoded, picture


def example(left, label=2, moved=0.0):
    """picture(left), with an object where hand_made finds one, or `moved` from there to the right."""
    box = np.array([WANTED], np.float32) + np.float32([left - 24 + moved, 0] * 2)
    none = np.zeros(1, bool)
    return Example(f"{left}", f"{left}.png", lambda: encoded(picture(left)), 48, 64, box, np.array([label], np.int32),
                   none, none)


def scored(detector, *examples):
    return score(Detector(detector), Dataset("set", ("one", "two"), (1, 2), examples, ()))


def test_every_image_in_order_and_all_right(hand_detector):
    found = scored(hand_detector, example(32), example(16), example(40))
    np.testing.assert_allclose([one.boxes[0, 0] for one in found.detections], [27.6, 11.6, 35.6], atol=1e-3)
    assert all(one.names == ("two",) for one in found.detections)
    assert found.metrics["images"] == 3
    assert found.metrics["coco"]["AP"] == pytest.approx(1) and found.metrics["per_class"]["two"]["AP50"] == 1
    assert found.metrics["seconds_per_image"] > 0
    proposed = found.metrics["proposals"]
    assert proposed["recall"]["recall@300/0.5"] == 1 and proposed["by_size"]["small"]["objects"] == 3
    assert proposed["by_size"]["small"]["recall@300/0.5"] == 1 and proposed["by_size"]["large"]["objects"] == 0


def test_what_is_wrong_counts_against(hand_detector):
    """Objects of another class; one of 16 x 16 pixels, 3.5 to the side: IoU 12.5 / 19.5 = .64 passes .5, .55 and .6."""
    assert scored(hand_detector, example(32, label=1), example(16, label=1)).metrics["coco"]["AP"] == 0
    found = scored(hand_detector, example(32, moved=3.5)).metrics["coco"]
    assert found["AP50"] == pytest.approx(1) and found["AP75"] == 0 and found["AP"] == pytest.approx(0.3)
    lost = scored(hand_detector, example(32, moved=40)).metrics["proposals"]
    assert lost["recall"]["recall@300/0.5"] == lost["by_size"]["small"]["recall@300/0.5"] == 0
    half = scored(hand_detector, example(32), example(16, label=1)).metrics["per_class"]
    assert half["one"]["AP50"] == 0 and 0 < half["two"]["AP50"] <= 1
