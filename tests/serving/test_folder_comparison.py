import numpy as np
import pytest

from frcnn_keras.data.given_images import pixels
from frcnn_keras.readers.tf_examples import encoded_in
from frcnn_keras.readers.tf_records import encoded_image
from frcnn_keras.runs.detector import Detector
from frcnn_keras.serving.drawn_pictures import drawn_images
from frcnn_keras.serving.folder_comparison import compare_folder, request
from frcnn_keras.serving.saved_model import write_saved_model
from tests.detectors import hand_made

KINDS = ("od-api:image_tensor", "od-api:tf_example")


def test_requests_are_what_each_kind_takes():
    images = drawn_images()[:2]
    for kind, wanted in (("ours", "image_bytes"), ("od-api:encoded_image", "input_tensor")):
        name, value = request(kind, images)
        assert name == wanted and value.dtype == object and list(value) == images
    name, value = request("od-api:image_tensor", images)
    assert name == "input_tensor" and value.dtype == np.uint8
    np.testing.assert_array_equal(value, np.asarray(pixels(images[0]))[None])


def test_examples_are_read_as_records_are():
    images = [b"", b"\xff\xd8\xff" * 100]
    name, value = request("od-api:tf_example", images)
    assert name == "input_tensor" and [encoded_image(made).numpy() for made in value] == images
    assert encoded_in(value[1]) == images[1]  # the reader that needs no TensorFlow


@pytest.mark.slow
def test_every_kind_is_asked(tmp_path):
    """A detector that scores otherwise than the folder is found out through each kind."""
    detector, images = Detector(hand_made()), drawn_images()[1:3]
    write_saved_model(detector, tmp_path, kinds=KINDS)
    found = compare_folder(detector, tmp_path, images, KINDS)
    assert found.close and (found.box, found.score) == (0.0, 0.0) and found.answers == 6 and found.detections
    detector.model.rcnn.class_logits.bias.assign_add([0.0, 0.0, 0.1])
    found = compare_folder(detector, tmp_path, images, KINDS)
    assert not found.close and {problem.split(", test")[0] for problem in found.problems} == {
        "SavedModel, od-api:image_tensor", "SavedModel, od-api:tf_example",
        "SavedModel, od-api:tf_example, all in one request"}
