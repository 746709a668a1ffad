import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.runs.detector import Detector
from frcnn_keras.serving.single_file import PRODUCER, compare_file, facts, needed, new_file, require_float32, resized
from tests.detectors import change


def test_resized_by_height_and_width():
    assert resized(np.zeros((10, 20, 3), np.uint8), (30, 40)).shape == (30, 40, 3)


def test_a_new_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "a.onnx"
    with pytest.raises(RuntimeError), new_file(path, False) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert list(path.parent.iterdir()) == []
    with new_file(path, False) as temporary:
        temporary.write_bytes(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole" and len(list(path.parent.iterdir())) == 1
    with pytest.raises(InputError, match="exists; .*--overwrite"), new_file(path, False):
        pass
    with pytest.raises(InputError, match="no ONNX or LiteRT file that this package exported"), new_file(path, True):
        pass
    path.write_bytes(b"\x08\x08" + PRODUCER + b"rest")
    with new_file(path, True) as temporary:
        temporary.write_bytes(b"new")
    assert path.read_bytes() == b"new"
    path.unlink()
    path.symlink_to(tmp_path / "photo.jpg")
    with pytest.raises(InputError, match="exported"), new_file(path, True):
        pass
    with pytest.raises(InputError, match="name a file"), new_file(tmp_path, True):
        pass


def test_a_missing_package_is_named():
    with pytest.raises(InputError, match="--format onnx needs the package no-such-thing .*requirements-extras.txt"):
        needed("onnx", "json", "no_such_thing.part")
    assert needed("onnx", "json")[0].dumps([]) == "[]"


def test_other_precisions_are_refused(hand_detector):
    require_float32(Detector(hand_detector))
    hand_detector.rpn.convolution.dtype_policy = "mixed_bfloat16"
    with pytest.raises(InputError, match="layer convolution computes in bfloat16"):
        require_float32(Detector(hand_detector))


def silent(value):
    """What a file gives whose outputs are all `value`."""
    return lambda image: dict.fromkeys(("num_detections", "detection_boxes", "detection_scores", "detection_classes"),
                                       value)


def test_a_form_that_was_not_promised_names_the_image(hand_detector):
    detector = Detector(hand_detector)
    with pytest.raises(RuntimeError, match=r"ONNX, test image 0 \(64 x 48\): detection_boxes is float64 \(1,\)"):
        compare_file("ONNX", lambda image: silent(np.zeros(1))(image) | {"num_detections": np.zeros(1, np.float32)},
                     detector, [], (48, 64))


def test_images_are_compared_behind_the_pictures(hand_detector):
    """The file finds nothing; the detector finds the block of the given image, and none where all is grey."""
    asked = []

    def run(image):
        asked.append(image.shape)
        return {"detection_boxes": np.zeros((1, 3, 4), np.float32), "num_detections": np.zeros(1, np.float32),
                "detection_scores": np.zeros((1, 3), np.float32), "detection_classes": np.zeros((1, 3), np.float32)}

    image = np.zeros((48, 64, 3), np.uint8)
    image[16:20, 24:28, 0] = 250
    found = compare_file("ONNX", run, Detector(hand_detector), [image], None)
    assert asked[-1] == (1, 48, 64, 3) and len(asked) == found.answers == 5 and not found.close
    assert "ONNX, test image 4 (64 x 48): does not answer as predict does" in found.problems[-1]
    compare_file("ONNX", run, Detector(hand_detector), [image], (96, 128))
    assert asked[5:] == [(1, 96, 128, 3)] * 5


def test_facts(hand_detector):
    assert facts(Detector(hand_detector)) == {"class_names": ["one", "two"], "score_threshold": 0.5,
                                              "nms_iou_threshold": 0.5, "max_detections": 3}
    change(hand_detector, "detecting", class_thresholds=(0.6, 0.7), small_area=1024.0, small_threshold=0.4)
    assert facts(Detector(hand_detector)) == {
        "class_names": ["one", "two"], "score_threshold": 0.4, "nms_iou_threshold": 0.5, "max_detections": 3,
        "class_thresholds": [0.6, 0.7], "small_area": 1024, "small_threshold": 0.4}
