import cv2
import numpy as np
import pytest

from frcnn_keras.pictures.drawing import draw_detections
from frcnn_keras.runs.detections import Detections
from frcnn_keras.runs.looking import Looking
from frcnn_keras.runs.shots import Shot
from tests.encoded_pictures import RGB, encode


class Finder:
    """Finds the same in every image."""

    class_names, category_ids = ("ant", "bee"), (1, 2)

    def predict(self, image):
        boxes = np.float32([[1, 2, 21, 32], [30.5, 4, 41, 9.2]])
        return [Detections.of(boxes, np.float32([0.9, 0.6]), np.int32([2, 1]), self.class_names, image=image)]


def decoded(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_a_picture_is_drawn_and_cut(tmp_path):
    (tmp_path / "a.png").write_bytes(encode(".png", RGB[..., ::-1]))
    seen = Looking(Finder(), crops=("ants", "bees"))(Shot("a.png", tmp_path / "a.png", "x.png", 1))
    assert seen.size == RGB.shape[:2] and seen.found.image is None and seen.fault is None and seen.original == b""
    drawn = draw_detections(RGB, seen.found.boxes, seen.found.labels, seen.found.scores, Finder.class_names)
    np.testing.assert_array_equal(decoded(seen.drawn), drawn)
    assert [name for name, _ in seen.crops] == ["bees/x-1.png", "ants/x-2.png"]
    np.testing.assert_array_equal(decoded(seen.crops[0][1]), RGB[2:32, 1:21])  # of the picture before it was drawn on
    np.testing.assert_array_equal(decoded(seen.crops[1][1]), RGB[4:10, 30:41])


def test_only_the_classes_that_are_asked_for():
    seen = Looking(Finder(), wanted=frozenset({1}), crops=("ants", "bees"))(Shot("a", RGB, "a.png"))
    assert seen.found.names == ("ant",) and [name for name, _ in seen.crops] == ["ants/a-1.png"]
    assert len(Looking(Finder(), wanted=frozenset())(Shot("a", RGB, "a.png")).found) == 0


def test_a_frame_is_handed_on_as_an_array_and_kept_as_it_was_sent():
    seen = Looking(Finder(), keep=True)(Shot("a.mp4", RGB, "a-000001.jpg", frame=1, video="a.mp4"))
    assert seen.drawn.shape == RGB.shape and abs(decoded(seen.original).astype(int) - RGB).mean() < 10
    jpeg = encode(".jpg")
    seen = Looking(Finder(), keep=True)(Shot("stdin", jpeg, "stdin-000001.jpg", frame=1))
    assert seen.original == jpeg and isinstance(seen.drawn, bytes)


def test_without_drawing():
    assert Looking(Finder(), draw=False)(Shot("a", RGB, "a.png")).drawn is None


@pytest.mark.parametrize("shot, told", [
    (Shot("b.png", "absent.png", "b.png"), "absent.png: cannot be read"),
    (Shot("stdin", encode(".jpg")[:-9], "s.jpg", frame=3), "stdin: frame 3: encoded image: the JPEG is truncated")])
def test_a_fault_is_no_exception(shot, told):
    seen = Looking(Finder())(shot)
    assert seen.found is None and str(seen.fault).startswith(told)
