import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.models.portable import detection_outputs, portable
from frcnn_keras.serving.drawn_pictures import drawn_pictures
from tests.bright_pictures import picture
from tests.detectors import small_detector


@pytest.mark.parametrize("levels", [1, 3])
def test_finds_what_the_detector_finds(levels):
    model = small_detector(levels)
    other = portable(model)
    for image in (drawn_pictures(size)[0] for size in ((120, 160), (97, 61))):
        wanted, found = model.detect_image(image), other.detect_image(image)
        assert wanted.valid.numpy().sum() > 3
        np.testing.assert_array_equal(found.valid, wanted.valid)
        np.testing.assert_array_equal(found.labels, wanted.labels)
        np.testing.assert_allclose(found.boxes, wanted.boxes, atol=2e-3)
        np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-5)


def test_a_batch_finds_what_single_images_find():
    model = portable(small_detector(2))
    images = np.random.default_rng(0).normal(size=(2, 96, 128, 3)).astype(np.float32)
    sizes = np.array([[96, 128], [90, 120]], np.int32)
    both = model.call(tf.constant(images), tf.constant(sizes))
    for index in range(2):
        one = model.call(tf.constant(images[index:index + 1]), tf.constant(sizes[index:index + 1]))
        for part, single in zip(both, one, strict=True):
            np.testing.assert_allclose(part[index], single[0], atol=2e-3)


def operations(graph):
    """Types of all operations, those of inner functions too."""
    definition = graph.as_graph_def()
    nodes = [*definition.node, *(node for function in definition.library.function for node in function.node_def)]
    return {node.op for node in nodes}


@pytest.mark.slow
@pytest.mark.parametrize("op", ["align", "pool"])
def test_is_free_of_operations_that_others_lack(op):
    model = small_detector(2, op)

    def used(detector):
        graph = tf.function(detector.detect_image, input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)])
        return operations(graph.get_concrete_function().graph)

    others_lack = {"CombinedNonMaxSuppression", "CropAndResize", "TensorListReserve", "DynamicStitch"}
    assert "CombinedNonMaxSuppression" in used(model)
    assert not used(portable(model)) & others_lack


def test_outputs_by_hand(hand_detector):
    """The box of test_detector: x 19.6 .. 35.6, y 9.2 .. 25.2 in an image of 48 x 64."""
    outputs = {key: value.numpy() for key, value in detection_outputs(portable(hand_detector), picture()[None]).items()}
    assert {value.dtype for value in outputs.values()} == {np.dtype(np.float32)}
    assert outputs["num_detections"].tolist() == [1.0]
    np.testing.assert_allclose(outputs["detection_boxes"][0, 0], [9.2 / 48, 19.6 / 64, 25.2 / 48, 35.6 / 64], atol=1e-4)
    assert outputs["detection_classes"].tolist() == [[2.0, 0.0, 0.0]]
    assert outputs["detection_scores"][0, 0] > 0.9 and not outputs["detection_scores"][0, 1:].any()
    assert not outputs["detection_boxes"][0, 1:].any()
