import pytest
import tensorflow as tf

from frcnn_keras.data.framing import FrameError
from frcnn_keras.data.pipeline_errors import input_error, input_errors
from frcnn_keras.errors import InputError


def pipeline(error):
    """A data set of one item, whose Python function raises."""

    def fail(index):
        raise error

    return tf.data.Dataset.range(1).map(lambda index: tf.numpy_function(fail, [index], tf.int64))


def test_an_input_error_comes_out_as_it_went_in():
    with pytest.raises(InputError) as caught, input_errors():
        list(pipeline(InputError("there/a.tfrecord: record 3: [bad]; make it anew")))
    assert str(caught.value) == "there/a.tfrecord: record 3: [bad]; make it anew"


def test_a_kind_of_input_error_too():
    with pytest.raises(InputError, match="^record 3: that$"), input_errors():
        list(pipeline(FrameError(3, "that")))


def test_out_of_a_decorated_function():
    @input_errors()
    def read():
        return list(pipeline(InputError("that")))

    for _ in range(2):
        with pytest.raises(InputError, match="that"):
            read()


def test_another_error_stays_what_it_is():
    assert input_error(tf.errors.InternalError(None, None, "something else")) is None
    with pytest.raises(tf.errors.OpError, match="KeyError"), input_errors():
        list(pipeline(KeyError("x")))
