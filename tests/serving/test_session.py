import numpy as np
import pytest
import tensorflow as tf

from frcnn_keras.serving.session import serving_session

pytestmark = pytest.mark.slow


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
