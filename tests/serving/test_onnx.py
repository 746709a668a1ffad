import importlib.util
import json
import sys

import numpy as np
import pytest

from frcnn_keras.errors import InputError
from frcnn_keras.runs.detector import Detector
from frcnn_keras.serving import onnx as onnx_export
from frcnn_keras.serving.drawn_pictures import drawn_pictures
from frcnn_keras.serving.onnx import export_onnx
from tests.bright_pictures import bright, picture
from tests.detectors import change, small_detector
from tests.spoilt_exports import spoil

needs_extras = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnx", "tf2onnx", "onnxruntime")),
    reason="onnx, tf2onnx or onnxruntime is not installed (requirements-extras.txt)")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")]


def run(path, image):
    """Outputs by name, as a user gets them."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    assert given.name == "image_tensor" and given.type == "tensor(uint8)"
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"image_tensor": image[None]}))), session


@needs_extras
def test_the_hand_detectors_box(hand_detector, tmp_path):
    image = picture()
    path = tmp_path / "hand.onnx"
    export_onnx(Detector(hand_detector), path, check_images=[image], opset=18)
    outputs, session = run(path, image)
    assert outputs["num_detections"].tolist() == [1.0] and outputs["detection_classes"][0, 0] == 2
    np.testing.assert_allclose(outputs["detection_boxes"][0, 0], [9.2 / 48, 19.6 / 64, 25.2 / 48, 35.6 / 64], atol=1e-4)
    facts = {key: json.loads(value) for key, value in session.get_modelmeta().custom_metadata_map.items()}
    assert facts == {"class_names": ["one", "two"], "score_threshold": 0.5, "nms_iou_threshold": 0.5,
                     "max_detections": 3}
    assert [item.name for item in tmp_path.iterdir()] == ["hand.onnx"]


@needs_extras
def test_a_threshold_for_each_class(tmp_path):
    model, image = small_detector(2), drawn_pictures((80, 110))[0]
    labels = Detector(model).predict(image)[0].labels
    thresholds = [0.0] * len(model.class_names)
    thresholds[int(labels[0]) - 1] = 0.99
    change(model, "detecting", class_thresholds=tuple(thresholds))
    export_onnx(Detector(model), tmp_path / "each.onnx", check_images=[image])
    outputs, session = run(tmp_path / "each.onnx", image)
    found = outputs["detection_classes"][0][: int(outputs["num_detections"][0])]
    assert len(found) and labels[0] not in found
    assert json.loads(session.get_modelmeta().custom_metadata_map["class_thresholds"]) == thresholds


@needs_extras
def test_small_boxes_have_their_own_threshold(hand_detector, tmp_path):
    """16 x 16 pixels in an image of 48 x 64, 32 x 32 in one of twice the size."""
    change(hand_detector, "detecting", small_area=300.0, small_threshold=1.0)
    export_onnx(Detector(hand_detector), tmp_path / "a.onnx", check_images=[picture()])
    for image, count in ((picture(), 0), (bright(96, 128, 32, 48, 8), 1)):
        outputs, session = run(tmp_path / "a.onnx", image)
        assert outputs["num_detections"].tolist() == [count]
    facts = session.get_modelmeta().custom_metadata_map
    assert (json.loads(facts["small_area"]), json.loads(facts["small_threshold"])) == (300, 1)


@needs_extras
def test_a_pyramid_gives_what_predict_gives_at_any_size(tmp_path):
    detector, path = Detector(small_detector(3)), tmp_path / "a.onnx"
    images = [drawn_pictures(size)[0] for size in ((71, 130), (200, 64))]
    found = export_onnx(detector, path, check_images=images).agreement
    assert found.answers == 6 and found.detections > 15 and found.differing == 0
    for image in images:
        outputs, session = run(path, image)
        assert session.get_inputs()[0].shape[1:3] != list(image.shape[:2])  # free
        wanted = detector.predict(image)[0]
        count = int(outputs["num_detections"][0])
        assert count == len(wanted) > 2
        height, width = image.shape[:2]
        boxes = outputs["detection_boxes"][0, :count][:, [1, 0, 3, 2]] * [width, height, width, height]
        np.testing.assert_allclose(boxes, wanted.boxes, atol=0.02)
        np.testing.assert_allclose(outputs["detection_scores"][0, :count], wanted.scores, atol=1e-4)
        assert outputs["detection_classes"][0, :count].tolist() == wanted.labels.tolist()


@needs_extras
def test_a_file_that_answers_otherwise_gets_no_name(monkeypatch, hand_detector, tmp_path):
    image = spoil(monkeypatch, onnx_export, "detection_boxes", 0.99)  # shifted by a hundredth of the image
    with pytest.raises(RuntimeError, match="ONNX, test image .*boxes differ by"):
        export_onnx(Detector(hand_detector), tmp_path / "a.onnx", check_images=[image])
    assert list(tmp_path.iterdir()) == []


def test_bad_arguments(hand_detector, tmp_path):
    with pytest.raises(InputError, match="opset 12: use 13 to 18"):
        export_onnx(Detector(hand_detector), tmp_path / "a.onnx", opset=12)


@needs_extras
def test_an_existing_file_is_kept(hand_detector, tmp_path):
    path = tmp_path / "a.onnx"
    path.write_bytes(b"mine")
    with pytest.raises(InputError, match="a.onnx: exists"):
        export_onnx(Detector(hand_detector), path)
    assert path.read_bytes() == b"mine"


def test_missing_packages_are_one_line(monkeypatch, hand_detector, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match="onnx.*pip install -r requirements-extras.txt"):
        export_onnx(Detector(hand_detector), tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []
