import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.errors import InputError
from frcnn_keras.inference import load
from frcnn_keras.models.precision import set_precision
from frcnn_keras.models.saving import save_model
from tests.test_detector import images_of, random_detector, same


def test_products_change_and_results_stay_float32():
    detector, images, sizes = random_detector(), images_of(1), np.array([[64, 80]])
    exact_logits, exact = detector.rpn(detector.features(images))[0][0], detector(images, sizes)
    weights = [weight.numpy() for weight in detector.weights]
    set_precision(detector, "bfloat16")
    levels = detector.features(images)
    assert levels[0].dtype == tf.bfloat16
    logits = detector.rpn(levels)[0][0]
    assert logits.dtype == tf.float32 and 0 < np.abs(logits - exact_logits).max() < 0.05
    found = detector(images, sizes)
    assert found.boxes.dtype == found.scores.dtype == tf.float32 and found.valid.numpy().any()
    assert all(np.array_equal(weight, old) for weight, old in zip(detector.weights, weights, strict=True))
    set_precision(detector, "float32")
    same(detector(images, sizes), exact)


def test_loaded_in_another_precision(tmp_path):
    save_model(random_detector(), tmp_path / "detector.keras")
    assert load(tmp_path).model.features(images_of(1))[0].dtype == tf.float32
    detector = load(tmp_path, precision="bfloat16")
    assert detector.model.features(images_of(1))[0].dtype == tf.bfloat16
    image = np.random.default_rng(5).integers(0, 256, (70, 90, 3)).astype(np.uint8)
    assert len(detector.predict(image)[0]) > 0


def test_another_precision_is_refused():
    with pytest.raises(InputError, match="float32, bfloat16.*float16"):
        set_precision(random_detector(), "float16")
