import keras
import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.inference import load
from frcnn_keras.models.precision import use_bfloat16


@pytest.fixture
def detector(tiny_run):
    return load(tiny_run)


def test_which_layers(detector):
    model = detector.model
    assert set(use_bfloat16(model)) == {"fine", "middle", "features", "fc1", "fc2"}
    parts = {layer.name: layer.compute_dtype for part in (model.extractor, model.rpn, model.rcnn)
             for layer in part._flatten_layers() if not isinstance(layer, keras.Model)}
    assert parts["neck"] == parts["class_logits"] == parts["deltas"] == parts["convolution"] == "float32"
    assert parts["fc1"] == parts["features"] == "bfloat16"
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}


def test_a_layer_multiplies_bfloat16_and_the_outputs_stay_float32(detector):
    """Against products of inputs rounded by hand to bfloat16's 8 bits."""
    model = detector.model
    use_bfloat16(model)
    layer = next(layer for layer in model.rcnn.trunk.layers if layer.name == "fc1")
    rows = np.random.default_rng(0).normal(size=(5, layer.kernel.shape[0])).astype(np.float32)

    def rounded(values):
        return tf.cast(tf.cast(values, tf.bfloat16), tf.float32).numpy().astype(np.float64)

    wanted = np.maximum(rounded(rows) @ rounded(layer.kernel.value) + rounded(layer.bias.value), 0)
    found = layer(rows)
    assert found.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(found, tf.float32), wanted, rtol=0.02, atol=0.02)
    image = tf.constant(np.random.default_rng(1).integers(0, 256, (90, 120, 3)), tf.uint8)
    answer = model.detect_image(image)
    assert answer.boxes.dtype == answer.scores.dtype == tf.float32
    assert all(level.dtype == tf.float32 for level in model.features(tf.zeros((1, 96, 96, 3))))


def test_features_move_little_but_move(detector, tiny_run):
    image = tf.random.stateless_normal((1, 96, 128, 3), (1, 2))
    before = load(tiny_run).model.features(image)[0].numpy()
    use_bfloat16(detector.model)
    after = detector.model.features(image)[0].numpy()
    distance = np.abs(after - before).max() / np.abs(before).max()
    assert 1e-5 < distance < 0.03
