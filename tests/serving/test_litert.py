import importlib.util
import json
import sys
import zipfile

import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.runs.detector import Detector
from frcnn_keras.serving import litert as litert_export
from frcnn_keras.serving.drawn_pictures import drawn_pictures
from frcnn_keras.serving.litert import default_image_size, export_litert
from tests.bright_pictures import bright
from tests.detectors import change, hand_made, small_detector
from tests.spoilt_exports import spoil

needs_extras = pytest.mark.skipif(importlib.util.find_spec("ai_edge_litert") is None,
                                  reason="ai-edge-litert is not installed (requirements-extras.txt)")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")]


def open_file(path):
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_path=str(path))


@pytest.fixture(scope="module")
def pyramid(tmp_path_factory):
    """A detector on three levels, its file and what the export said."""
    detector = Detector(small_detector(3))
    path = tmp_path_factory.mktemp("litert") / "a.tflite"
    images = [drawn_pictures(size)[0] for size in ((71, 130), (200, 64))]
    return detector, path, export_litert(detector, path, check_images=images, image_size=(90, 130)).agreement


@needs_extras
def test_gives_what_predict_gives_for_its_size(pyramid):
    detector, path, found = pyramid
    assert found.answers == 6 and found.detections > 12 and found.differing == 0
    signature = open_file(path).get_signature_runner("serving_default")
    image = drawn_pictures((90, 130))[0]
    outputs, wanted = signature(image_tensor=image[None]), detector.predict(image)[0]
    count = int(outputs["num_detections"][0])
    assert count == len(wanted) > 2
    boxes = outputs["detection_boxes"][0, :count][:, [1, 0, 3, 2]] * [130, 90, 130, 90]
    np.testing.assert_allclose(boxes, wanted.boxes, atol=0.02)
    np.testing.assert_allclose(outputs["detection_scores"][0, :count], wanted.scores, atol=1e-4)
    assert outputs["detection_classes"][0, :count].tolist() == wanted.labels.tolist()


@needs_extras
def test_only_operations_of_its_own(pyramid):
    names = {operation["op_name"] for operation in open_file(pyramid[1])._get_ops_details()}
    assert "CONV_2D" in names and "WHILE" in names
    assert not {name for name in names if "Flex" in name or "CUSTOM" in name.upper()}
    assert b"Flex" not in pyramid[1].read_bytes()


@needs_extras
def test_names_and_thresholds_travel_inside(pyramid):
    with zipfile.ZipFile(pyramid[1]) as archive:
        assert archive.read("labels.txt").decode() == "ant\nbee\nkäfer\n"
        assert json.loads(archive.read("detector.json")) == {
            "class_names": ["ant", "bee", "käfer"], "score_threshold": 0.3, "nms_iou_threshold": 0.5,
            "max_detections": 20, "image_height": 90, "image_width": 130}
    assert [item.name for item in pyramid[1].parent.iterdir()] == ["a.tflite"]


@needs_extras
def test_the_hand_detectors_box_at_the_default_size(hand_detector, tmp_path):
    detector, path = Detector(hand_detector), tmp_path / "hand.tflite"
    assert default_image_size(detector) == (96, 128)
    export_litert(detector, path)
    image = bright(96, 128, 32, 48, 8)
    outputs = open_file(path).get_signature_runner("serving_default")(image_tensor=image[None])
    assert outputs["num_detections"].tolist() == [1.0] and outputs["detection_classes"][0, 0] == 2
    np.testing.assert_allclose(outputs["detection_boxes"][0, 0], [9.2 / 48, 19.6 / 64, 25.2 / 48, 35.6 / 64], atol=1e-4)


@needs_extras
@pytest.mark.parametrize("area, count", [(250.0, 1), (260.0, 0)])
def test_small_boxes_have_their_own_threshold(hand_detector, tmp_path, area, count):
    """16 x 16 pixels, which the detector resizes to 32 x 32."""
    change(hand_detector, "detecting", small_area=area, small_threshold=1.0)
    path = tmp_path / "small.tflite"
    export_litert(Detector(hand_detector), path, image_size=(48, 64))
    outputs = open_file(path).get_signature_runner("serving_default")(image_tensor=bright(48, 64, 16, 24)[None])
    assert outputs["num_detections"].tolist() == [count]
    with zipfile.ZipFile(path) as archive:
        facts = json.loads(archive.read("detector.json"))
    assert (facts["small_area"], facts["small_threshold"]) == (area, 1)


@pytest.mark.parametrize("shorter, longer, size",
                         [(600, 1000, (600, 800)), (800, 1333, (800, 1066)), (96, 100, (75, 100))])
def test_the_default_size_is_one_that_the_detector_leaves_alone(shorter, longer, size):
    from frcnn_keras.ops.images import resized_size

    assert default_image_size(Detector(hand_made(shorter=shorter, longer=longer))) == size
    assert resized_size(*size, shorter, longer) == size


@needs_extras
def test_a_file_that_answers_otherwise_gets_no_name(monkeypatch, hand_detector, tmp_path):
    image = spoil(monkeypatch, litert_export, "detection_scores", 0.9)
    with pytest.raises(RuntimeError, match="LiteRT, test image .*scores there by 0.0"):
        export_litert(Detector(hand_detector), tmp_path / "a.tflite", check_images=[image])
    assert list(tmp_path.iterdir()) == []


@needs_extras
def test_an_existing_file_is_kept(hand_detector, tmp_path):
    path = tmp_path / "a.tflite"
    path.write_bytes(b"mine")
    with pytest.raises(InputError, match="a.tflite: exists"):
        export_litert(Detector(hand_detector), path)
    assert path.read_bytes() == b"mine"


def test_bad_arguments_and_missing_packages(monkeypatch, hand_detector, tmp_path):
    with pytest.raises(InputError, match="image size 0 x 10"):
        export_litert(Detector(hand_detector), tmp_path / "a.tflite", image_size=(0, 10))
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(InputError, match="ai-edge-litert.*pip install -r requirements-extras.txt"):
        export_litert(Detector(hand_detector), tmp_path / "a.tflite")
    assert list(tmp_path.iterdir()) == []
