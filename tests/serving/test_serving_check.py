import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.data.image_files import check_complete, image_size
from frcnn_keras.runs.detections import Detections
from frcnn_keras.serving.serving_check import compare, difference, drawn_images, serving_session

SIZE = (50, 200)
FOUND = Detections.of(np.array([[20, 10, 100, 30], [0, 0, 200, 50]], np.float32), np.array([0.9, 0.4], np.float32),
                      np.array([2, 1], np.int32), ("cat", "dog"))
ANSWER = {"num_detections": np.float32(2), "detection_scores": np.array([0.9, 0.4, 0], np.float32),
          "detection_classes": np.array([2, 1, 0], np.float32),
          "detection_class_names": np.array([b"dog", b"cat", b""], object),
          "detection_boxes": np.array([[0.2, 0.1, 0.6, 0.5], [0, 0, 1, 1], [0, 0, 0, 0]], np.float32)}


def changed(key, place, value):
    answer = {name: np.array(given) for name, given in ANSWER.items()}
    answer[key][place] = value
    return answer


def test_equal():
    found = difference([FOUND], [ANSWER], [SIZE])
    assert found.close and found.detections == 2 and found.boxes < 1e-7 and found.scores == 0
    found.require()
    assert "2 detections in 1 answers" in str(found)


@pytest.mark.parametrize("answer, text", [
    (changed("detection_scores", 1, 0.4002), "scores 2.0e-04"),
    (changed("detection_boxes", (0, 2), 0.601), "boxes 1.0e-03"),
    (changed("detection_classes", 0, 1), "answers 1"),
    (changed("detection_class_names", 0, b"cat"), "answers 1"),
    (changed("num_detections", (), 1), "answers 1"),
])
def test_unlike(answer, text):
    found = difference([FOUND] * 2, [ANSWER, answer], [SIZE] * 2)
    assert not found.close and text in str(found)
    with pytest.raises(RuntimeError, match="not answer as predict"):
        found.require()


def test_within_the_tolerance():
    found = difference([FOUND], [changed("detection_scores", 1, 0.40005)], [SIZE])
    assert found.close and 4e-5 < found.scores < 6e-5


def test_drawn_images_are_whole_and_unlike():
    images = drawn_images()
    for image in images:
        check_complete(image)
    assert len({image_size(image) for image in images}) == len({image[:3] for image in images}) + 1 == 4
    assert drawn_images() == images


def test_compare_asks_the_folder_and_not_the_detector(exported):
    detector, folder = exported
    found = compare(detector, folder, drawn_images())
    assert found.close and found.answers == 12 and found.detections > 20
    bias = detector.model.rcnn.class_logits.bias
    before = bias.numpy()
    try:
        bias.assign(before + np.arange(len(before), dtype=np.float32) * 0.3)
        assert not compare(detector, folder, drawn_images()).close
    finally:
        bias.assign(before)


def test_a_session_reads_no_python_objects(exported, tmp_path):
    """A module that holds Keras's own variables loads in Python, but not here: that is what the check is for."""
    import keras

    dense = keras.layers.Dense(1)
    dense.build((None, 2))
    module = tf.Module()
    module.weights = dense.variables
    signature = tf.function(dense, input_signature=[tf.TensorSpec((None, 2), tf.float32, name="x")])
    tf.saved_model.save(module, str(tmp_path / "m"), {"serving_default": signature})
    tf.saved_model.load(str(tmp_path / "m"))
    with pytest.raises(tf.errors.FailedPreconditionError), serving_session(tmp_path / "m") as call:
        call("serving_default", {"x": np.zeros((1, 2), np.float32)})


def test_an_open_session_leaves_the_rest_eager(exported):
    with serving_session(exported[1]):
        assert tf.executing_eagerly() and (tf.constant([1, 2]) == tf.constant([1, 3])).numpy().tolist() == [True, False]
    with serving_session(exported[1]) as call:
        assert call("image_tensor", {"image_tensor": np.zeros((1, 8, 8, 3), np.uint8)})
    with pytest.raises(RuntimeError, match="closed"):
        call("image_tensor", {"image_tensor": np.zeros((1, 8, 8, 3), np.uint8)})


def test_differences_are_plain_values():
    found = difference([FOUND], [ANSWER], [SIZE])
    assert all(isinstance(value, (int, float, tuple)) for value in dataclasses.asdict(found).values())
